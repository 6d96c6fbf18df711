"""Ranges are cut where whatever reads the numbers tells them apart no more."""

import numpy as np
import pytest

import octavo
from octavo.ir.graph import Model
from octavo.ir.text import parse
from octavo.ops import registry
from octavo.runtime import Runtime
from octavo.write.tflite import to_bytes

RANDOM = np.random.default_rng(0)
SAMPLES = [{"x": (RANDOM.standard_normal((2, 8)) * 20).astype(np.float32)} for _ in range(32)]
GATES = """main(%x: float32[2,8]) {{
  %w = const float32[8,8]
  %b = const float32[8]
  %f = FULLY_CONNECTED(%x, %w, %b)
  {rest}
}}"""


def made(rest: str, **recipe):
    content = to_bytes(Model([parse(GATES.format(rest=rest), registry().ops)]))
    result = octavo.convert(content, recipe={"precision": "int8", "ranges": "minmax"} | recipe, samples=SAMPLES)
    return content, result, {g.value: (g.low, g.high, g.why) for g in result.plan.graphs[0].grids if not g.reader}


@pytest.mark.parametrize(("op", "limit"), [("LOGISTIC", 6.24), ("TANH", 3.13)])
def test_what_a_bend_makes_of_a_cut_range_is_nearer_to_float(op, limit):
    content, result, grids = made(f"%y = {op}(%f)\n  return %y")
    assert grids["f"] == (-limit, limit, "what lies outside changes nothing behind it")
    wanted, got = (
        np.stack([next(iter(Runtime(each).run(sample).values())) for sample in SAMPLES])
        for each in (content, result.content)
    )
    least, greatest = wanted.min(), wanted.max()
    flat = (wanted < least + 1e-4) | (wanted > greatest - 1e-4)
    assert np.abs(got - wanted)[flat].max() <= 1 / 128  # the last number of the grid
    assert np.abs(got - wanted).mean() < 0.02


def test_a_range_that_is_read_otherwise_too_is_kept():
    for rest in (
        "%y = LOGISTIC(%f)\n  %z = MUL(%f, %y)\n  return %z",
        "%y = LOGISTIC(%f)\n  return %y, %f",
        "%y = LOGISTIC(%f)\n  %z = SIN(%f)\n  return %y, %z",
    ):
        low, high, _ = made(rest)[2]["f"]
        assert high - low > 50, rest


def test_parts_of_a_tensor_are_cut_to_the_widest_limit_of_their_readers():
    split = "%a = const int32[] 1\n  %p, %q = SPLIT(%a, %f) {num_splits=2}\n  "
    grids = made(split + "%y = LOGISTIC(%p)\n  %z = TANH(%q)\n  return %y, %z")[2]
    assert grids["f"][:2] == grids["p"][:2] == grids["q"][:2] == (-6.24, 6.24)
    low, high, _ = made(split + "%y = LOGISTIC(%p)\n  %z = ABS(%q)\n  return %y, %z")[2]["f"]
    assert high - low > 50


def test_a_term_is_cut_where_the_other_cannot_bring_the_sum_back():
    grids = made("%t = TANH(%x)\n  %s = ADD(%f, %t)\n  %y = LOGISTIC(%s)\n  return %y")[2]
    assert grids["s"][:2] == (-6.24, 6.24)
    assert grids["f"][1] == pytest.approx(7.24, abs=0.01)
    assert grids["t"][2] == "the TANH kernel dictates it"


def test_int16_has_room_enough():
    low, high, _ = made("%y = LOGISTIC(%f)\n  return %y", precision="int16x8")[2]["f"]
    assert high - low > 50
