"""The range of an input, chosen by what the model makes of it.

Inputs that were never normalised may spend most of their range on numbers that hardly matter (the energy of silent
frames, an empty background), so that what matters falls between two steps. Only the model can tell: it is run on
rounded inputs, and the range whose outputs change least is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from octavo.ir.grid import Interval, activation_grid
from octavo.ir.source import Array
from octavo.samples import Sample
from octavo.statistics import Range

GOOD = 10 ** (-25 / 10)
"""Noise over signal, in power, at which rounded inputs do no harm that is worth a search: 25 dB."""
SURE = GOOD / 1.5
"""Where a few samples show no more of it, the others are not asked: 27 dB."""
EVERY = 4
"""These few are every fourth."""
WORTH = 10 ** (-1 / 10)
"""A smaller range must lower the error by at least this factor: 1 dB."""
KEPT = (0.8, 0.65, 0.5, 0.4, 0.3, 0.2)
"""The parts of a range that are tried."""


class Runner(Protocol):
    """The part of a runtime that is needed here."""

    def run(self, inputs: Sample) -> dict[str, Array]:
        """The outputs."""
        ...


def fit_inputs(runtime: Runner, samples: Sequence[Sample], ranges: Mapping[str, Range]) -> dict[str, Range]:
    """The ranges, for int8, of those inputs in `ranges` that are better off with less than was seen.

    Inputs are taken one at a time, the others left as they are. `samples` are a few. A part of them tells whether
    rounding an input does any harm, each by two runs; else each costs one run, and a dozen for each such input.
    """
    wholes = {name: Interval.around(seen.low, seen.high) for name, seen in ranges.items()}
    few = _run(runtime, samples[::EVERY])
    doubtful = [name for name, whole in wholes.items() if whole.width and _noise(runtime, few, name, whole) > SURE]
    fitted: dict[str, Range] = {}
    others = [sample for number, sample in enumerate(samples) if number % EVERY]
    every = [*few, *_run(runtime, others)] if doubtful else few
    for name in doubtful:
        whole = best = wholes[name]
        least = _noise(runtime, every, name, whole)
        if least < GOOD:
            continue
        for part in KEPT:
            for candidate in _parts(whole, part):
                noise = _noise(runtime, every, name, candidate)
                if noise < WORTH * least:
                    best, least = candidate, noise
        if best is not whole:
            fitted[name] = Range(best.low, best.high, ranges[name].samples)
    return fitted


_Pairs = list[tuple[Sample, dict[str, Array]]]
"""Samples, and what the model makes of each."""


def _run(runtime: Runner, samples: Sequence[Sample]) -> _Pairs:
    return [(sample, runtime.run(sample)) for sample in samples]


def _parts(whole: Interval, part: float) -> list[Interval]:
    """The interval with its longer end shortened, then with both."""
    if whole.high >= -whole.low:
        return [Interval(whole.low, whole.high * part), Interval(whole.low * part, whole.high * part)]
    return [Interval(whole.low * part, whole.high), Interval(whole.low * part, whole.high * part)]


def _noise(runtime: Runner, samples: _Pairs, name: str, interval: Interval) -> float:
    """How much the float outputs change when one input is rounded: power of the change over power of the outputs."""
    scale, zero_point = activation_grid(interval, "int8")
    changed = signal = 0.0
    for sample, outputs in samples:
        steps = np.clip(np.rint(sample[name] / scale) + zero_point, -128, 127) - zero_point
        rounded = runtime.run({**sample, name: (steps * scale).astype(np.float32)})
        for key, array in outputs.items():
            if array.dtype.kind == "f":
                changed += float(np.square(array - rounded[key], dtype=np.float64).sum())
                signal += float(np.square(array, dtype=np.float64).sum())
    return changed / signal if signal > 0 else 0.0
