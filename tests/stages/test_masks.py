"""Masks of attention: what lies far below all scores is cut to where a softmax weighs it nothing."""

import numpy as np
import pytest

from octavo.errors import TargetError
from octavo.ir.graph import Model
from octavo.ir.interpret import interpret
from octavo.ir.text import parse
from octavo.ops import registry
from octavo.quantize.apply import apply
from octavo.quantize.decide import decide
from octavo.recipe import Recipe
from octavo.runtime import Runtime
from octavo.statistics import Range, Spread, Statistics
from octavo.write.tflite import to_bytes

BY_PRODUCT = "%far = const float32[] -1e9\n  %mask = MUL(%hidden, %far)"
BY_DIFFERENCE = (
    "%far = const float32[] 1e9\n  %product = MUL(%hidden, %far)\n"
    "  %most = const float32[] 1e9\n  %mask = SUB(%product, %most)"
)


def attention(mask: str = BY_PRODUCT, results: str = "%weights") -> Model:
    text = f"""main(%scores: float32[4,8,8], %hidden: float32[4,1,8]) {{
  {mask}
  %sum = ADD(%scores, %mask)
  %weights = SOFTMAX(%sum) {{beta=1.0}}
  return {results}
}}"""
    return Model([parse(text, registry().ops)])


def given() -> dict[str, np.ndarray]:
    """Scores from −6 to 6; the last two of eight are hidden."""
    scores = np.random.default_rng(0).uniform(-6, 6, (4, 8, 8)).astype(np.float32)
    return {"scores": scores, "hidden": np.tile(np.float32([0, 0, 0, 0, 0, 0, 1, 1]), (4, 1, 1))}


def decided(model: Model, inputs: dict[str, np.ndarray], **recipe):
    numbers = {value.name: a for value, a in interpret(model.main, inputs).items() if value.const is None}
    ranges = {name: Range(float(a.min()), float(a.max())) for name, a in numbers.items()}
    statistics = Statistics(ranges, {name: Spread.of(a) for name, a in numbers.items()})
    return decide(model, Recipe(**({"precision": "int8"} | recipe)), [statistics])


def lows(plan) -> dict[str, float]:
    return {grid.value: grid.low for grid in plan.graphs[0].grids}


@pytest.mark.parametrize(("mask", "hidden"), [(BY_PRODUCT, 1), (BY_DIFFERENCE, 0)])
@pytest.mark.parametrize(("precision", "step"), [("int8", 1 / 256), ("int16x8", 1 / 4096)])
def test_a_mask_computed_at_run_time_costs_the_scores_no_resolution(mask, hidden, precision, step):
    model, inputs = attention(mask), given()
    if not hidden:
        inputs["hidden"] = 1 - inputs["hidden"]
    plan = decided(model, inputs, precision=precision)
    exact = interpret(model.main, inputs)[model.main.outputs[0]]
    runtime = Runtime(to_bytes(apply(model, plan)))
    (weights,) = runtime.run(inputs).values()
    # scores of a range of 28 have int8 steps of 0.11: half of that, of the score and of the sum, is a tenth of a weight
    assert np.abs(weights - exact).max() < 0.11 * (1 if precision == "int8" else 1 / 16) + step
    # the int16 kernel takes e^-10 for all that is less: two steps of its output
    assert weights[..., 6:].max() <= (0 if precision == "int8" else 2 / 32768)


def test_masked_numbers_stay_sixteen_below_the_least_score():
    inputs = given()
    found = lows(decided(attention(), inputs, ranges="minmax"))
    assert found["sum"] == pytest.approx(inputs["scores"].min() - 16, abs=0.01)
    assert found["mask"] == pytest.approx(-np.ptp(inputs["scores"]) - 16, abs=0.01)


def test_who_makes_the_mask_stays_float_and_the_plan_says_why():
    rows = {row.node: row for row in decided(attention(BY_PRODUCT), given()).graphs[0].ops}
    assert rows["mask"].precision == "float32"
    assert "cut to -2" in rows["mask"].why
    assert rows["sum"].precision == rows["weights"].precision == "int8"


def test_a_bias_that_is_a_mask_as_well_keeps_its_small_numbers():
    bias = np.linspace(-20, 0, 8).astype(np.float32)[None, None]
    inputs = given()
    inputs["hidden"] = inputs["hidden"] - bias / np.float32(1e9)
    found = lows(decided(attention(), inputs, ranges="minmax"))
    assert found["mask"] < -20 - np.ptp(inputs["scores"]) - 15.9
    assert found["sum"] < inputs["scores"].min() - 20


def test_a_constant_mask_is_cut_too():
    far = "%mask = const float32[1,1,8] [0, 0, 0, 0, 0, 0, -1e9, -1e9]\n  %none = MUL(%hidden, %hidden)"
    found = lows(decided(attention(far, "%weights, %none"), given()))
    assert found["mask"] > -40
    assert found["sum"] > -40


def test_a_mask_that_is_a_result_of_the_model_is_left_alone():
    plan = decided(attention(results="%weights, %mask"), given())
    assert lows(plan)["mask"] == pytest.approx(-1e9)
    assert [(row.op, row.why) for row in plan.left_float] == [
        ("ADD", "a step of rhs is 3.58e+07 steps of its output, where kernels count up to 256")
    ]


def test_what_is_not_masked_is_left_alone():
    inputs = given()
    inputs["hidden"] = inputs["hidden"] * 1e-8
    found = lows(decided(attention(), inputs, ranges="minmax"))
    assert found["mask"] == pytest.approx(-10)


@pytest.mark.parametrize("far", ["-1e4", "-1e6"])
def test_where_nothing_may_stay_float_the_mask_is_cut_where_its_maker_can_cut_it(far):
    given_model, inputs = attention(BY_PRODUCT.replace("-1e9", far)), given()
    plan = decided(given_model, inputs, strict=True)
    assert lows(plan)["sum"] > -60
    assert lows(plan)["mask"] > -60
    runtime = Runtime(to_bytes(apply(given_model, plan)))
    found = np.stack([next(iter(runtime.run(inputs).values()))])
    exact = interpret(given_model.main, inputs)[given_model.main.outputs[0]]
    assert np.abs(found[0] - exact).max() <= 2 / 256 + 0.12 * exact.max()  # half a step of scores, to the power of e
    assert np.abs(found[0][..., 6:]).max() == 0


def test_where_nothing_may_stay_float_a_mask_beyond_what_kernels_count_is_refused():
    """LiteRT's ADD ends the process on it."""
    with pytest.raises(TargetError, match=r"a step of rhs is .* steps of its output, where kernels count up to 256"):
        decided(attention(), given(), strict=True)


def chosen(then: str = "") -> Model:
    text = f"""main(%scores: float32[4,8,8], %far: float32[4,1,8], %seen: bool[4,1,8]) {{
  %masked = SELECT_V2(%seen, %scores, %far)
  {then or "%weights = SOFTMAX(%masked) {beta=1.0}"}
  return %weights
}}"""
    return Model([parse(text, registry().ops)])


def given_choice() -> dict[str, np.ndarray]:
    inputs = given()
    return {"scores": inputs["scores"], "far": np.full((4, 1, 8), -1e9, np.float32), "seen": inputs["hidden"] == 0}


def test_what_is_chosen_in_place_of_scores_lies_sixteen_below_them():
    model, inputs = chosen(), given_choice()
    plan = decided(model, inputs, ranges="minmax")
    assert lows(plan)["masked"] == pytest.approx(inputs["scores"].min() - 16, abs=0.01)
    exact = interpret(model.main, inputs)[model.main.outputs[0]]
    (weights,) = Runtime(to_bytes(apply(model, plan))).run(inputs).values()
    assert np.abs(weights - exact).max() < 0.11 + 1 / 256  # as above: scores of a range of 28
    assert weights[..., 6:].max() == 0


def test_a_constant_that_is_chosen_is_cut_where_nothing_may_stay_float_too():
    text = """main(%scores: float32[4,8,8], %seen: bool[4,1,8]) {
  %far = const float32[] -1e9
  %masked = SELECT_V2(%seen, %scores, %far)
  %weights = SOFTMAX(%masked) {beta=1.0}
  return %weights
}"""
    inputs = given_choice()
    del inputs["far"]
    plan = decided(Model([parse(text, registry().ops)]), inputs, strict=True)
    assert not plan.left_float
    assert lows(plan)["masked"] > -23


def test_what_is_added_to_chosen_scores_cannot_bring_back_what_is_hidden():
    then = """%bias = const float32[8] [-10, 0, 0, 0, 0, 0, 10, 10]
  %sum = ADD(%masked, %bias)
  %weights = SOFTMAX(%sum) {beta=1.0}"""
    found = lows(decided(chosen(then), given_choice(), ranges="minmax"))
    assert found["masked"] == pytest.approx(given()["scores"].min() - 36, abs=0.1)  # to a whole step
    assert found["sum"] == pytest.approx(given()["scores"].min() - 46, abs=0.1)


def test_numbers_that_are_chosen_between_two_tensors_of_alike_size_are_left_alone():
    inputs = given_choice()
    inputs["far"] = inputs["scores"][:, :1] - 5
    found = lows(decided(chosen(), inputs, ranges="minmax"))
    assert found["masked"] >= min(inputs["scores"].min(), inputs["far"].min()) - 1e-4


JOINED = """%half = SELECT_V2(%seen, %scores, %far)
  %masked = SELECT_V2(%seen, %half, %far)
  %joined = CONCATENATION(%masked, %sinks) {axis=2}
  %weights = SOFTMAX(%joined) {beta=1.0}"""


def joined(body: str = JOINED) -> Model:
    text = f"""main(%scores: float32[4,8,8], %seen: bool[4,1,8], %sinks: float32[4,8,1]) {{
  %far = const float32[] -1e9
  {body}
  return %weights
}}"""
    return Model([parse(text, registry().ops)])


def given_sinks(sink: float) -> dict[str, np.ndarray]:
    """The first matrix of four is hidden whole, but for its sinks."""
    inputs = given()
    seen = inputs["hidden"] == 0
    seen[0] = False
    sinks = np.full((4, 8, 1), sink, np.float32)
    return {"scores": inputs["scores"], "seen": seen, "sinks": sinks}


@pytest.mark.parametrize("sink", [1.0, -40.0])
@pytest.mark.parametrize("precision", ["int8", "int16x8"])
def test_masked_scores_stay_sixteen_below_what_is_joined_to_them(sink, precision):
    model, inputs = joined(), given_sinks(sink)
    plan = decided(model, inputs, ranges="minmax", precision=precision)
    assert lows(plan)["joined"] == pytest.approx(min(inputs["scores"].min(), sink) - 16, abs=0.01)
    assert not plan.left_float
    exact = interpret(model.main, inputs)[model.main.outputs[0]]
    (weights,) = Runtime(to_bytes(apply(model, plan))).run(inputs).values()
    step = (6 - lows(plan)["joined"]) / (255 if precision == "int8" else 32768)
    # a weight w changes by w · (1 − w) ≤ 1/4 of what its own score and the others' do, half a step each
    assert np.abs(weights - exact).max() < step / 4 + 2 / 256
    assert weights[0, :, :8].max() <= 2 / 32768  # the int16 kernel takes e^-10 for all that is less
    assert weights[..., 6:8].max() <= 2 / 32768


def test_masked_scores_that_are_joined_by_masked_ones_are_cut_too():
    body = """%masked = SELECT_V2(%seen, %scores, %far)
  %low = const float32[] -10.0
  %lower = ADD(%scores, %low)
  %more = SELECT_V2(%seen, %lower, %far)
  %joined = CONCATENATION(%masked, %more, %sinks) {axis=2}
  %weights = SOFTMAX(%joined) {beta=1.0}"""
    inputs = given_sinks(1.0)
    found = lows(decided(joined(body), inputs, ranges="minmax"))
    assert found["joined"] == pytest.approx(inputs["scores"].min() - 26, abs=0.01)
    assert found["masked"] == found["more"] == found["joined"]


def test_a_border_that_is_a_mask_is_cut():
    body = """%around = const int32[3,2] [0, 0, 0, 0, 0, 2]
  %masked = PADV2(%scores, %around, %far)
  %joined = CONCATENATION(%masked, %sinks) {axis=2}
  %weights = SOFTMAX(%joined) {beta=1.0}"""
    inputs = given_sinks(1.0)
    found = lows(decided(joined(body), inputs, ranges="minmax"))
    assert found["joined"] == found["masked"] == pytest.approx(inputs["scores"].min() - 16, abs=0.01)


def test_what_is_added_behind_a_join_cannot_bring_back_what_is_hidden():
    body = """%masked = SELECT_V2(%seen, %scores, %far)
  %joined = CONCATENATION(%masked, %sinks) {axis=2}
  %bias = const float32[9] [-10, 0, 0, 0, 0, 0, 10, 10, 0]
  %sum = ADD(%joined, %bias)
  %weights = SOFTMAX(%sum) {beta=1.0}"""
    inputs = given_sinks(1.0)
    found = lows(decided(joined(body), inputs, ranges="minmax"))
    assert found["joined"] == pytest.approx(inputs["scores"].min() - 36, abs=0.1)  # to a whole step


def test_who_reads_only_the_shape_of_masked_scores_hinders_nothing():
    body = """%masked = SELECT_V2(%seen, %scores, %far)
  %shape = SHAPE(%masked)
  %joined = CONCATENATION(%masked, %sinks) {axis=2}
  %weights = SOFTMAX(%joined) {beta=1.0}"""
    model = joined(body)
    model.main.outputs.append(next(node for node in model.main if node.op.code == "SHAPE").output)
    inputs = given_sinks(1.0)
    assert lows(decided(model, inputs, ranges="minmax"))["joined"] > inputs["scores"].min() - 16.01
