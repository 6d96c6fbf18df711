"""Operations whose int8 is measured to ruin the outputs compute in int16 or float, as few as it takes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import octavo
import octavo.raising
from octavo.errors import TargetError
from octavo.ir.graph import Model
from octavo.ir.text import parse
from octavo.loss import lost
from octavo.ops import registry
from octavo.raising import _beginning
from octavo.runtime import Runtime
from octavo.write.tflite import to_bytes

MEASUREMENTS = """main(%x: float32[batch,16]) {
  %w = const float32[8,16]
  %b = const float32[8]
  %y = FULLY_CONNECTED(%x, %w, %b) {fused_activation_function=RELU}
  %v = const float32[4,8]
  %c = const float32[4]
  %z = FULLY_CONNECTED(%y, %v, %c)
  return %z
}"""
NORMALIZATION = """main(%x: float32[batch,32]) {
  %axes = const int32[1] [1]
  %square = MUL(%x, %x)
  %power = MEAN(%square, %axes) {keep_dims=True}
  %tiny = const float32[] 1e-9
  %sum = ADD(%power, %tiny)
  %root = RSQRT(%sum)
  %y = MUL(%x, %root)
  return %y
}"""


@pytest.fixture
def model(tmp_path):
    def made(text: str, units: np.ndarray | float = 1.0):
        graph = parse(text, registry().ops)
        random = np.random.default_rng(0)
        for value in graph.values:
            if value.const is not None and value.const.dtype == np.float32 and value.const.ndim == 2:
                value.const = random.standard_normal(value.shape).astype(np.float32)
                value.const /= units if value.shape[-1] == np.size(units) else 1
        path = tmp_path / "model.tflite"
        path.write_bytes(to_bytes(Model([graph])))
        return path

    return made


UNITS = np.where(np.arange(16) == 3, 5000, 1).astype(np.float32)


def measurements(units=UNITS, count: int = 40) -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (count, 16)).astype(np.float32) * units


def contrasts(least: float = -3) -> np.ndarray:
    """Samples whose sizes differ a thousandfold, or by another power of ten."""
    sizes = np.logspace(least, 0, 7)[np.arange(40) % 7][:, None]
    return (np.random.default_rng(2).standard_normal((40, 32)) * sizes).astype(np.float32)


def raised(made) -> dict[str, str]:
    return {row.node: row.precision for row in made.plan.graphs[0].ops if row.who == "measured"}


def changed(made, samples) -> float:
    """The change of the outputs over their power."""
    exact, found = (
        np.concatenate([next(iter(Runtime(content).run({name: each[None]}).values())) for each in samples])
        for content in (made.reference, made.content)
        for name in [Runtime(content).inputs[0].name]
    )
    return float(np.square(found - exact).sum() / np.square(exact).sum())


def test_inputs_of_very_different_units_are_read_as_int16_and_the_plan_says_why(model):
    path, samples = model(MEASUREMENTS, UNITS), measurements()
    plain = octavo.convert(path, recipe={"precision": "int8", "mixed": False}, samples=samples)
    made = octavo.convert(path, recipe="int8", samples=samples)
    assert raised(made) == {"y": "int16x8"}
    assert "rounding changes the outputs by" in next(row.why for row in made.plan.graphs[0].ops if row.node == "y")
    assert changed(plain, samples) > 0.3
    assert changed(made, samples) < 0.08  # the weight of the largest input, 5000 times as small, is zero in int8


def test_what_was_raised_is_told(model):
    made = octavo.convert(model(MEASUREMENTS, UNITS), recipe="int8", samples=measurements())
    assert any("1 operation(s) computed more finely" in warning and "mixed" in warning for warning in made.warnings)


def test_a_normalization_of_sizes_that_differ_a_thousandfold_is_raised(model):
    path, samples = model(NORMALIZATION), contrasts()
    made = octavo.convert(path, recipe="int8", samples=samples)
    assert raised(made)["root"] == "float32"
    assert changed(made, samples) < 0.02


def test_a_sound_model_stays_in_int8_without_a_word(model):
    made = octavo.convert(model(MEASUREMENTS), recipe="int8", samples=measurements(1.0))
    assert not raised(made)
    assert not made.warnings


@pytest.mark.parametrize("part", [{"mixed": False}, {"effort": "fast"}])
def test_nothing_is_raised_where_that_is_not_wanted(model, part):
    made = octavo.convert(model(MEASUREMENTS, UNITS), recipe={"precision": "int8"} | part, samples=measurements())
    assert not raised(made)


def test_where_nothing_may_be_float_what_can_is_int16(model):
    recipe = {"precision": "int8", "strict": True}
    made = octavo.convert(model(MEASUREMENTS, UNITS), recipe=recipe, samples=measurements())
    assert raised(made) == {"y": "int16x8"}


def test_where_nothing_helps_the_user_is_told(model):
    made = octavo.convert(
        model(NORMALIZATION), recipe={"precision": "int8", "strict": True}, samples=contrasts(-6)
    )  # no int16 kernel finds the root of numbers so small
    assert not made.plan.left_float
    assert any("no few operations are to blame" in warning for warning in made.warnings)


def test_the_plan_replays_what_was_raised(model):
    path = model(MEASUREMENTS, UNITS)
    made = octavo.convert(path, recipe="int8", samples=measurements())
    assert octavo.convert(path, plan=made.plan).content == made.content


def test_broken_samples_do_not_hide_what_the_others_lose():
    exact = [np.float32([[value, -value]]) for value in (1, -1, 2, -2, 1e6, -1e6)]
    found = [np.float32([[0, 0]])] * 4 + exact[-2:]
    assert lost(exact, found) == pytest.approx(4 / 6)


def test_what_is_no_number_is_lost():
    exact = [np.float32([[1, 2]]), np.float32([[2, 1]])]
    assert lost(exact, [array * np.float32(np.nan) for array in exact]) == 1


def test_a_model_that_litert_refuses_has_lost_all(model, monkeypatch):
    def refuse(*_, **__):
        raise TargetError("no_integer_overflow_from_quantization was not true")

    monkeypatch.setattr(octavo.raising, "RealRuntime", refuse)
    made = octavo.convert(model(MEASUREMENTS), recipe="int8", samples=measurements(1.0))
    assert any("100%" in warning for warning in made.warnings)


def test_outputs_that_hardly_differ_may_be_rounded():
    exact = [np.float32([[100 + i * 1e-4]]) for i in range(5)]
    assert lost(exact, [array + np.float32(0.2) for array in exact]) < 0.01


FEW_BITS = """main(%x: float32[batch,16]) {
  %w = const float32[64,16]
  %y = FULLY_CONNECTED(%x, %w, _) {fused_activation_function=RELU}
  %v = const float32[64,64]
  %z = FULLY_CONNECTED(%y, %v, _) {fused_activation_function=RELU}
  %u = const float32[8,64]
  %o = FULLY_CONNECTED(%z, %u, _)
  return %o
}"""


def test_weights_of_few_bits_are_widened_first(model):
    samples = measurements(1.0)
    recipe = {"precision": "int8", "weights": "int2"}
    plain = octavo.convert(model(FEW_BITS), recipe=recipe | {"mixed": False}, samples=samples)
    made = octavo.convert(model(FEW_BITS), recipe=recipe, samples=samples)
    assert set(raised(made).values()) == {"int8"}
    wide = {grid.reader for grid in made.plan.graphs[0].grids if grid.reader and grid.dtype == "int8"}
    assert wide == raised(made).keys()
    assert changed(made, samples) < 0.5 * changed(plain, samples)


WIDE_AND_NARROW = """main(%x: float32[batch,64]) {
  %w = const float32[4,64]
  %b = const float32[4]
  %y = FULLY_CONNECTED(%x, %w, %b) {fused_activation_function=RELU}
  %v = const float32[256,4]
  %c = const float32[256]
  %z = FULLY_CONNECTED(%y, %v, %c) {fused_activation_function=RELU}
  %u = const float32[256,256]
  %d = const float32[256]
  %t = FULLY_CONNECTED(%z, %u, %d)
  %p = SOFTMAX(%t) {beta=1.0}
  return %p
}"""


def signs_and_numbers(path, *exact: str):
    """A model whose `exact` weights are signs, which int4 holds exactly, and whose others are normal numbers."""
    graph, random = parse(WIDE_AND_NARROW, registry().ops), np.random.default_rng(0)
    for value in graph.values:
        if value.const is not None and value.const.ndim == 2:
            size = np.float32(np.sqrt(value.shape[1]))
            normal = random.standard_normal(value.shape).astype(np.float32) / size
            value.const = np.sign(normal) / size if value.name in exact else normal
    path.write_bytes(to_bytes(Model([graph])))
    return path


def widths(made) -> dict[str, str]:
    return {
        grid.reader: grid.dtype for grid in made.plan.graphs[0].grids if grid.dtype in ("int4", "int8") and grid.reader
    }


SAMPLES = np.random.default_rng(1).standard_normal((40, 64)).astype(np.float32)
NARROW = {"precision": "int8", "weights": "int4"}


def test_of_narrow_weights_only_those_that_cost_much_are_widened(tmp_path):
    made = octavo.convert(signs_and_numbers(tmp_path / "m.tflite", "u"), recipe=NARROW, samples=SAMPLES)
    assert widths(made) == {"y": "int8", "z": "int8", "t": "int4"}
    assert any("2 operation(s) computed more finely" in warning for warning in made.warnings)
    assert octavo.convert(tmp_path / "m.tflite", plan=made.plan).content == made.content


def test_narrow_weights_that_cost_nothing_stay_narrow(tmp_path):
    made = octavo.convert(signs_and_numbers(tmp_path / "m.tflite", "w", "v", "u"), recipe=NARROW, samples=SAMPLES)
    assert set(widths(made).values()) == {"int4"}
    assert not made.warnings


def test_sure_answers_do_not_hide_what_narrow_weights_cost(tmp_path):
    path = signs_and_numbers(tmp_path / "m.tflite", "u")
    sure = octavo.convert(
        path, recipe=NARROW | {"rules": [{"precision": "float32", "op": "SOFTMAX"}]}, samples=SAMPLES * 50
    )
    assert widths(sure)["y"] == "int8"  # one class has all of the probability in every sample


TABLE = """main(%x: int32[batch]) {
  %table = const float32[5000,16]
  %row = GATHER(%table, %x) {axis=0}
  %tiny = const float32[] 1e-9
  %axes = const int32[1] [1]
  %square = MUL(%row, %row)
  %power = MEAN(%square, %axes) {keep_dims=True}
  %sum = ADD(%power, %tiny)
  %root = RSQRT(%sum)
  %y = MUL(%row, %root)
  return %y
}"""


def test_tables_are_not_stored_more_finely_whatever_they_cost(tmp_path):
    graph = parse(TABLE, registry().ops)
    table = next(value for value in graph.values if value.name == "table")
    sizes = np.logspace(-3, 0, 5000, dtype=np.float32)[:, None]
    table.const = np.random.default_rng(0).standard_normal((5000, 16)).astype(np.float32) * sizes
    (tmp_path / "m.tflite").write_bytes(to_bytes(Model([graph])))
    samples = {"x": np.arange(0, 5000, 125, dtype=np.int32)}
    made = octavo.convert(tmp_path / "m.tflite", recipe="int8", samples=samples)
    assert "row" not in raised(made)
    assert made.size < 1.2 * table.const.size


LOUDNESS = """main(%x: float32[batch,32]) {
  %square = MUL(%x, %x)
  %tiny = const float32[] 1e-9
  %sum = ADD(%square, %tiny)
  %loud = LOG(%sum)
  %w = const float32[8,32]
  %y = FULLY_CONNECTED(%loud, %w, _)
  return %y
}"""


def test_where_no_few_are_to_blame_the_model_is_float_as_far_as_it_takes(model, monkeypatch):
    monkeypatch.setattr(octavo.raising, "FEW", 1)  # of any one of the first three alone nothing is gained
    samples = contrasts()
    made = octavo.convert(model(LOUDNESS), recipe="int8", samples=samples)
    assert raised(made) == {"square": "float32", "sum": "float32", "loud": "float32"}
    assert changed(made, samples) < 0.01
    assert any("3 operation(s)" in warning for warning in made.warnings)


@given(st.integers(2, 300), st.data())
def test_the_shortest_beginning_is_found(count, data):
    needed = data.draw(st.integers(1, count))
    nodes = [str(i) for i in range(count)]
    found = _beginning(nodes, lambda rest: 0.0 if len(rest) <= count - needed else 1.0)
    assert found == nodes[:needed]


def test_narrow_weights_behind_such_a_beginning_stay_narrow(model, monkeypatch):
    monkeypatch.setattr(octavo.raising, "FEW", 1)
    made = octavo.convert(model(LOUDNESS), recipe=NARROW, samples=contrasts())
    assert {"square", "sum", "loud"} <= raised(made).keys()
    assert octavo.convert(model(LOUDNESS), plan=made.plan).content == made.content
