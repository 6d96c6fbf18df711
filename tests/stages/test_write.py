"""The writer: what LiteRT and its own schema code read back is what the model says."""

import ml_dtypes
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from octavo.errors import InternalError, TargetError, UsageError
from octavo.ir.dim import symbol
from octavo.ir.graph import Graph, Model, Signature
from octavo.ir.text import parse
from octavo.ir.type import Quantization, Type
from octavo.ops import registry
from octavo.ops.opaque import Opaque
from octavo.runtime import Runtime
from octavo.schema.storage import loaded, stored
from octavo.write.file import save
from octavo.write.tflite import serialize, to_bytes

FLOAT = np.dtype(np.float32)
TEXT = """
main(%x: float32[batch,4]) {
  %w = const float32[600,4]
  %y: float32[batch,600] = FULLY_CONNECTED(%x, %w, _) {fused_activation_function=RELU}
  %z: float32[batch,600] = SOFTMAX(%y) {beta=1.0}
  return %z
}
"""


def model():
    graph = parse(TEXT, registry().ops)
    return Model([graph], [Signature("serving_default", graph, ("image",), ("scores",))], {"note": b"hello"})


def read(content):
    return schema.ModelT.InitFromPackedBuf(bytearray(content))


def holding(*arrays, quant=None):
    """A model whose graph gives out constants."""
    graph = Graph("main")
    graph.outputs = [graph.const(array, "const", quant) for array in arrays]
    return Model([graph])


def test_the_same_model_gives_the_same_bytes():
    assert to_bytes(model()) == to_bytes(model())


def test_the_file_says_what_it_is():
    content = to_bytes(model())
    made = read(content)
    assert content[4:8] == b"TFL3"
    assert (made.version, made.description) == (3, b"Octavo")
    assert made.buffers[0].data is None


def test_open_dimensions_stand_in_the_signature_of_the_shape():
    tensors = read(to_bytes(model())).subgraphs[0].tensors
    assert list(tensors[0].shape) == [1, 4]
    assert list(tensors[0].shapeSignature) == [-1, 4]
    assert tensors[1].shapeSignature is None
    assert all(tensor.hasRank for tensor in tensors)


def test_an_omitted_operand_is_minus_one_and_options_keep_their_names():
    first, second = read(to_bytes(model())).subgraphs[0].operators
    assert list(first.inputs) == [0, 1, -1]
    assert first.builtinOptions.fusedActivationFunction == schema.ActivationFunctionType.RELU
    assert second.builtinOptions.beta == 1.0


def test_a_code_that_fits_no_byte_stands_beside_127():
    graph = Graph("main")
    x = graph.input("x", Type(FLOAT, (2,)))
    op = Opaque(code="GELU", types=(x.type,), table="GeluOptions", options={"approximate": True}, stored_version=2)
    graph.outputs = list(graph.insert(op, [x], op.types, names=["y"]).outputs)
    (code,) = read(to_bytes(Model([graph]))).operatorCodes
    assert (code.deprecatedBuiltinCode, code.builtinCode, code.version) == (127, schema.BuiltinOperator.GELU, 2)


def test_signatures_and_metadata_are_found_by_name():
    made = read(to_bytes(model()))
    (signature,) = made.signatureDefs
    assert signature.signatureKey == b"serving_default"
    assert [(entry.name, entry.tensorIndex) for entry in signature.inputs] == [(b"image", 0)]
    (note,) = made.metadata
    assert bytes(made.buffers[note.buffer].data) == b"hello"


@pytest.mark.parametrize("size", [3, 100, 5000])
def test_equal_contents_are_stored_once(size):
    same, other = np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32)
    other[size // 3] = -1
    first, second, third = read(to_bytes(holding(same, same.copy(), other))).subgraphs[0].tensors
    assert first.buffer == second.buffer != third.buffer


def test_weights_stand_at_multiples_of_sixteen_bytes():
    content = to_bytes(holding(np.arange(5, dtype=np.int8), np.arange(3000, dtype=np.float32), np.arange(7)))
    for buffer in read(content).buffers[1:]:
        assert content.index(bytes(buffer.data)) % 16 == 0


def test_weights_are_not_copied_before_the_result_is_joined():
    weights = np.arange(10_000, dtype=np.float32)
    assert any(np.shares_memory(np.asarray(part), weights) for part in serialize(holding(weights)))


def test_a_model_beyond_the_limit_of_flatbuffers_keeps_its_weights_behind_it():
    sample = {"image": np.random.default_rng(0).standard_normal((3, 4), np.float32)}
    near, far = to_bytes(model()), b"".join(serialize(model(), inline_limit=1000))
    large = [buffer for buffer in read(far).buffers if buffer.offset]
    assert [(buffer.size, buffer.offset % 16) for buffer in large] == [(600 * 4 * 4, 0)]
    np.testing.assert_array_equal(Runtime(far).run(sample)["scores"], Runtime(near).run(sample)["scores"])


def test_scales_are_per_tensor_or_along_an_axis():
    array = np.ones((2, 3), np.int8)
    whole = holding(array, quant=Quantization.per_tensor(0.5, -3))
    along = holding(array, quant=Quantization(np.ones(3, np.float32), np.zeros(3, np.int64), 1))
    quants = [read(to_bytes(m)).subgraphs[0].tensors[0].quantization for m in (whole, along)]
    assert (list(quants[0].scale), list(quants[0].zeroPoint), quants[0].quantizedDimension) == ([0.5], [-3], 0)
    assert (len(quants[1].scale), quants[1].quantizedDimension) == (3, 1)


@pytest.mark.parametrize(
    ("dtype", "numbers", "data"),
    [
        (ml_dtypes.int4, [1, -2, 7], [0xE1, 0x07]),
        (ml_dtypes.uint4, [1, 15], [0xF1]),
        (ml_dtypes.int2, [1, -1, 0, -2, 1], [0b10_00_11_01, 0b01]),
        (np.bool_, [True, False], [1, 0]),
        (np.int64, [-2], [0xFE] + [0xFF] * 7),
        (">i4", [1], [1, 0, 0, 0]),
        (np.float16, [1.0], [0x00, 0x3C]),
        (ml_dtypes.bfloat16, [1.0], [0x80, 0x3F]),
    ],
)
def test_numbers_are_packed_as_the_schema_says(dtype, numbers, data):
    array = np.array(numbers).astype(dtype)
    assert stored(array).tolist() == data
    back = loaded(np.array(data, np.uint8), array.dtype.newbyteorder("="), array.shape)
    np.testing.assert_array_equal(back.astype(np.float64), np.array(numbers, np.float64))


@pytest.mark.parametrize(
    ("shape", "axes"), [((512, 301), (1, 0)), ((3, 3, 100, 101), (3, 0, 1, 2)), ((512, 512), (1, 0))]
)
def test_a_large_transposed_array_is_stored_in_the_order_of_its_own_axes(shape, axes):
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape).transpose(axes)
    assert stored(array).tobytes() == array.tobytes()


def test_strings_reach_litert():
    graph = Graph("main")
    x = graph.input("x", Type(np.dtype(object), (symbol("batch"),)))
    graph.outputs = [x, graph.const(np.array(["häuser", b"a\0b", ""], object))]
    content = to_bytes(Model([graph], [Signature("s", graph, ("x",), ("same", "words"))]))
    got = Runtime(content).run({"x": np.array([b"q"], object)})
    assert got["words"].tolist() == ["häuser".encode(), b"a\0b", b""]


def test_a_dtype_that_litert_lacks_is_a_target_error():
    with pytest.raises(TargetError, match=r"longdouble|float128"):
        to_bytes(holding(np.ones(1, np.longdouble)))


def test_a_code_that_the_schema_lacks_is_our_own_defect():
    graph = Graph("main")
    x = graph.input("x", Type(FLOAT, (2,)))

    class Unknown(registry().ops["SOFTMAX"]):
        code = "UNKNOWN"

    graph.outputs = list(graph.insert(Unknown(), [x], [x.type], names=["y"]).outputs)
    with pytest.raises(InternalError, match="UNKNOWN"):
        to_bytes(Model([graph]))


def test_saving_replaces_the_old_file(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"old")
    save(model(), path)
    assert path.read_bytes() == to_bytes(model())
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_save_leaves_the_old_file_and_nothing_else(tmp_path, error):
    def parts():
        yield b"half"
        raise error

    path = tmp_path / "model.tflite"
    path.write_bytes(b"old")
    with pytest.raises(error):
        save(parts(), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(UsageError, match="nowhere"):
        save(b"", tmp_path / "nowhere" / "model.tflite")


def test_scales_and_zero_points_that_say_the_same_are_written_once():
    rows = np.arange(600).astype(np.int8).reshape(300, 2)
    weights = [rows, rows + 1, rows + 2]
    grid = Quantization(np.linspace(0.5, 1, 300, dtype=np.float32), np.zeros(300, np.int64), axis=0)
    one, three = to_bytes(holding(weights[0], quant=grid)), to_bytes(holding(*weights, quant=grid))
    assert len(three) - len(one) < 2 * rows.nbytes + 400  # each further tensor: its numbers, and tables of 200 bytes
    for tensor in read(three).subgraphs[0].tensors:
        np.testing.assert_array_equal(tensor.quantization.scale, grid.scale)
        np.testing.assert_array_equal(tensor.quantization.zeroPoint, grid.zero_point)
