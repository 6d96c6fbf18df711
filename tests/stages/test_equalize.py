"""Channels of very unequal size: equalized, the float model computes the same, and integers lose less."""

import msgspec
import numpy as np
import pytest

import octavo
from octavo.equalize.family import families, put
from octavo.ir.build import Builder
from octavo.ir.dim import symbol
from octavo.ir.graph import Graph, Model, Signature
from octavo.ir.interpret import interpret
from octavo.ir.type import Type
from octavo.judge.metrics import sqnr
from octavo.ops.activation import LeakyRelu, Logistic, Prelu, Relu
from octavo.ops.batch_matmul import BatchMatMul
from octavo.ops.binary import Add, Mul, Sub
from octavo.ops.conv_2d import Conv2D
from octavo.ops.depthwise_conv_2d import DepthwiseConv2D
from octavo.ops.fully_connected import FullyConnected
from octavo.ops.pad import Pad
from octavo.ops.pool_2d import AveragePool2D, MaxPool2D
from octavo.ops.reduce import Mean
from octavo.ops.reshape import Reshape
from octavo.ops.resize import ResizeBilinear
from octavo.plan import Plan
from octavo.runtime import Runtime
from octavo.schema.enums import Activation
from octavo.write.tflite import to_bytes

CHANNELS = 6


class Made:
    """A graph between two convolutions."""

    def __init__(self, *, window=1):
        self.random = np.random.default_rng(0)
        self.graph = Graph()
        self.build = Builder(self.graph)
        self.input = self.graph.input("input", Type(np.dtype(np.float32), (1, 6, 6, CHANNELS)))
        self.first = self.build(Conv2D(), self.input, *self.weights((CHANNELS, window, window, CHANNELS)))

    def weights(self, shape, bias=None):
        return self.normal(shape), self.normal(shape[0] if bias is None else bias)

    def normal(self, shape):
        return self.random.standard_normal(shape).astype(np.float32)

    def close(self, value):
        """The graph with a last layer that reads `value`."""
        channels = value.shape[-1]
        if value.rank == 4:
            self.graph.outputs = [self.build(Conv2D(), value, *self.weights((5, 1, 1, channels)))]
        else:
            self.graph.outputs = [self.build(FullyConnected(), value, *self.weights((5, channels)))]
        return self.graph


def _depthwise(made, value):
    return made.build(DepthwiseConv2D(depth_multiplier=2), value, *made.weights((1, 3, 3, 2 * CHANNELS), 2 * CHANNELS))


def _residual(made, value):
    other = made.build(Conv2D(), made.input, *made.weights((CHANNELS, 1, 1, CHANNELS)))
    return made.build(Add(fused_activation_function=Activation.RELU), value, other)


def _swish(made, value):
    return made.build(Mul(), value, made.build(Logistic(), value))


def _gated(made, value):
    squeezed = made.build(Mean(keep_dims=True), value, np.array([1, 2], np.int32))
    gate = made.build(Logistic(), made.build(Conv2D(), squeezed, *made.weights((CHANNELS, 1, 1, CHANNELS))))
    return made.build(Mul(), value, gate)


def _flat(made, value):
    return made.build(Reshape(), value, np.array([1, 36 * CHANNELS], np.int32))


BETWEEN = {
    "relu": lambda made, value: made.build(Relu(), value),
    "leaky": lambda made, value: made.build(LeakyRelu(alpha=0.3), value),
    "prelu": lambda made, value: made.build(Prelu(), value, made.normal((1, 1, CHANNELS))),
    "depthwise": _depthwise,
    "residual": _residual,
    "swish": _swish,
    "gate": _gated,
    "flat": _flat,
    "flat swish": lambda made, value: _swish(made, _flat(made, value)),
    "gains": lambda made, value: made.build(Mul(), value, made.normal(CHANNELS)),
    "one gain": lambda made, value: made.build(Mul(), value, np.array(0.7, np.float32)),
    "offsets": lambda made, value: made.build(Add(), value, made.normal(CHANNELS)),
    "offset": lambda made, value: made.build(Sub(), value, np.array([0.5], np.float32)),
    "pad": lambda made, value: made.build(Pad(), value, np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32)),
    "mean pool": lambda made, value: made.build(AveragePool2D(filter_height=2, filter_width=2), value),
    "max pool": lambda made, value: made.build(MaxPool2D(filter_height=2, filter_width=2), value),
    "resize": lambda made, value: made.build(ResizeBilinear(), value, np.array([9, 9], np.int32)),
}


@pytest.mark.parametrize("between", BETWEEN)
def test_an_equalized_graph_computes_the_same_to_the_last_bit(between):
    made, twin = Made(), Made()
    for each in (made, twin):
        each.close(BETWEEN[between](each, each.first))
    found = families(made.graph)
    assert found, "factors get past every one of these"
    for family in found:
        put(made.graph, family, np.exp2(made.random.integers(-5, 5, family.length)))
    given = {"input": made.normal((1, 6, 6, CHANNELS))}
    exact, same = interpret(twin.graph, given), interpret(made.graph, given)
    np.testing.assert_array_equal(same[made.graph.outputs[0]], exact[twin.graph.outputs[0]])
    assert not np.array_equal(same[made.first], exact[twin.first])


def test_whole_numbers_have_no_channels():
    graph = Graph()
    value = graph.input("input", Type(np.dtype(np.int32), (1, CHANNELS)))
    graph.outputs = [Builder(graph)(Add(), value, np.ones(CHANNELS, np.int32))]
    assert families(graph) == []


@pytest.mark.parametrize("activation", [Activation.RELU6, Activation.RELU_N1_TO_1])
def test_factors_do_not_get_past_what_bends_at_a_fixed_number(activation):
    made = Made()
    bent = made.build(Conv2D(fused_activation_function=activation), made.first, *made.weights((5, 1, 1, CHANNELS)))
    made.close(bent)
    assert not any(bent in family.values for family in families(made.graph))
    assert any(made.first in family.values for family in families(made.graph))


def _unequal(factors):
    """A layer whose channels have sizes like these, and one that makes up for it; as a model, with samples."""
    made = Made(window=3)
    gains = np.asarray(factors, np.float32)
    weights, bias = made.weights((1, 3, 3, CHANNELS), CHANNELS)
    value = made.build(
        DepthwiseConv2D(fused_activation_function=Activation.RELU), made.first, weights * gains, bias * gains
    )
    weights, bias = made.weights((5, 1, 1, CHANNELS))
    made.graph.outputs = [made.build(Conv2D(), value, weights / gains, bias)]
    made.graph.outputs[0].name = "output"
    model = Model([made.graph], [Signature("serving_default", made.graph, ("input",), ("output",))])
    return to_bytes(model), made.normal((20, 6, 6, CHANNELS))


def _noise(content, reference, samples):
    exact, made = (
        np.concatenate([Runtime(which).run({"input": sample[None]})["output"] for sample in samples])
        for which in (reference, content)
    )
    return sqnr(exact, made)


def test_unequal_channels_are_equalized_and_the_plan_says_so_and_replays_it():
    model, samples = _unequal(np.logspace(-2, 2, CHANNELS))
    made = octavo.convert(model, recipe="int8", samples=samples)
    (row,) = made.plan.equalized
    assert row.gain > 10
    assert "equalized" in str(made.plan)
    assert row.why in str(made.plan)
    without = octavo.convert(model, recipe={"precision": "int8", "equalize": False}, samples=samples)
    assert _noise(made.content, model, samples) > _noise(without.content, model, samples) + 10
    np.testing.assert_array_equal(
        *(Runtime(which).run({"input": samples[:1]})["output"] for which in (model, made.reference))
    )
    assert octavo.convert(model, plan=made.plan).content == made.content
    assert octavo.convert(made.reference, plan=made.plan).content == made.content, "once is enough"


def test_channels_that_are_alike_stay_and_so_do_all_with_little_effort(tmp_path):
    model, samples = _unequal(np.ones(CHANNELS))
    made = octavo.convert(model, recipe="int8", samples=samples)
    assert made.plan.equalized == ()
    model, samples = _unequal(np.logspace(-2, 2, CHANNELS))
    assert octavo.convert(model, recipe={"precision": "int8", "effort": "fast"}, samples=samples).plan.equalized == ()
    made = octavo.convert(model, recipe="int8", samples=(sample for sample in samples))
    made.plan.save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json").equalized == made.plan.equalized
    assert all(seen.samples == len(samples) for seen in made.statistics[0].ranges.values())


def test_a_plan_that_equalizes_what_the_model_has_not_is_refused():
    model, samples = _unequal(np.logspace(-2, 2, CHANNELS))
    plan = octavo.convert(model, recipe="int8", samples=samples).plan
    other, _ = _unequal(np.ones(CHANNELS))
    wrong = msgspec.structs.replace(plan.equalized[0], values=("no such value",))
    with pytest.raises(octavo.errors.Invalid, match="no such value"):
        octavo.convert(other, plan=msgspec.structs.replace(plan, equalized=(wrong,)))


def test_dimensions_whose_length_differs_from_sample_to_sample_are_no_channels():
    random = np.random.default_rng(0)
    graph, length = Graph(), symbol("length")
    build = Builder(graph)
    given = graph.input("input", Type(np.dtype(np.float32), (1, length, CHANNELS)))
    made = [build(FullyConnected(keep_num_dims=True), given, *_normal(random, CHANNELS, CHANNELS)) for _ in range(2)]
    scores = build(Mul(), build(BatchMatMul(adj_y=True), *made), np.float32(0.4))
    graph.outputs = [build(BatchMatMul(), build(Logistic(), scores), made[0])]
    graph.outputs[0].name = "output"
    model = to_bytes(Model([graph], [Signature("serving_default", graph, ("input",), ("output",))]))
    samples = [{"input": random.standard_normal((1, 3 + n % 5, CHANNELS)).astype(np.float32)} for n in range(20)]
    result = octavo.convert(model, recipe="int8", samples=samples)
    for sample in samples[:5]:
        exact, found = (Runtime(which).run(sample)["output"] for which in (model, result.content))
        assert sqnr(exact, found) > 20, "eight bits"


def _normal(random, out, into):
    return random.standard_normal((out, into)).astype(np.float32), random.standard_normal(out).astype(np.float32)
