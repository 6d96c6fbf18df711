"""Models that were trained for integers: the ranges that training left are taken, and no samples are needed."""

import numpy as np
import pytest

import octavo
from octavo.errors import RecipeError, SamplesError
from octavo.ir.graph import Model
from octavo.ir.grid import weight_scale
from octavo.ir.text import parse
from octavo.ops import registry
from octavo.runtime import Runtime
from octavo.write.tflite import to_bytes

RANDOM = np.random.default_rng(0)
TRAINED = """main(%x: float32[2,4]) {
  %q = FAKE_QUANT(%x) {min=-1.0, max=1.0, num_bits=8}
  %w = const float32[3,4]
  %b = const float32[3]
  %f = FULLY_CONNECTED(%q, %w, %b) {fused_activation_function=RELU}
  %g = FAKE_QUANT(%f) {min=0.0, max=6.0, num_bits=8}
  %s = const int32[2] [3, 2]
  %r = RESHAPE(%g, %s)
  %y = MUL(%r, %r)
  %z = FAKE_QUANT(%y) {min=0.0, max=20.0, num_bits=8}
  return %z
}"""
WITHOUT = TRAINED.replace("%z = FAKE_QUANT(%y) {min=0.0, max=20.0, num_bits=8}", "%z = EXP(%y)")


def content(text: str = TRAINED) -> bytes:
    return to_bytes(Model([parse(text, registry().ops)]))


def grids(made) -> dict[str, tuple[float, int]]:
    return {g.value: (g.scale[0], g.zero_point[0]) for g in made.plan.graphs[0].grids if g.scale and not g.reader}


@pytest.mark.parametrize(("precision", "reach", "steps"), [("int8", 2.0, 255), ("int16x8", 1.0, 32767)])
def test_ranges_of_training_are_those_of_the_integers_without_samples(precision, reach, steps):
    made = octavo.convert(content(), recipe=precision)
    assert {op.precision for op in made.plan.graphs[0].ops} == {precision}
    assert grids(made)["x"][0] == pytest.approx(reach / steps, rel=0.01)  # the bounds move to make zero exact
    assert grids(made)["f"] == grids(made)["r"]  # moved numbers keep their grid
    assert "FAKE_QUANT" not in str(made.plan)
    x = RANDOM.uniform(-1, 1, (2, 4)).astype(np.float32)
    (wanted,), (got,) = (Runtime(each).run({"x": x}).values() for each in (content(), made.content))
    assert np.abs(got - wanted).max() <= 2 * 20 / 255  # two steps of the coarsest grid


def test_in_float_the_model_rounds_as_it_was_trained():
    made = octavo.convert(content(), recipe="dynamic")
    x = RANDOM.uniform(-2, 2, (2, 4)).astype(np.float32)
    (wanted,), (got,) = (Runtime(each).run({"x": x}).values() for each in (content(), made.content))
    assert (wanted == got).all()


def test_what_nothing_tells_the_range_of_stays_float_with_a_reason_and_a_warning():
    made = octavo.convert(content(WITHOUT), recipe="int8")
    left = {op.op: op for op in made.plan.left_float}
    assert set(left) == {"MUL", "EXP"}
    assert "nothing tells the range of" in left["MUL"].why
    assert any("pass samples" in warning for warning in made.warnings)


def test_samples_tell_the_ranges_that_training_left_out():
    samples = [{"x": RANDOM.uniform(-0.1, 0.1, (2, 4)).astype(np.float32)} for _ in range(16)]
    made = octavo.convert(content(WITHOUT), recipe="int8", samples=samples)
    assert not made.plan.left_float
    assert grids(made)["x"][0] == pytest.approx(2 / 255, rel=1e-6)  # not the samples' 0.2 / 255


def test_a_plan_of_a_trained_model_is_replayed():
    made = octavo.convert(content(), recipe="int8")
    assert octavo.convert(content(), plan=made.plan).content == made.content


def test_ranges_can_be_given():
    plain = "main(%x: float32[2,4]) {\n  %y = MUL(%x, %x)\n  %z = TANH(%y)\n  return %z\n}"
    made = octavo.convert(content(plain), recipe="int8", ranges={"x": (-1.0, 1.0), "*": (0.0, 2.0)})
    assert grids(made)["x"] == (pytest.approx(2 / 255, rel=1e-6), -1)
    assert grids(made)["y"] == (pytest.approx(2 / 255, rel=1e-6), -128)
    with pytest.raises(SamplesError):
        octavo.convert(content(plain), recipe="int8")
    with pytest.raises(RecipeError, match="no input 'X'"):
        octavo.convert(content(plain), recipe="int8", ranges={"X": (-1.0, 1.0)})


@pytest.mark.parametrize("axis", [None, 0, 2])
@pytest.mark.parametrize(("dtype", "most"), [("int8", 127), ("int4", 7)])
def test_weights_that_stand_on_a_grid_keep_it(axis, dtype, most):
    integers = RANDOM.integers(-most, most, (4, 40, 3), endpoint=True)
    integers[:, 0] = most - 1 if axis == 0 else integers[:, 0]
    step = 0.0037 * (1 if axis is None else np.arange(1, integers.shape[axis] + 1))
    shape = [1] * 3 if axis is None else [-1 if i == axis else 1 for i in range(3)]
    weight = (integers * np.reshape(step, shape)).astype(np.float32)
    scale = weight_scale(weight, axis, dtype).reshape(shape)
    steps = weight / scale
    assert np.abs(steps - np.rint(steps)).max() < 1e-4
    assert np.abs(steps).max() < most + 1e-4


def test_weights_on_no_grid_end_at_the_last_step():
    weight = RANDOM.standard_normal((8, 50)).astype(np.float32)
    assert weight_scale(weight, 0) == pytest.approx(np.abs(weight).max(axis=1) / 127)
