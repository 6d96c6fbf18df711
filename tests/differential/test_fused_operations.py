"""Frozen graphs that TensorFlow's graph optimizer has been over: what it joined is read as what it was made of."""

import numpy as np
import pytest

from octavo.ir.interpret import interpret
from octavo.lower.engine import lower
from octavo.read.graph_def import read_graph_def

tf = pytest.importorskip("tensorflow")
RANDOM = np.random.default_rng(3)


def real(*shape):
    return RANDOM.uniform(0.1, 1.0, shape).astype(np.float32) - np.float32(0.5)


WINDOW = {"strides": [1, 2, 1, 1], "padding": b"SAME", "data_format": b"NHWC", "dilations": [1, 1, 1, 1]}
IMAGE, BIAS = (2, 5, 6, 3), real(4)
STATISTICS = [real(4) + 1, real(4), real(4), real(4) + 1]
CASES = {
    "a convolution with a bias": (IMAGE, "_FusedConv2D", real(3, 3, 3, 4), [BIAS], ["BiasAdd"], WINDOW),
    "and an activation": (IMAGE, "_FusedConv2D", real(3, 3, 3, 4), [BIAS], ["BiasAdd", "Relu6"], WINDOW),
    "and a leaky one": (IMAGE, "_FusedConv2D", real(3, 3, 3, 4), [BIAS], ["BiasAdd", "LeakyRelu"], WINDOW),
    "and a sum": (IMAGE, "_FusedConv2D", real(3, 3, 3, 4), [BIAS, real(2, 3, 6, 4)], ["BiasAdd", "Add", "Relu"], WINDOW),
    "a normalization": (IMAGE, "_FusedConv2D", real(3, 3, 3, 4), STATISTICS, ["FusedBatchNorm", "Relu"], WINDOW),
    "a depthwise convolution": (
        IMAGE, "_FusedDepthwiseConv2dNative", real(3, 3, 3, 1), [real(3)], ["BiasAdd", "Relu"],
        WINDOW | {"strides": [1, 2, 2, 1]},
    ),
    "a product": ((2, 3), "_FusedMatMul", real(3, 4), [BIAS], ["BiasAdd", "Tanh"], {"transpose_b": False}),
}  # fmt: skip


def attr(value):
    proto = tf.compat.v1.AttrValue()
    match value:
        case bool():
            proto.b = value
        case int():
            proto.i = value
        case float():
            proto.f = value
        case bytes():
            proto.s = value
        case [str(), *_]:
            proto.list.s.extend(text.encode() for text in value)
        case [int(), *_]:
            proto.list.i.extend(value)
        case np.ndarray():
            proto.tensor.CopyFrom(tf.make_tensor_proto(value))
        case _:
            proto.type = tf.as_dtype(value).as_datatype_enum
    return proto


def graph_of(shape, op, weights, more, fused, said):
    graph = tf.compat.v1.GraphDef()
    given = graph.node.add(name="x", op="Placeholder")
    given.attr["dtype"].CopyFrom(attr(tf.float32))
    given.attr["shape"].shape.CopyFrom(tf.TensorShape(shape).as_proto())
    for number, array in enumerate([weights, *more]):
        node = graph.node.add(name=f"c{number}", op="Const")
        node.attr["dtype"].CopyFrom(attr(tf.float32))
        node.attr["value"].CopyFrom(attr(array))
    node = graph.node.add(name="y", op=op, input=["x", *(f"c{number}" for number in range(len(more) + 1))])
    chosen = {"T": tf.float32, "num_args": len(more), "fused_ops": fused, "epsilon": 0.001, "leakyrelu_alpha": 0.25}
    chosen |= {"TArgs": None} if op == "_FusedConv2D" else {}
    for name, value in (chosen | said).items():
        if name == "TArgs":
            node.attr[name].list.type.extend([tf.float32.as_datatype_enum] * len(more))
        else:
            node.attr[name].CopyFrom(attr(value))
    return graph


@pytest.mark.parametrize("name", CASES)
def test_what_was_joined_computes_the_same(name, tmp_path):
    graph = graph_of(*CASES[name])
    x = real(*CASES[name][0])
    with tf.Graph().as_default() as scope, tf.compat.v1.Session(graph=scope) as session:
        tf.import_graph_def(graph, name="")
        want = session.run("y:0", {"x:0": x})
    (tmp_path / "model.pb").write_bytes(graph.SerializeToString())
    lowered = lower(read_graph_def(tmp_path / "model.pb")).main
    (value,) = lowered.outputs
    got = interpret(lowered, {lowered.inputs[0].name: x})[value]
    np.testing.assert_allclose(got, want, atol=1e-5)  # some dozen sums of float32 below 10
