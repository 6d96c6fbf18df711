"""Calibration data of trained models: right data brings no word, data of another scale does."""

import functools
import sys
from pathlib import Path

import numpy as np
import pytest

import octavo
from trained import ABSENT, ROOT

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not ROOT.exists(), reason=ABSENT)]
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from cases import CASES  # noqa: E402  # a script of the project, not a package

MUTE = {
    ("minilm_stsb", 255), ("minilm_stsb", 1 / 255),  # its numbers are a mask
    ("text_sst2", 255), ("text_sst2", 1 / 255),  # its numbers are words
    ("espcn", 255),  # no normalization, no classes: nothing tells
    ("he_dnn", 1 / 255),  # its biases are a hundredth of what they are added to
}  # fmt: skip
UNLABELLED = {case.name for case in CASES if case.judged} | {"basic_pitch"}
"""They stand for no kind of data: sounds block by block, photographs for what looks for faces; nothing tells a scale."""
READABLE = [case for case in CASES if case.source.suffix != ".keras"]


@functools.cache
def calibration(case):
    return {name: array[:8] for name, array in case.load().calibration.items()}


def doubts(case, factor):
    samples = {
        name: (factor * array).astype(array.dtype) if array.dtype.kind == "f" else array
        for name, array in calibration(case).items()
    }
    warnings = octavo.convert(case.source, recipe="int8", samples=samples).warnings
    return [
        text
        for text in warnings
        if text.startswith(("input ", "the calibration samples")) or "calibration samples" in text
    ]


@pytest.mark.parametrize("case", READABLE, ids=lambda case: case.name)
def test_right_data_brings_no_word_and_data_of_another_scale_does(case):
    assert doubts(case, 1) == []
    greatest = max(np.abs(array).max() for array in calibration(case).values())
    for factor in (255,) if greatest <= 1.5 else (255, 1 / 255):
        if (case.name, factor) not in MUTE and case.name not in UNLABELLED:
            assert "first layer" in doubts(case, factor)[0]
