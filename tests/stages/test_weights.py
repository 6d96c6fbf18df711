"""Weights of few bits: which dtype each kernel gets, that its numbers come out right, and what is refused."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import octavo
from octavo.errors import RecipeError
from octavo.ir.graph import Model, Signature
from octavo.ir.grid import LIMITS, dequantize, quantize, weight_scale
from octavo.ir.text import parse
from octavo.ir.type import Quantization
from octavo.ops import registry
from octavo.read.tflite import read_tflite
from octavo.recipe import Recipe, Rule
from octavo.runtime import Runtime
from octavo.write.tflite import to_bytes

DENSE = """main(%x: float32[batch,128]) {
  %w = const float32[24,128]
  %b = const float32[24]
  %y = FULLY_CONNECTED(%x, %w, %b)
  return %y
}"""
CONV = """main(%x: float32[batch,6,6,8]) {
  %w = const float32[8,3,3,8]
  %b = const float32[8]
  %y = CONV_2D(%x, %w, %b)
  return %y
}"""
WIDE = """main(%x: float32[batch,4,4,32]) {
  %w = const float32[128,3,3,32]
  %b = const float32[128]
  %y = CONV_2D(%x, %w, %b)
  return %y
}"""
DEPTHWISE = """main(%x: float32[batch,6,6,8]) {
  %w = const float32[1,3,3,8]
  %b = const float32[8]
  %y = DEPTHWISE_CONV_2D(%x, %w, %b)
  return %y
}"""
TRANSPOSE = """main(%x: float32[1,6,6,8]) {
  %s = const int32[4] [1, 12, 12, 8]
  %w = const float32[8,3,3,8]
  %y = TRANSPOSE_CONV(%s, %w, %x) {stride_w=2, stride_h=2}
  return %y
}"""
EMBEDDING = """main(%x: int32[batch,3]) {
  %w = const float32[50,16]
  %y = GATHER(%w, %x)
  return %y
}"""

LARGE = EMBEDDING.replace("[50,16]", "[131072,8]")
POSITIONS = """main(%x: float32[batch,64,3]) {
  %w = const float32[64,3]
  %y = ADD(%x, %w)
  return %y
}"""


def content_of(text):
    graph = parse(text, registry().ops)
    return to_bytes(Model([graph], [Signature("serving_default", graph, ("x",), ("y",))]))


def drawn(text, count=8):
    random = np.random.default_rng(0)
    (value,) = parse(text, registry().ops).inputs
    shape = [d if isinstance(d, int) else 3 for d in value.shape]
    if value.dtype == np.int32:
        return [{"x": random.integers(0, 50, shape).astype(np.int32)} for _ in range(count)]
    return [{"x": random.standard_normal(shape).astype(np.float32)} for _ in range(count)]


def converted(text, **recipe):
    plain = {"small": 1, "ranges": "minmax", "correct_bias": False}
    return octavo.convert(content_of(text), recipe=Recipe(**plain, **recipe), samples=drawn(text))


def stored(result):
    """The dtype and block of the weight, and the precision of the operation that reads it."""
    (plan,) = result.plan.graphs
    (grid,) = [grid for grid in plan.grids if grid.value == "w"]
    return grid.dtype, grid.block, next(row.precision for row in plan.ops if row.node == grid.reader)


def as_stored(result):
    """The weight that the file holds, as real numbers, and the model in float with it."""
    graph = read_tflite(result.content).main
    value = next(v for v in graph.values if v.name == "w")
    return dequantize(value.const, value.quant)


def expected(text, result, sample):
    """What the operation means with the weights that were stored."""
    from octavo.ir.interpret import interpret

    graph = parse(text, registry().ops)
    node = next(node for node in graph if any(v is not None and v.name == "w" for v in node.inputs))
    index = next(i for i, v in enumerate(node.inputs) if v is not None and v.name == "w")
    graph.rewire(node, index, graph.const(as_stored(result), "stored"))
    numbers = interpret(graph, sample)
    return numbers[graph.outputs[0]]


FORMS = [
    # text, precision, weights asked for, then: dtype stored, precision of the operation
    (DENSE, "dynamic", "int4", "int4", "dynamic"),
    (DENSE, "dynamic", "int2", "int2", "dynamic"),
    (DENSE, "weight_only", "int4", "int4", "weight_only"),
    (DENSE, "weight_only", "int2", "int2", "weight_only"),
    (DENSE, "int8", "int4", "int4", "int8"),
    (DENSE, "int8", "int2", "int2", "int8"),
    (DENSE, "int16x8", "int4", "int4", "int16x8"),
    (DENSE, "int16x8", "int2", "int2", "int16x8"),
    (CONV, "dynamic", "int4", "int8", "weight_only"),  # the int4 kernel is slower than float, and int8 so small as well
    (WIDE, "dynamic", "int4", "int8", "dynamic"),  # the int4 kernel is slower than float
    (WIDE, "dynamic", "int2", "int8", "dynamic"),  # the int2 kernel gives no numbers
    (CONV, "weight_only", "int2", "int2", "weight_only"),
    (CONV, "int8", "int4", "int4", "int8"),
    (CONV, "int8", "int2", "int4", "int8"),  # rejected
    (CONV, "int16x8", "int2", "int4", "int16x8"),  # silently wrong
    (DEPTHWISE, "dynamic", "int4", "int8", "weight_only"),  # rejected, and slow where widened
    (DEPTHWISE, "weight_only", "int4", "int4", "weight_only"),
    (DEPTHWISE, "int8", "int4", "int4", "int8"),
    (DEPTHWISE, "int8", "int2", "int4", "int8"),  # rejected
    (DEPTHWISE, "int16x8", "int4", "int8", "weight_only"),  # silently wrong, and int8 many times as slow as float
    (TRANSPOSE, "dynamic", "int4", "int8", "weight_only"),
    (TRANSPOSE, "weight_only", "int4", "int4", "weight_only"),
    (TRANSPOSE, "int8", "int4", "int8", "int8"),  # rejected
    (TRANSPOSE, "int16x8", "int2", "int8", "int16x8"),  # rejected
    (EMBEDDING, "dynamic", "int4", "int4", "weight_only"),  # copying float rows is faster than widening integers
    (EMBEDDING, "weight_only", "int8", "int8", "weight_only"),
    (LARGE, "dynamic", "int4", "int4", "dynamic"),
    (LARGE, "dynamic", "int2", "int2", "dynamic"),
    (LARGE, "weight_only", "int8", "int8", "weight_only"),
    (POSITIONS, "dynamic", "int4", "int8", "weight_only"),  # XNNPACK adds, and widens no int4
]


@pytest.mark.parametrize(("text", "precision", "asked", "dtype", "computed"), FORMS)
def test_each_kernel_gets_the_narrowest_weights_that_it_reads_rightly(text, precision, asked, dtype, computed):
    result = converted(text, precision=precision, weights=asked, mixed=False)
    assert stored(result) == (dtype, 0, computed)
    sample = drawn(text)[0]
    (output,) = Runtime(result.content, signature="serving_default").run(sample).values()
    exact = expected(text, result, sample)
    # activations rounded to 256 steps, by the kernel or by the plan; int4 kernels take 1/127 of the greatest
    steps = {"weight_only": 1e-6, "int16x8": 1e-3}.get(computed, 0.03)
    assert np.abs(output - exact).max() <= steps * np.abs(exact).max()


def weighed(shape, *, outputs, kernel=1, **recipe):
    """How a convolution of such an input is computed in `dynamic`, and why."""
    text = f"""main(%x: float32[{shape}]) {{
      %w = const float32[{outputs},{kernel},{kernel},{shape.split(",")[-1]}]
      %b = const float32[{outputs}]
      %y = CONV_2D(%x, %w, %b)
      return %y
    }}"""
    (row,) = octavo.convert(content_of(text), recipe=Recipe(precision="dynamic", small=1, **recipe)).plan.graphs[0].ops
    return row.precision, row.why


def test_without_dot_products_integers_are_multiplied_only_where_few_rows_meet_a_weight_or_many_inputs_each_output():
    assert weighed("batch,2,2,128", outputs=128)[0] == "dynamic"  # 4 rows
    precision, why = weighed("batch,28,28,128", outputs=128)
    assert precision == "weight_only"
    assert "for 784 rows, the kernel that reads an int8 filter is faster only with dot products of int8" in why
    assert weighed("batch,28,28,128", outputs=128, target="xnnpack-dot")[0] == "dynamic"
    assert weighed("batch,28,28,128", outputs=128, kernel=3)[0] == "dynamic"  # 1152 inputs for each output


def test_windows_of_few_channels_are_widened_since_they_are_multiplied_eight_channels_at_once():
    for target, least in (("xnnpack", 48), ("xnnpack-dot", 8)):  # where the window looks from 256 places
        thin, wide = (weighed(f"batch,16,16,{c}", outputs=256, kernel=16, target=target)[0] for c in (least - 1, least))
        assert (thin, wide) == ("weight_only", "dynamic")


def test_how_many_rows_nobody_knows_counts_as_many():
    assert weighed("batch,height,2,128", outputs=128)[0] == "weight_only"
    assert weighed("batch,height,2,768", outputs=768)[0] == "dynamic"


def test_a_weight_too_small_to_gain_anywhere_is_widened_for_every_target():
    for target in ("xnnpack", "xnnpack-dot"):
        precision, why = weighed("batch,2,2,16", outputs=16, target=target)
        assert precision == "weight_only"
        assert "an int8 filter this small is slower than float" in why


def test_a_weight_that_is_widened_takes_no_more_room():
    text = WIDE.replace("4,4", "40,40")
    kept, widened = (len(converted(text, precision="dynamic", target=t).content) for t in ("xnnpack-dot", "xnnpack"))
    assert abs(kept - widened) < 512  # a DEQUANTIZE and its tensor


def test_a_wider_dtype_is_told_with_its_reason():
    result = converted(CONV, precision="int8", weights="int2")
    assert "no kernel reads its filter of int2 rightly and fast: int4" in result.plan.graphs[0].ops[0].why


@pytest.mark.parametrize("weights", ["int4", "int2"])
@pytest.mark.parametrize("columns", [7, 9])
def test_a_table_whose_rows_end_within_a_byte_is_stored_wider(weights, columns):
    text = EMBEDDING.replace("float32[50,16]", f"float32[150000,{columns}]")
    result = converted(text, precision="dynamic", weights=weights)
    assert stored(result) == ("int8", 0, "dynamic")
    sample = drawn(text)[0]
    (output,) = Runtime(result.content, signature="serving_default").run(sample).values()
    np.testing.assert_array_equal(output, expected(text, result, sample))


@pytest.mark.parametrize("precision", ["dynamic", "weight_only"])
@pytest.mark.parametrize(
    ("text", "emitted"),
    [(EMBEDDING, ["DEQUANTIZE", "GATHER"]), (LARGE, ["RESHAPE", "EMBEDDING_LOOKUP", "RESHAPE"])],
    ids=["small", "large"],
)
def test_a_table_is_stored_as_integers_and_widened_at_load_or_if_it_is_large_row_by_row(text, emitted, precision):
    result = converted(text, precision=precision)
    assert [node.op.code for node in read_tflite(result.content).main] == emitted
    sample = drawn(text)[0]
    (output,) = Runtime(result.content, signature="serving_default").run(sample).values()
    np.testing.assert_array_equal(output, expected(text, result, sample))
    table = next(v for v in parse(text, registry().ops).values if v.name == "w")
    rows, numbers = table.shape[0], table.const.size
    assert (
        len(result.content) < len(result.reference) - 3 * numbers + 12 * rows + 1000
    )  # a scale and a zero point for each row


def test_in_float_an_embedding_stays_a_gather():
    result = octavo.convert(content_of(EMBEDDING), recipe="float32")
    assert [row.op for row in result.plan.graphs[0].ops] == ["GATHER"]


@pytest.mark.parametrize("batch", [1, 3, 16])
@pytest.mark.parametrize("block", [32, 64, 128])
@pytest.mark.parametrize("resolver", [OpResolverType.AUTO, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES])
def test_blocks_of_int4_come_out_as_stored(batch, block, resolver):
    result = converted(DENSE, precision="dynamic", weights="int4", block=block)
    assert stored(result) == ("int4", block, "dynamic")
    x = np.random.default_rng(2).standard_normal((batch, 128)).astype(np.float32)
    runner = Interpreter(model_content=result.content, experimental_op_resolver_type=resolver).get_signature_runner()
    exact = expected(DENSE, result, {"x": x})
    # each row's activations are rounded to 256 steps at run time
    assert np.abs(runner(x=x)["y"] - exact).max() <= 0.02 * np.abs(exact).max()


def test_blocks_are_nearer_to_float_than_channels():
    def error(block):
        result = converted(DENSE, precision="dynamic", weights="int4", block=block)
        weight = next(v.const for v in parse(DENSE, registry().ops).values if v.name == "w")
        return np.square(as_stored(result) - weight).mean()

    assert error(32) < error(128) < 1.05 * error(0)


def test_a_row_that_is_no_multiple_of_the_block_keeps_a_scale_for_each_channel():
    result = converted(DENSE.replace("128", "48"), precision="dynamic", weights="int4", block=32)
    assert stored(result) == ("int4", 0, "dynamic")
    assert "in blocks of 32: a scale for each channel" in result.plan.graphs[0].ops[0].why


@pytest.mark.parametrize("weights", ["int8", "int2"])
def test_blocks_of_other_dtypes_which_litert_reads_wrongly_are_refused(weights):
    with pytest.raises(RecipeError, match=f"blocks of 32 numbers need weights of int4, not {weights}"):
        converted(DENSE, precision="dynamic", weights=weights, block=32)


def test_a_rule_may_ask_for_other_weights():
    rule = Rule(op="FULLY_CONNECTED", precision="dynamic", weights="int4", block=64)
    assert stored(converted(DENSE, rules=(rule,))) == ("int4", 64, "dynamic")
    with pytest.raises(RecipeError, match="need weights of int4") as caught:
        converted(DENSE, rules=(Rule(precision="dynamic", block=64),))
    assert caught.value.where == "recipe, rule 1, block"


def test_blocks_are_read_back_as_they_were_written():
    result = converted(DENSE, precision="dynamic", weights="int4", block=32)
    model = read_tflite(result.content)
    value = next(v for v in model.main.values if v.name == "w")
    assert (value.quant.block, value.quant.scale.shape) == (32, (24, 4))
    again = next(v for v in read_tflite(to_bytes(model)).main.values if v.name == "w")
    assert again.quant == value.quant
    np.testing.assert_array_equal(again.const, value.const)


def test_weights_that_are_slow_once_widened_say_so():
    row = converted(CONV, precision="weight_only", weights="int4").plan.graphs[0].ops[0]
    assert "XNNPACK" in row.slow
    assert converted(CONV, precision="weight_only").plan.graphs[0].ops[0].slow == ""


@pytest.mark.parametrize("dtype", ["int4", "int2"])
def test_scales_of_few_bits_are_those_of_least_error(dtype):
    weight = np.random.default_rng(0).standard_normal((6, 200)).astype(np.float32)
    weight[0] = 0

    def error(scale):
        quant = Quantization(scale.astype(np.float32), np.zeros(6, np.int64), 0)
        return np.square(dequantize(quantize(weight, quant, dtype, narrow=True), quant) - weight).sum(axis=1)

    whole = np.maximum(np.abs(weight).max(axis=1) / LIMITS[dtype][1], 1e-9)
    found = error(weight_scale(weight, 0, dtype))
    assert (found <= error(whole) + 1e-6).all()
    assert found[1:].sum() < 0.9 * error(whole)[1:].sum()


def test_a_target_without_weights_of_few_bits_says_so():
    with pytest.raises(RecipeError, match="tflm takes no weights of int4"):
        converted(DENSE, precision="int8", weights="int4", target="tflm")
    with pytest.raises(RecipeError, match="a rule about a port stores int8 only"):
        Rule(precision="weight_only", port="weights", weights="int4")


HALF = """main(%x: float32[batch,32]) {
  %w = const float16[16,32]
  %wide = DEQUANTIZE(%w)
  %y = FULLY_CONNECTED(%x, %wide, _)
  return %y
}"""


def test_weights_that_are_stored_as_float16_are_quantized_as_others_are():
    graph, random = parse(HALF, registry().ops), np.random.default_rng(0)
    stored = next(value for value in graph.values if value.name == "w")
    stored.const = random.standard_normal((16, 32)).astype(np.float16)
    content, samples = to_bytes(Model([graph])), random.standard_normal((20, 32)).astype(np.float32)
    made = octavo.convert(content, recipe="int8", samples=samples)
    (row,) = made.plan.graphs[0].ops
    assert (row.op, row.precision) == ("FULLY_CONNECTED", "int8")
    assert len(octavo.convert(content).content) < len(octavo.convert(content, recipe="int8", samples=samples).reference)
    exact, found = (Runtime(each).run({"x": samples})["y"] for each in (content, made.content))
    assert np.square(found - exact).mean() < 1e-3 * np.square(exact).mean()  # 30 dB: two roundings to 8 bits
