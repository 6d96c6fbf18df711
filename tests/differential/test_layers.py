"""Each Keras layer, end to end: exported, converted without TensorFlow, run by LiteRT, and equal to Keras."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")
pytest.importorskip("keras")
from keras_layers import CASES, LATER, Case

import octavo
from octavo.errors import Unsupported
from octavo.read.tflite import read_tflite
from octavo.runtime import Runtime

pytestmark = pytest.mark.slow
SHAPE_ARITHMETIC = {"SHAPE", "PACK", "STRIDED_SLICE"}
SLICES, STACKS = {"STRIDED_SLICE"}, {"PACK"}
LOOPS = ("lstm", "gru", "simple_rnn", "bidirectional", "conv_lstm_2d")
NEEDED = {
    # data is really cut or stacked
    **dict.fromkeys(("cropping_1d", "cropping_2d", "center_crop", "resizing_cropped", "broadcast_to"), SLICES),
    **dict.fromkeys(("slices", "slice_last", "split_uneven"), SLICES),
    "split_stack": STACKS,
    "mel_spectrogram": SLICES,
    "time_distributed": SLICES | STACKS,
    # a tensor is filled that is as long as the batch
    **dict.fromkeys(("multi_head_attention_causal", "concatenate_constant"), SHAPE_ARITHMETIC),
    **dict.fromkeys(("lstm_unrolled", "gru_unrolled"), SHAPE_ARITHMETIC),
    **dict.fromkeys(LOOPS, SHAPE_ARITHMETIC),
}
"""Which of these operations a case cannot do without."""
STEEP = {"arg_max", "mel_spectrogram", "spectrogram", "bins", "comparisons"}
"""Cases whose answer jumps where two numbers are nearly equal, or where one is nearly zero (logarithms)."""


@dataclass(frozen=True)
class Converted:
    """A case, the float model, and what Keras answers by batch, in the order of the outputs."""

    name: str
    case: Case
    path: Path
    content: bytes
    expected: dict[int, list[np.ndarray]]


def export(case: Case, path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Keras warns of is not ours
        model = case.model()
        model.export(str(path), verbose=False)
    return model


@pytest.fixture(scope="module", params=list(CASES))
def converted(request, tmp_path_factory) -> Converted:
    case, path = CASES[request.param], tmp_path_factory.mktemp("layers") / request.param
    model = export(case, path)
    expected = {batch: _answers(model, case.samples(batch)) for batch in (1, 3)}
    return Converted(request.param, case, path, octavo.convert(path).content, expected)


def _answers(model: Callable[..., Any], samples: dict[str, np.ndarray]) -> list[np.ndarray]:
    outputs = model(list(samples.values()), training=False)
    return [np.asarray(output) for output in (outputs if isinstance(outputs, list | tuple) else [outputs])]


def test_litert_computes_what_keras_computes(converted):
    runtime = Runtime(converted.content)
    for batch, expected in converted.expected.items():
        got = runtime.run(converted.case.samples(batch))
        assert sorted(got) == [f"output_{number}" for number in range(len(expected))]
        for number, want in enumerate(expected):
            result = got[f"output_{number}"]
            assert (result.shape, result.dtype) == (want.shape, want.dtype)
            allowed = converted.case.within * np.abs(want).max()
            np.testing.assert_allclose(result, want, rtol=0, atol=allowed, err_msg=f"batch {batch}")


@pytest.mark.parametrize(("precision", "steps"), [("int8", 255), ("int16x8", 65535)])
def test_integers_stay_near_the_float_model(converted, precision, steps):
    rows = converted.case.samples(16)
    samples = [{name: array[index : index + 1] for name, array in rows.items()} for index in range(16)]
    result = octavo.convert(converted.path, recipe=precision, samples=samples)
    reference, candidate = Runtime(result.reference), Runtime(result.content)
    answers = [(reference.run(sample), candidate.run(sample)) for sample in samples]
    for name in answers[0][0]:
        exact, rounded = (np.stack([pair[side][name] for pair in answers]) for side in (0, 1))
        assert np.isfinite(rounded).all()
        if converted.name not in STEEP and exact.dtype.kind == "f":
            # an output's grid holds zero, so a step is at most max|x| / steps; fifteen steps, and two in a hundred for
            # int8 weights, are room for a handful of roundings in a row; loops use rounded weights at every turn
            reach = np.abs(exact).max() + 1e-6
            weights = 0.03 if converted.name in LOOPS else 0.02
            assert np.abs(exact - rounded).max() <= (15 / steps + weights) * reach


def test_the_batch_stays_open_and_costs_nothing(converted):
    """No shape is computed at run time, since every one is known but for the batch."""
    graph = read_tflite(converted.content).main
    assert all(not isinstance(value.shape[0], int) for value in (*graph.inputs, *graph.outputs))
    assert all(isinstance(size, int) for value in graph.inputs for size in value.shape[1:])
    assert {node.op.code for node in graph} & SHAPE_ARITHMETIC <= NEEDED.get(converted.name, set())


@pytest.mark.parametrize("name", list(LATER))
def test_what_cannot_be_converted_yet_is_named_with_its_layer(name, tmp_path):
    """When one of these begins to work, it belongs among the cases above."""
    export(LATER[name], tmp_path / "model")
    with pytest.raises(Unsupported) as raised:
        octavo.convert(tmp_path / "model")
    error = raised.value
    assert error.gaps
    assert any("subject" in gap.layer for gap in error.gaps)
    assert str(tmp_path / "model") in error.where
    assert error.hint
    assert error.code == 4
    for gap in error.gaps:
        assert gap.op in str(error)
