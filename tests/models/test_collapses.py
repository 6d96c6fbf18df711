"""What plain min/max quantization breaks and Octavo's default keeps: small trained models, one for each known collapse."""

import sys
from pathlib import Path

import pytest

import octavo
from plainly import plain

sys.path.insert(0, str(Path(__file__).parent))
from collapses import COLLAPSES

BARE = {"precision": "int8", "equalize": False, "mixed": False, "outputs": "int8"}
"""Outputs in int8, or those of unequal ranges would be joined in float."""


@pytest.fixture(scope="module", params=COLLAPSES)
def scores(request):
    """The name, and the accuracy of float, plain min/max and the default."""
    keras = pytest.importorskip("keras")
    subject = COLLAPSES[request.param](keras)
    made = octavo.convert(subject.model, recipe="int8", samples=subject.calibration)
    as_it_is = octavo.convert(subject.model, recipe=BARE, samples=subject.calibration)
    contents = as_it_is.reference, plain(as_it_is).content, made.content
    return request.param, *(subject.score(content) for content in contents)


def test_plain_min_max_loses_what_the_model_was_built_to_lose(scores):
    name, exact, simple, _ = scores
    assert simple <= exact - 0.03, name  # of 300 samples, nine: more than rounding flips by chance on these models


def test_the_default_keeps_the_accuracy(scores):
    name, exact, _, default = scores
    assert default >= exact - 0.02, name  # six of 300 samples, those on the edge between two classes
