"""The quantizer: what it decides, what it emits, and what it refuses."""

import numpy as np
import pytest

from octavo.errors import RecipeError, TargetError
from octavo.ir.graph import Model
from octavo.ir.interpret import interpret
from octavo.ir.text import parse, show
from octavo.ir.verify import verify
from octavo.ops import registry
from octavo.plan import Plan
from octavo.quantize.apply import apply
from octavo.quantize.decide import decide, needs
from octavo.recipe import Recipe, Rule
from octavo.statistics import Range, Spread, Statistics

CLASSIFIER = """main(%x: float32[batch,8,8,4]) {
  %w = const float32[8,3,3,4]
  %b = const float32[8]
  %y = CONV_2D(%x, %w, %b) {padding=VALID, stride_h=2, fused_activation_function=RELU}
  %z = AVERAGE_POOL_2D(%y) {padding=VALID, filter_width=3, filter_height=3, stride_w=6, stride_h=1}
  %s = const int32[2] [-1, 8]
  %r = RESHAPE(%z, %s)
  %fw = const float32[10,8]
  %fb = const float32[10]
  %f = FULLY_CONNECTED(%r, %fw, %fb)
  %o = SOFTMAX(%f) {beta=1.0}
  return %o
}"""


def model(text: str = CLASSIFIER) -> Model:
    return Model([parse(text, registry().ops)])


def seen(graph, batch: int = 4) -> Statistics:
    random = np.random.default_rng(0)
    inputs = {
        v.name: random.standard_normal([d if isinstance(d, int) else batch for d in v.shape]).astype(np.float32)
        for v in graph.inputs
    }
    numbers = interpret(graph, inputs)
    return Statistics(
        {v.name: Range(float(a.min()), float(a.max())) for v, a in numbers.items() if a.dtype.kind == "f" and a.size},
        {v.name: Spread.of(a) for v, a in numbers.items() if a.dtype.kind == "f" and a.size},
    )


def quantized(text: str, recipe: Recipe) -> tuple[Plan, Model]:
    given = model(text)
    plan = decide(given, recipe, [seen(given.main)])
    result = apply(given, plan)
    verify(result.main, after="apply")
    return plan, result


def dtypes(result: Model) -> dict[str, str]:
    return {value.name: value.dtype.name for value in result.main.values}


def test_int8_quantizes_between_float_inputs_and_outputs():
    _, result = quantized(CLASSIFIER, Recipe(precision="int8"))
    codes = [node.op.code for node in result.main]
    assert codes == [
        "QUANTIZE",
        "CONV_2D",
        "AVERAGE_POOL_2D",
        "RESHAPE",
        "FULLY_CONNECTED",
        "SOFTMAX",
        "DEQUANTIZE",
    ]
    assert [value.name for value in result.main.outputs] == ["o"]


def test_weights_are_symmetric_per_channel_and_biases_have_the_product_of_the_scales():
    _, result = quantized(CLASSIFIER, Recipe(precision="int8"))
    values = {value.name: value for value in result.main.values}
    weight, bias, input = values["w"], values["b"], values["x/int8"]
    assert weight.quant.axis == 0
    assert weight.quant.scale.shape == (8,)
    assert not weight.quant.zero_point.any()
    assert weight.const.min() >= -127
    np.testing.assert_array_equal(np.abs(weight.const.astype(int)).max(axis=(1, 2, 3)), 127)
    # float32 holds the product of two float32 scales to its last bit or so
    np.testing.assert_allclose(bias.quant.scale, input.quant.scale * weight.quant.scale, rtol=1e-6)
    assert bias.const.dtype == np.int32


def test_pooling_and_reshaping_share_their_inputs_grid_and_softmax_has_the_kernels():
    _, result = quantized(CLASSIFIER, Recipe(precision="int8"))
    values = {value.name: value for value in result.main.values}
    assert values["y"].quant == values["z"].quant == values["r"].quant
    softmax = values["o/int8"].quant
    assert (softmax.scale[0], softmax.zero_point[0]) == (1 / 256, -128)


def test_integer_inputs_and_outputs_leave_no_conversion_at_the_border():
    _, result = quantized(CLASSIFIER, Recipe(precision="int8", inputs="int8", outputs="int8"))
    assert [value.dtype.name for value in [*result.main.inputs, *result.main.outputs]] == ["int8", "int8"]
    assert {node.op.code for node in result.main}.isdisjoint({"QUANTIZE", "DEQUANTIZE"})


def test_uint8_at_the_border_is_the_int8_grid_shifted_by_128():
    _, result = quantized(CLASSIFIER, Recipe(precision="int8", inputs="uint8", outputs="uint8"))
    (input,), (output,) = result.main.inputs, result.main.outputs
    inner = next(node for node in result.main if node.op.code == "QUANTIZE").output
    assert (input.dtype, output.dtype) == (np.uint8, np.uint8)
    assert input.quant.zero_point[0] - inner.quant.zero_point[0] == 128
    assert output.name == "o"


def test_integer_inputs_without_integer_operations_are_refused():
    with pytest.raises(RecipeError, match="inputs='int8' needs operations that compute in int8"):
        quantized(CLASSIFIER, Recipe(precision="dynamic", inputs="int8"))


def test_int16_activations_are_symmetric_and_an_int32_bias_says_so_in_the_operation():
    plan, result = quantized(CLASSIFIER, Recipe(precision="int16x8"))
    values = {value.name: value for value in result.main.values}
    assert values["y"].dtype == np.int16
    assert values["y"].quant.zero_point[0] == 0
    conv = next(node for node in result.main if node.op.code == "CONV_2D")
    assert conv.inputs[2].dtype == np.int32
    assert conv.op.quantized_bias_type.name == "INT32"
    assert any("no channel can overflow" in grid.why for grid in plan.graphs[0].grids)


def test_an_int16_channel_that_could_overflow_gets_an_int64_bias():
    wide = """main(%x: float32[batch,4096]) {
      %w = const float32[2,4096]
      %b = const float32[2]
      %y = FULLY_CONNECTED(%x, %w, %b)
      return %y
    }"""
    plan, result = quantized(wide, Recipe(precision="int16x8"))
    node = next(node for node in result.main if node.op.code == "FULLY_CONNECTED")
    assert node.inputs[2].dtype == np.int64
    assert node.op.quantized_bias_type.name == "INT64"
    assert any("could overflow int32" in grid.why for grid in plan.graphs[0].grids)


def test_a_bias_that_int32_cannot_hold_raises_its_channels_weight_scale():
    text = """main(%x: float32[batch,2]) {
      %w = const float32[2,2] [[1e-07, 1e-07], [1.0, 1.0]]
      %b = const float32[2] [1000.0, 1.0]
      %y = FULLY_CONNECTED(%x, %w, %b)
      return %y
    }"""
    _, result = quantized(text, Recipe(precision="int8"))
    bias = next(value for value in result.main.values if value.name == "b")
    # half of int32 at most (up to the rounding of the float32 scale), and the real bias to within half a step
    assert np.abs(bias.const).max() <= 2**30 * (1 + 1e-6)
    step = bias.quant.scale.astype(np.float64)
    assert (np.abs(bias.const * step - [1000.0, 1.0]) <= 0.5 * step + 1e-4).all()


def test_a_concatenation_does_not_ruin_an_input_that_others_read_too():
    text = """main(%x: float32[batch,4], %big: float32[batch,4]) {
      %k = const float32[1] [1000.0]
      %wide = MUL(%big, %k)
      %w = const float32[4,4]
      %y = FULLY_CONNECTED(%x, %w, _)
      %c = CONCATENATION(%y, %wide) {axis=1}
      %t = TANH(%y)
      return %c, %t
    }"""
    _, result = quantized(text, Recipe(precision="int8", outputs={"c": "int8"}))
    values = {value.name: value for value in result.main.values}
    concat = next(node for node in result.main if node.op.code == "CONCATENATION")
    assert all(operand.quant == concat.output.quant for operand in concat.inputs)
    assert values["y"].quant.scale[0] < 0.01 * concat.output.quant.scale[0]
    assert concat.inputs[0].producer.op.code == "QUANTIZE"


def test_a_dictated_grid_is_kept_where_a_concatenation_joins_it():
    text = """main(%x: float32[batch,4]) {
      %s = LOGISTIC(%x)
      %c = CONCATENATION(%s, %x) {axis=1}
      return %c
    }"""
    _, result = quantized(text, Recipe(precision="int8"))
    logistic = next(node for node in result.main if node.op.code == "LOGISTIC").output
    concat = next(node for node in result.main if node.op.code == "CONCATENATION")
    assert (logistic.quant.scale[0], logistic.quant.zero_point[0]) == (1 / 256, -128)
    assert all(operand.quant == concat.output.quant for operand in concat.inputs)


def test_dynamic_keeps_small_weights_and_says_why():
    plan, _ = quantized(CLASSIFIER, Recipe(precision="dynamic"))
    why = {row.op: (row.precision, row.why) for row in plan.graphs[0].ops}
    assert why["CONV_2D"][0] == "float32"
    assert "fewer than 1024" in why["CONV_2D"][1]
    assert why["SOFTMAX"] == ("float32", "it has no weights")


def test_dynamic_stores_large_weights_as_int8_and_leaves_activations_float():
    _, result = quantized(CLASSIFIER, Recipe(precision="dynamic", small=1))
    kinds = dtypes(result)
    assert kinds["w"] == kinds["fw"] == "int8"
    assert kinds["y"] == kinds["b"] == "float32"


def test_float16_widens_each_weight_once():
    _, result = quantized(CLASSIFIER, Recipe(precision="float16"))
    assert dtypes(result)["w"] == "float16"
    assert [node.op.code for node in result.main if node.op.code == "DEQUANTIZE"] == ["DEQUANTIZE"] * 2


def test_a_rule_by_layer_or_op_overrides_the_default_and_says_so():
    recipe = Recipe(precision="int8", rules=(Rule(op="SOFTMAX", precision="float32"),))
    plan, result = quantized(CLASSIFIER, recipe)
    rows = {row.op: row for row in plan.graphs[0].ops}
    assert (rows["SOFTMAX"].precision, rows["SOFTMAX"].who) == ("float32", "rule")
    assert dtypes(result)["o"] == "float32"
    assert plan.left_float == ()


def test_a_rule_that_matches_nothing_is_an_error_with_the_nearest_name():
    with pytest.raises(RecipeError, match="SOFTMAX") as caught:
        quantized(CLASSIFIER, Recipe(precision="int8", rules=(Rule(op="SOFTMAXX", precision="float32"),)))
    assert "rule 1 matches nothing" in str(caught.value)


def test_what_has_no_integer_kernel_stays_float_with_its_reason_and_strict_refuses():
    text = "main(%x: float32[batch,4]) {\n %a = ABS(%x)\n %s = SIN(%a)\n return %s\n}"
    plan, _ = quantized(text, Recipe(precision="int8"))
    (row,) = plan.left_float
    assert (row.op, row.who) == ("SIN", "kernel")
    with pytest.raises(TargetError, match="SIN"):
        quantized(text, Recipe(precision="int8", strict=True))


def test_a_plan_replays_to_the_same_model(tmp_path):
    given = model()
    plan = decide(given, Recipe(precision="int8"), [seen(given.main)])
    plan.save(tmp_path / "plan.json")
    replayed = Plan.load(tmp_path / "plan.json")
    assert replayed == plan
    assert show(apply(given, replayed).main) == show(apply(given, plan).main)


def test_apply_leaves_the_given_model_as_it_was():
    given = model()
    before = show(given.main)
    apply(given, decide(given, Recipe(precision="int8"), [seen(given.main)]))
    assert show(given.main) == before


def test_only_ranges_that_integers_need_are_asked_for():
    assert needs(model(), Recipe(precision="dynamic")) == []
    assert needs(model(), Recipe(precision="int8")) == ["x", "y", "z", "r", "f", "o"]


def test_zero_is_exact_even_where_the_range_does_not_hold_it():
    given = model("main(%x: float32[batch,4]) {\n %a = ABS(%x)\n return %a\n}")
    statistics = Statistics({"x": Range(3.0, 5.0), "a": Range(3.0, 5.0)})
    grid = decide(given, Recipe(precision="int8"), [statistics]).graphs[0].grids[0]
    assert grid.zero_point == (-128,)
    assert grid.scale[0] == pytest.approx(5 / 255)


def test_a_tensor_that_is_always_zero_gets_a_scale_of_everyday_size():
    given = model("main(%x: float32[batch,4]) {\n %a = ABS(%x)\n return %a\n}")
    statistics = Statistics({"x": Range(0.0, 0.0), "a": Range(0.0, 0.0)})
    grids = decide(given, Recipe(precision="int8"), [statistics]).graphs[0].grids
    assert [grid.scale[0] for grid in grids] == [pytest.approx(1 / 255)] * 2


def test_a_mask_constant_does_not_widen_the_range_and_stays_far_below():
    text = """main(%m: bool[batch,4], %x: float32[batch,4]) {
      %far = const float32[] -1e9
      %y = SELECT_V2(%m, %x, %far)
      %s = SOFTMAX(%y) {beta=1.0}
      return %s
    }"""
    given = model(text)
    statistics = Statistics({"x": Range(-4.0, 4.0), "y": Range(-1e9, 4.0), "s": Range(0.0, 1.0)})
    plan = decide(given, Recipe(precision="int8"), [statistics])
    grid = next(grid for grid in plan.graphs[0].grids if grid.value == "y")
    assert grid.low == pytest.approx(-20)
    constant = next(v for v in apply(given, plan).main.values if v.name == "far")
    assert constant.const == -128


def test_a_limit_that_nothing_reaches_does_not_widen_the_range():
    text = """main(%x: float32[batch,4]) {
      %limit = const float32[] 1e12
      %y = MINIMUM(%x, %limit)
      return %y
    }"""
    given = model(text)
    plan = decide(given, Recipe(precision="int8"), [Statistics({"x": Range(-4.0, 4.0), "y": Range(-4.0, 4.0)})])
    assert {round(grid.scale[0] * 255, 3) for grid in plan.graphs[0].grids} == {8.0}


def test_a_form_that_is_slower_than_float_says_so_in_the_plan():
    text = """main(%x: float32[batch,8,8,4]) {
      %w = const float32[1,3,3,4]
      %b = const float32[4]
      %y = DEPTHWISE_CONV_2D(%x, %w, %b)
      return %y
    }"""
    rule = Rule(precision="int16x8")
    assert "reference kernel" in quantized(text, Recipe(precision="int16x8", rules=(rule,)))[0].graphs[0].ops[0].slow
    assert quantized(text, Recipe(precision="int8"))[0].graphs[0].ops[0].slow == ""


def test_what_is_faster_in_float_than_in_int16_stays_float_unless_integers_are_insisted_on():
    text = """main(%x: float32[batch,8,8,128]) {
      %w = const float32[1,3,3,128]
      %b = const float32[128]
      %y = DEPTHWISE_CONV_2D(%x, %w, %b)
      return %y
    }"""
    (row,) = quantized(text, Recipe(precision="int16x8"))[0].graphs[0].ops
    assert (row.precision, row.who) == ("weight_only", "speed")  # its weights are stored as integers all the same
    for insists in ({"strict": True}, {"target": "tflm"}, {"rules": (Rule(op="DEPTHWISE*", precision="int16x8"),)}):
        (row,) = quantized(text, Recipe(precision="int16x8", **insists))[0].graphs[0].ops
        assert row.precision == "int16x8"
