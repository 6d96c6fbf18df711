"""Transformers, U-Net, detector, speech and autoencoder: equal to Keras in float from each file, near it in int8."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras")
sys.path.insert(0, str(Path(__file__).parent))
import networks  # beside this file

import octavo
from octavo.runtime import Runtime

pytestmark = pytest.mark.slow
DECIBELS = {"bert": 20, "vision_transformer": 28, "u_net": 38, "detector": 36, "speech": 30, "autoencoder": 25}
"""What int8 must reach. One rounding to 8 bits leaves some 40 dB, and each of some ten layers adds its own; attention
and softmax over untrained weights, whose answers differ little, amplify it."""


@pytest.fixture(scope="module", params=networks.NETWORKS)
def network(request, tmp_path_factory):
    """The name, the model, and the files of a network."""
    folder, model = tmp_path_factory.mktemp(request.param), networks.built(request.param)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Keras warns of is not ours
        model.export(str(folder / "saved"), verbose=False)
        model.save(folder / "model.keras")
        model.save(folder / "model.h5")
    return request.param, model, folder


@pytest.mark.parametrize("form", ["saved", "model.keras", "model.h5"])
def test_float_answers_are_those_of_keras(network, form):
    _, model, folder = network
    runtime = Runtime(octavo.convert(folder / form).content)
    for count in (1, 3):
        samples = networks.drawn(model, count, seed=count)
        got = runtime.run(samples)
        expected = networks.answers(model, samples)
        assert got.keys() == expected.keys()
        for name, array in expected.items():
            # both compute in float32 in their own order: a few roundings in each of some ten layers
            np.testing.assert_allclose(got[name], array, rtol=0, atol=1e-4 * np.abs(array).max())


def test_int8_answers_are_near(network):
    name, model, folder = network
    result = octavo.convert(folder / "saved", recipe="int8", samples=networks.drawn(model, 32, seed=5))
    samples = networks.drawn(model, 16, seed=6)
    runtime = Runtime(result.content)
    rows = [runtime.run({key: array[at : at + 1] for key, array in samples.items()}) for at in range(16)]
    for key, exact in networks.answers(model, samples).items():
        noise = np.concatenate([row[key] for row in rows]) - exact
        decibels = 10 * np.log10(np.square(exact).sum() / np.square(noise).sum())
        assert decibels > DECIBELS[name], f"{key}: {decibels:.1f} dB"
