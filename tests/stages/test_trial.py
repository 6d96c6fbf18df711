"""Models with open dimensions are tried, and timed, on shapes that they run on."""

import numpy as np
import pytest

from octavo.benchmarking import Course, benchmark, sample_for
from octavo.errors import TargetError
from octavo.ir.graph import Model, Signature
from octavo.ir.text import parse
from octavo.ops import registry
from octavo.trial import SIZES, tried
from octavo.write.tflite import to_bytes

UNPADDED = """
main(%x: float32[batch,height,width,2]) {
  %w = const float32[2,9,9,2]
  %b = const float32[2]
  %p: float32[batch,rows,columns,2] = CONV_2D(%x, %w, %b) {padding=VALID}
  %q: float32[batch,fewer_rows,fewer_columns,2] = CONV_2D(%p, %w, %b) {padding=VALID}
  return %q
}
"""
SOUND = """
main(%x: float32[length]) {
  %w = const float32[3]
  %y: float32[3] = ADD(%x, %w)
  return %y
}
"""


def content(text):
    graph = parse(text, registry().ops)
    return to_bytes(Model([graph], [Signature("serving_default", graph, ("x",), ("y",))]))


def test_the_first_size_that_the_model_runs_on_is_taken():
    assert tried(content(UNPADDED))["x"].shape == (1, 32, 32, 2)  # of one pixel, nothing would be left


def test_a_model_is_timed_on_the_size_of_a_picture():
    assert sample_for(content(UNPADDED), None)["x"].shape == (1, 256, 256, 2)
    timed = benchmark([content(UNPADDED)], Course(rounds=1))
    assert timed.wholes[0].timing.runs == 1


def test_samples_say_what_is_timed():
    rows = [np.zeros((1, 20, 40, 2), np.float32)]
    assert sample_for(content(UNPADDED), rows)["x"].shape == (1, 20, 40, 2)


def test_an_only_dimension_that_is_open_is_a_length():
    assert tried(content(SOUND))["x"].shape == (1,)
    assert tried(content(SOUND), sizes=(3,))["x"].shape == (3,)


def test_a_model_that_runs_on_no_size_is_refused_with_the_first_reason():
    with pytest.raises(TargetError):
        tried(content(SOUND), sizes=[size for size in SIZES if size > 3])
