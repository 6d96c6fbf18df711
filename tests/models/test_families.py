"""The families of keras.applications: equal to Keras in float, in no more operations than TensorFlow gives them.

`benchmarks/zoo.py` builds the models with live random weights. Families that it has built (in `$OCTAVO_ZOO`) are all
tested, otherwise the small ones are built here.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras")
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import zoo  # noqa: I001  # a script of the project, not a package

import octavo
from octavo.judge.metrics import relative_error
from octavo.read.tflite import read_tflite
from octavo.runtime import Runtime

pytestmark = pytest.mark.slow
SMALL = ("MobileNetV2", "MobileNetV3Small")
BUILT = [name for name in zoo.names() if (zoo.folder(name) / "reference.npz").exists()]
CALIBRATION = 16
"""Enough to see most of a range; agreement with a hundred is a matter of the benchmarks."""


@pytest.fixture(scope="module", params=dict.fromkeys((*SMALL, *BUILT)))
def family(request):
    """A family's name, and its images with the answers of Keras."""
    return request.param, zoo.samples(request.param)


def answers(content: bytes, samples: zoo.Samples) -> np.ndarray:
    (outputs,) = Runtime(content, threads=2).run({samples.input_name: samples.evaluation}).values()
    return outputs


def test_the_float_model_answers_as_keras_does(family):
    name, samples = family
    result = octavo.convert(zoo.build(name))
    # both compute in float32 in their own order: a few roundings in each of up to 300 layers
    assert relative_error(samples.outputs, answers(result.content, samples)) < 1e-4
    graph = read_tflite(result.content).main
    assert not isinstance(graph.inputs[0].shape[0], int)
    assert not {node.op.code for node in graph} & {"SHAPE", "PACK", "GATHER"}


def test_it_takes_no_more_operations_than_tensorflow_gives_it(family):
    name, _ = family
    theirs = zoo.folder(name) / "tf_float.tflite"
    if not theirs.exists():
        pytest.skip("TensorFlow's conversion is not beside the model; benchmarks/conversion.py makes it")
    ours = octavo.convert(zoo.build(name)).content
    assert len(read_tflite(ours).main) <= len(read_tflite(theirs).main)
    assert len(ours) <= theirs.stat().st_size


def test_the_int8_model_computes_in_integers_and_answers_alike(family):
    name, samples = family
    recipe = {"precision": "int8", "mixed": False}  # for the same reason as below some would be raised
    calibration = {samples.input_name: samples.calibration[:CALIBRATION]}
    result = octavo.convert(zoo.build(name), recipe=recipe, samples=calibration)
    assert result.plan.left_float == ()
    assert result.size < 0.35 * len(result.reference)
    got = answers(result.content, samples)
    # random weights have no redundancy that hides rounding: the worst family keeps a correlation of two thirds
    assert np.corrcoef(got.ravel(), samples.outputs.ravel())[0, 1] > 0.5
