"""The `.tflite` reader keeps all that a file says, and refuses damaged files in our words."""

import contextlib
import os
from pathlib import Path

import numpy as np
import pytest

from octavo.errors import Invalid, ModelError, OctavoError, TargetError, Unreadable, Unsupported
from octavo.ir.graph import Graph, Model, Signature, Value
from octavo.ir.text import parse
from octavo.ir.type import Quantization, Type
from octavo.ir.verify import verify
from octavo.ops import registry
from octavo.ops.opaque import Opaque
from octavo.read.tflite import read_tflite
from octavo.runtime import Runtime
from octavo.schema.storage import RESOURCE, VARIANT, name_of
from octavo.write.tflite import serialize, to_bytes

DATA = Path(os.environ.get("OCTAVO_DATA", Path(__file__).parents[3] / "shared/data")) / "models"
FILES = sorted(DATA.rglob("*.tflite"))
FLOAT = np.dtype(np.float32)
TEXT = """
main(%x: float32[batch,8,8,3]) {
  %w = const float32[4,3,3,3]
  %b = const float32[4] [0.5, 1.0, 2.0, 3.0]
  %y: float32[batch,4,4,4] = CONV_2D(%x, %w, %b) {stride_w=2, stride_h=2, fused_activation_function=RELU6}
  %s = const int32[2] [-1, 64]
  %z: float32[batch,64] = RESHAPE(%y, %s)
  return %z
}
"""


def model():
    graph = parse(TEXT, registry().ops)
    return Model([graph], [Signature("serving_default", graph, ("image",), ("features",))], {"note": b"hello"}, "mine")


def drawn(runtime):
    """Random inputs. Numbers are small and not negative, because some models look words up by them."""
    random = np.random.default_rng(0)
    shapes = {p.name: [d if isinstance(d, int) else 1 for d in p.shape] for p in runtime.inputs}
    return {p.name: random.integers(0, 3, shapes[p.name]).astype(p.dtype) for p in runtime.inputs}


@pytest.mark.skipif(not FILES, reason="the evaluation data does not stand beside the repository")
@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DATA)))
def test_a_real_model_computes_the_same_after_reading_and_writing(path):
    content = to_bytes(read_tflite(path))
    before, after = Runtime(path), Runtime(content)
    sample = drawn(before)
    expected, got = before.run(sample), after.run(sample)
    assert expected.keys() == got.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(got[name], array)
    assert to_bytes(read_tflite(content)) == content


def test_what_was_written_is_read_back():
    written, read = model(), read_tflite(to_bytes(model()))
    assert (read.metadata, read.description) == (written.metadata, written.description)
    (signature,) = read.signatures
    assert (signature.key, signature.inputs, signature.outputs) == ("serving_default", ("image",), ("features",))
    assert [repr(node.op) for node in read.main] == [repr(node.op) for node in written.main]
    assert [str(v.type) for v in read.main.values] == [str(v.type) for v in written.main.values]


def test_constants_are_views_of_the_file():
    content = np.frombuffer(to_bytes(model()), np.uint8)
    weights = read_tflite(content.data).main.nodes[0].inputs[1].const
    assert np.shares_memory(weights, content)
    assert not weights.flags.writeable


def test_buffers_behind_the_flatbuffer_are_found():
    far = b"".join(serialize(holding(np.arange(1000.0)), inline_limit=10))
    np.testing.assert_array_equal(read_tflite(far).main.outputs[0].const, np.arange(1000.0))


def holding(array, quant=None):
    graph = Graph("main")
    graph.outputs = [graph.const(array, "const", quant)]
    return Model([graph])


def test_a_scale_for_each_channel_keeps_its_axis():
    quant = Quantization(np.ones(1, np.float32), np.zeros(1, np.int64), 3)
    content = to_bytes(holding(np.ones((1, 3, 3, 1), np.int8), quant))
    assert read_tflite(content).main.outputs[0].quant == quant


def unknown_op(**facts):
    graph = Graph("main")
    x = graph.input("x", Type(FLOAT, (2,)))
    op = Opaque(types=(x.type,), **facts)
    graph.outputs = list(graph.insert(op, [x], op.types, names=["y"]).outputs)
    return Model([graph])


@pytest.mark.parametrize(
    "facts",
    [
        {"code": "CUSTOM", "custom_code": "Mine", "custom_options": b"\1\2\3"},
        {
            "code": "REDUCE_WINDOW",
            "table": "ReduceWindowOptions",
            "options": {"reduce_function": 1},
            "stored_version": 3,
        },
        {"code": "STABLEHLO_SLICE", "table": "StablehloSliceOptions", "options": {"start_indices": (1, 2)}},
    ],
    ids=lambda facts: facts["code"],
)
def test_an_operator_that_is_not_known_is_kept_as_it_stands(facts):
    content = to_bytes(unknown_op(**facts))
    op = read_tflite(content).main.nodes[0].op
    assert isinstance(op, Opaque)
    assert {name: getattr(op, name) for name in facts} == facts
    assert to_bytes(read_tflite(content)) == content


def test_states_and_intermediate_tensors_are_kept():
    graph = Graph("main")
    x = graph.input("x", Type(FLOAT, (2,)))
    state, inner = graph.state("state", Type(FLOAT, (2,))), Value("inner", Type(FLOAT, (2,)))
    op = Opaque(code="SVDF", types=(x.type,), table="SVDFOptions", options={"rank": 1}, intermediates=(inner,))
    graph.outputs = list(graph.insert(op, [x, state], op.types, names=["y"]).outputs)
    content = to_bytes(Model([graph]))
    (node,) = read_tflite(content).main
    assert [value.name for value in (*node.inputs, *node.op.intermediates)] == ["x", "state", "inner"]
    assert [value.state for value in (*node.inputs, *node.op.intermediates)] == [False, True, False]
    assert to_bytes(read_tflite(content)) == content


def test_several_graphs_keep_their_order_and_signatures():
    first, second = model(), model()
    second.main.name = "other"
    both = Model(
        [first.main, second.main],
        [Signature("a", first.main, ("p",), ("q",)), Signature("b", second.main, ("r",), ("s",))],
    )
    read = read_tflite(to_bytes(both))
    assert [(s.key, s.graph.name, s.inputs, s.outputs) for s in read.signatures] == [
        ("a", "main", ("p",), ("q",)),
        ("b", "other", ("r",), ("s",)),
    ]


def changed(content, change):
    """The bytes of a model after `change` was made to it through the schema's own classes."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    made = schema.ModelT.InitFromPackedBuf(bytearray(content))
    change(made, schema)
    builder = flatbuffers.Builder()
    builder.Finish(made.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_what_cannot_be_kept_is_listed():
    def elsewhere(made, schema):  # noqa: ARG001  # of every change
        for tensor in made.subgraphs[0].tensors[1:3]:
            tensor.externalBuffer = 1

    with pytest.raises(Unsupported, match="another file") as caught:
        read_tflite(changed(to_bytes(model()), elsewhere))
    assert len(caught.value.gaps) == 2


@pytest.mark.parametrize("dtype", [RESOURCE, VARIANT], ids=name_of)
def test_handles_are_kept(dtype):
    graph = Graph("main")
    handle = Opaque(code="HASHTABLE", types=(Type(dtype, (1,)),), table="HashtableOptions", options={"table_id": 3})
    graph.outputs = list(graph.insert(handle, [], handle.types, names=["table"]).outputs)
    content = to_bytes(Model([graph]))
    read = read_tflite(content)
    assert str(read.main.outputs[0].type) == f"{name_of(dtype)}[1]"
    assert to_bytes(read_tflite(content)) == content


def sparse(*levels, order, blocks=(), values):
    """Turns the filter of a CONV_2D into one that is sparse: a level is a length, or segments and indices."""

    def change(made, schema):
        tensor = made.subgraphs[0].tensors[made.subgraphs[0].operators[0].inputs[1]]
        tensor.sparsity = schema.SparsityParametersT(traversalOrder=order, blockMap=list(blocks), dimMetadata=[])
        for level in levels:
            dense = isinstance(level, int)
            data = schema.DimensionMetadataT(format=0 if dense else 1, denseSize=level if dense else 0)
            if not dense:
                data.arraySegmentsType = data.arrayIndicesType = schema.SparseIndexVector.Uint16Vector
                data.arraySegments, data.arrayIndices = (schema.Uint16VectorT(values=list(each)) for each in level)
            tensor.sparsity.dimMetadata.append(data)
        made.buffers[tensor.buffer].data = np.frombuffer(np.float32(values).tobytes(), np.uint8)

    return changed(to_bytes(model()), change)


def test_sparse_weights_become_dense():
    # [4,3,3,3]: channel 1 has the number 5 at (2, 0, 1), channel 3 has 6 and 7 at (0, 1, 2) and (0, 2, 2)
    columns = ([0, 0, 1, 1, 2], [2, 0]), ([0, 1, 3], [0, 1, 2]), ([0, 1, 2, 3], [1, 2, 2])
    read = read_tflite(sparse(4, *columns, order=[0, 1, 2, 3], values=[5, 6, 7]))
    expected = np.zeros((4, 3, 3, 3), np.float32)
    expected[1, 2, 0, 1], expected[3, 0, 1, 2], expected[3, 0, 2, 2] = 5, 6, 7
    np.testing.assert_array_equal(read.main.nodes[0].inputs[1].const, expected)


def test_sparse_weights_in_blocks_become_dense():
    # two channels make a block: block 1 stands at (0, 0, 2)
    levels = 2, 3, 3, ([0, *[0] * 9, 1, *[1] * 8], [2]), 2
    read = read_tflite(sparse(*levels, order=[0, 1, 2, 3, 4], blocks=[0], values=[8, 9]))
    expected = np.zeros((4, 3, 3, 3), np.float32)
    expected[2, 0, 0, 2], expected[3, 0, 0, 2] = 8, 9
    np.testing.assert_array_equal(read.main.nodes[0].inputs[1].const, expected)


@pytest.mark.parametrize(
    ("levels", "order", "problem"),
    [
        ((4, 3, 3), [0, 1, 2], "3 levels"),
        ((4, 3, 3, 3), [0, 1, 2, 2], "order"),
        ((4, 3, 3, 1 << 30), [0, 1, 2, 3], "more numbers"),
        ((4, 3, 3, 2), [0, 1, 2, 3], "72 numbers"),
        ((4, 3, 3, ([0, 1], [0])), [0, 1, 2, 3], "segments"),
        ((1, 1, 1, ([0, 1], [3])), [0, 1, 2, 3], "outside"),
    ],
)
def test_sparse_weights_that_contradict_themselves_are_told(levels, order, problem):
    with pytest.raises(Invalid, match=problem):
        read_tflite(sparse(*levels, order=order, values=[1]))


def test_a_shape_that_is_computed_at_run_time_is_followed():
    text = """
main(%x: float32[batch,4,6]) {
  %s: int32[3] = SHAPE(%x)
  %zero = const int32[1] [0]
  %one = const int32[1] [1]
  %b: int32[] = STRIDED_SLICE(%s, %zero, %one, %one) {shrink_axis_mask=1}
  %n = const int32[] 24
  %to: int32[2] = PACK(%b, %n) {values_count=2}
  %y: float32[batch,24] = RESHAPE(%x, %to)
  return %y
}
"""
    graph = read_tflite(to_bytes(Model([parse(text, registry().ops)]))).main
    assert str(graph.outputs[0].type) == "float32[batch,24]"
    verify(graph, after="reading")
    assert not any(isinstance(node.op, Opaque) for node in graph)


def test_an_operation_on_operands_that_octavo_does_not_know_is_kept_as_it_stands():
    content = changed(to_bytes(model()), lambda made, _: made.subgraphs[0].operators[1].inputs.__setitem__(1, -1))
    read = read_tflite(content)
    assert [type(node.op).__name__ for node in read.main] == ["Conv2D", "Opaque"]
    verify(read.main, after="reading")


def test_a_model_without_signatures_is_converted_and_stays_without():
    import octavo

    result = octavo.convert(to_bytes(Model([model().main])))
    assert not read_tflite(result.content).signatures
    assert Runtime(result.content).run({"x": np.ones((2, 8, 8, 3), np.float32)})["z"].shape == (2, 64)


def test_a_custom_operation_is_passed_through_with_a_warning():
    import octavo

    result = octavo.convert(to_bytes(unknown_op(code="CUSTOM", custom_code="Mine", custom_options=b"\1")))
    assert read_tflite(result.content).main.nodes[0].op.custom_options == b"\1"
    assert any("Mine" in warning for warning in result.warnings)


@pytest.mark.parametrize("recipe", ["int8", "int16x8"])
def test_calibration_names_the_custom_operation_whose_kernel_it_lacks(recipe):
    import octavo

    graph = parse("main(%x: float32[1,2]) {\n  %y = TANH(%x)\n  return %y\n}", registry().ops)
    op = Opaque(types=(graph.inputs[0].type,), code="CUSTOM", custom_code="Mine", custom_options=b"\1")
    graph.outputs = list(graph.insert(op, [graph.outputs[0]], op.types, names=["z"]).outputs)
    with pytest.raises(
        TargetError, match="the custom operation 'Mine' has no kernel here: only a kernel of yours"
    ) as it:
        octavo.convert(to_bytes(Model([graph])), recipe=recipe, samples=[np.ones((1, 2), np.float32)])
    assert "dynamic, weight_only and float16 do not" in it.value.hint


@pytest.mark.parametrize("content", [b"", b"PK\3\4aaaaaaaa", b"\0\0\0\0TFL3", b"\xff\xff\xff\xffTFL3" + bytes(20)])
def test_what_is_no_tflite_file_is_unreadable(content):
    with pytest.raises(Unreadable):
        read_tflite(content)


def test_an_empty_file_and_a_missing_one_are_named(tmp_path):
    empty = tmp_path / "empty.tflite"
    empty.touch()
    for path in (empty, tmp_path / "missing.tflite"):
        with pytest.raises(Unreadable, match=path.name):
            read_tflite(path)


def test_a_cut_off_file_is_a_model_error():
    content = to_bytes(model())
    for size in range(0, len(content) - 1, 7):
        with pytest.raises(ModelError):
            read_tflite(content[:size])


def test_a_tensor_that_is_read_before_it_is_made_is_named():
    graph = model().main
    graph.outputs = [Value("ghost", Type(FLOAT, (2,)))]
    with pytest.raises(Invalid, match="ghost"):
        read_tflite(to_bytes(Model([graph])))


def test_no_flipped_byte_gets_past_the_checks_as_another_error():
    content = to_bytes(model())
    random = np.random.default_rng(0)
    for _ in range(1500):
        damaged = bytearray(content)
        for place in random.integers(0, len(content), 3):
            damaged[place] = random.integers(0, 256)
        with contextlib.suppress(OctavoError):
            read_tflite(bytes(damaged))
