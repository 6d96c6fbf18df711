"""Trained models with labelled data: converted in every mode, equal to TensorFlow in float, and still good in integers."""

import functools

import numpy as np
import pytest

import octavo
from octavo.judge.metrics import relative_error
from octavo.runtime import Runtime
from trained import ABSENT, MODELS, ROOT, Trained

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not ROOT.exists(), reason=ABSENT)]
every_model = pytest.mark.parametrize("trained", MODELS, ids=lambda trained: trained.name)


@functools.cache
def data(trained: Trained):
    return trained.data()


@functools.cache
def float_score(trained: Trained) -> float:
    return score(trained, octavo.convert(trained.directory).content)


def score(trained: Trained, content: bytes) -> float:
    """Points of accuracy, or decibels."""
    _, inputs, labels = data(trained)
    value = octavo.evaluate(content, inputs, labels=labels, metric=trained.metric).value
    return value if trained.metric == "psnr" else 100 * value


@every_model
def test_the_float_model_computes_what_tensorflow_computes(trained):
    tensorflow = pytest.importorskip("tensorflow")
    inputs = data(trained)[1][:16]
    signature = tensorflow.saved_model.load(str(trained.directory)).signatures["serving_default"]
    ((name, _),) = signature.structured_input_signature[1].items()
    expected = next(iter(signature(**{name: tensorflow.constant(inputs)}).values())).numpy()
    runtime = Runtime(octavo.convert(trained.directory).content)
    (got,) = runtime.run({name: inputs}).values()
    # both compute in float32 in their own order: a few rounding errors per layer
    assert relative_error(expected, got) < 1e-4


@every_model
@pytest.mark.parametrize("recipe", ["float16", "dynamic", "weight_only", "int16x8"])
def test_every_other_mode_loses_at_most_half_a_point(trained, recipe):
    result = octavo.convert(trained.directory, recipe=recipe, samples=data(trained)[0])
    assert result.size < 0.8 * len(result.reference)
    assert score(trained, result.content) > float_score(trained) - trained.allowed


@every_model
@pytest.mark.parametrize("border", ["float32", "int8", "uint8"])
def test_int8_loses_at_most_half_a_point(trained, border):
    recipe = octavo.Recipe(precision="int8", inputs=border, outputs=border)
    result = octavo.convert(trained.directory, recipe=recipe, samples=data(trained)[0])
    assert result.plan.left_float == ()
    if border == "float32":
        assert score(trained, result.content) > float_score(trained) - trained.allowed
        return
    runtime = Runtime(result.content)
    (input,), (output,) = runtime.inputs, runtime.outputs
    assert input.dtype == output.dtype == np.dtype(border)
