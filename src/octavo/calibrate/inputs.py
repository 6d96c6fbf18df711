"""The range of an input, chosen by what the model makes of it.

Inputs that were never normalised may spend most of their range on numbers that hardly matter (the energy of silent
frames, an empty background), so that what matters falls between two steps. Only the model can tell: it is run on
rounded inputs, and the range whose outputs change least is taken.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import numpy as np

from octavo.ir.grid import Interval, activation_grid
from octavo.ir.source import Array
from octavo.loss import lost_of_all
from octavo.samples import Sample
from octavo.statistics import Range

GOOD = 10 ** (-22 / 10)
"""Noise over signal, in power, at which rounded inputs do no harm that is worth a search: 22 dB. What few samples tell
of less is not certain enough: a range that is too small costs more than it gains."""
SURELY, FIRST = 0.1, 4
"""When the first so many samples show less than this part of it, the others are not run."""
WORTH = 10 ** (-1 / 10)
"""A smaller range must lower the error by at least this factor: 1 dB."""
KEPT = (0.8, 0.65, 0.5, 0.4, 0.3, 0.2)
"""The parts of a range that are tried."""
HOPELESS = 4.0
"""When both ways to a part err so many times as much as the best, no smaller one is tried."""
LEAST = 1e-9
"""What is less likely than this is taken to be as likely."""


class Runner(Protocol):
    """The part of a runtime that is needed here."""

    def run(self, inputs: Sample) -> dict[str, Array]:
        """The outputs."""
        ...

    def reset(self) -> None:
        """Forget the runs before."""
        ...


def fit_inputs(
    runtime: Runner, samples: Sequence[Sample], ranges: Mapping[str, Range], probabilities: Collection[str] = ()
) -> dict[str, Range]:
    """The ranges, for int8, of those inputs in `ranges` that are better off with less than was seen.

    Inputs are taken one at a time, the others left as they are. `samples` are a few; each costs one run, and thirteen
    more for each input whose rounding does harm. Of outputs that are `probabilities` the logarithms count: where a
    model is sure, these alone tell how near it came to another answer.
    """
    trial = _Trial(runtime, samples, probabilities)
    fitted: dict[str, Range] = {}
    for name, seen in ranges.items():
        whole = Interval.around(seen.low, seen.high)
        if whole.width == 0 or trial.noise(name, whole, every=max(1, len(samples) // FIRST)) < SURELY * GOOD:
            continue
        best, least = whole, trial.noise(name, whole)
        if least < GOOD:
            continue
        for part in KEPT:
            tried = [(trial.noise(name, candidate), candidate) for candidate in _parts(whole, part)]
            for noise, candidate in tried:
                if noise < WORTH * least:
                    best, least = candidate, noise
            if min(noise for noise, _ in tried) > HOPELESS * least:
                break
        if best is not whole:
            fitted[name] = Range(best.low, best.high, seen.samples)
    return fitted


def _parts(whole: Interval, part: float) -> list[Interval]:
    """The interval with its longer end shortened, then with both."""
    if whole.high >= -whole.low:
        return [Interval(whole.low, whole.high * part), Interval(whole.low * part, whole.high * part)]
    return [Interval(whole.low * part, whole.high), Interval(whole.low * part, whole.high * part)]


class _Trial:
    """What rounding an input changes of the float outputs, tried on a few samples."""

    def __init__(self, runtime: Runner, samples: Sequence[Sample], probabilities: Collection[str]) -> None:
        self._runtime, self._samples, self._probabilities = runtime, samples, probabilities
        self._exact: dict[int, dict[str, Array]] = {}  # of each sample that was run

    def noise(self, name: str, interval: Interval, *, every: int = 1) -> float:
        """How much is lost, from 0 to 1, when one input of every nth sample is rounded on the grid of an interval."""
        scale, zero_point = activation_grid(interval, "int8")
        exact, found = [], []
        for number, sample in list(enumerate(self._samples))[::every]:
            if number not in self._exact:
                self._exact[number] = self._outputs(sample)
            exact.append(self._exact[number])
            steps = np.clip(np.rint(sample[name] / scale) + zero_point, -128, 127) - zero_point
            found.append(self._outputs({**sample, name: (steps * scale).astype(np.float32)}))
        return lost_of_all(exact, found)

    def _outputs(self, sample: Sample) -> dict[str, Array]:
        self._runtime.reset()  # what remembers runs would else compare what follows other samples
        outputs = self._runtime.run(sample)
        logits = {name: np.log(np.maximum(outputs[name], LEAST)) for name in self._probabilities}
        return {**outputs, **logits}
