"""Trained models without labelled data: noise taken out of speech, pitches of a voice, faces, brightened photographs.

Speech is judged by what is left of the noise; all else by how near the outputs come to those of the float model.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

import octavo
from octavo.judge.metric import Metric, mean
from octavo.judge.real import RealRuntime

Outputs = dict[str, np.ndarray]
Run = Callable[[Outputs], Outputs]
CAP = 60.0
"""Decibels beyond which two outputs count as the same."""
BLOCK, HOP = 512, 128


def _decibels(signal: np.ndarray, noise: np.ndarray) -> float:
    power, lost = (float(np.square(array, dtype=np.float64).sum()) for array in (signal, noise))
    return min(CAP, 10 * np.log10(max(power, 1e-30) / max(lost, 1e-30)))


def si_sdr(clean: np.ndarray, found: np.ndarray) -> float:
    """What of a sound is the clean one, at whatever volume, over the rest of it (Le Roux et al., 2019)."""
    clean, found = (array.astype(np.float64) - array.mean(dtype=np.float64) for array in (clean, found))
    target = (found @ clean) / (clean @ clean) * clean
    return _decibels(target, found - target)


FIDELITY = Metric("SQNR", lambda outputs, _: outputs, mean, unit="dB")
SI_SDR = Metric("SI-SDR", lambda outputs, _: outputs, mean, unit="dB")


@cache
def float_run(path: Path) -> Run:
    """The model at `path` in float; an only input goes by any name."""
    runtime = RealRuntime(octavo.convert(path).content)
    names = [port.name for port in runtime.inputs]
    return lambda given: runtime.run(given if len(given) > 1 else dict(zip(names, given.values(), strict=True)))


def fidelity(path: Path, run: Run, inputs: Outputs) -> np.ndarray:
    """For each sample, how near all outputs come to those of the float model at `path`: the mean over the outputs."""
    exact_run, found = float_run(path), []
    for at in range(len(next(iter(inputs.values())))):
        sample = {name: array[at : at + 1] for name, array in inputs.items()}
        pairs = zip(exact_run(sample).values(), run(sample).values(), strict=True)
        found.append(np.mean([_decibels(exact, exact - near) for exact, near in pairs]))
    return np.array(found)[:, None]


def denoise(
    first: Run, second: Run, noisy: np.ndarray, *, seen: list[tuple[Outputs, Outputs]] | None = None
) -> np.ndarray:
    """The sound without noise: one model weighs the spectrum of each block, the other mends what comes of it.

    Westhausen and Meyer, Dual-Signal Transformation LSTM Network for Real-Time Noise Suppression (2020). What goes into
    both models is added to `seen`.
    """
    states = [np.zeros((1, 2, 128, 2), np.float32)] * 2
    result = np.zeros(len(noisy) + BLOCK, np.float32)
    padded = np.concatenate([np.zeros(BLOCK - HOP, np.float32), noisy])
    for at in range(0, len(noisy) - HOP + 1, HOP):
        spectrum = np.fft.rfft(padded[at : at + BLOCK])
        given = {"input_2": np.abs(spectrum).astype(np.float32).reshape(1, 1, -1), "input_3": states[0]}
        mask, states[0] = first(given).values()
        block = np.fft.irfft(spectrum * mask.reshape(-1)).astype(np.float32).reshape(1, 1, -1)
        then = {"input_4": block, "input_5": states[1]}
        made, states[1] = second(then).values()
        result[at : at + BLOCK] += made.reshape(-1)
        if seen is not None:
            seen.append((given, then))
    return result[BLOCK - HOP : BLOCK - HOP + len(noisy)]
