"""Samples → statistics, in one pass over the samples through the float model."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from octavo.calibrate.inputs import Runner, fit_inputs
from octavo.errors import InternalError, SamplesError
from octavo.ir.source import Array
from octavo.samples import Sample
from octavo.statistics import Range, Spread, Statistics

Progress = Callable[[str, int, int | None], None]
"""`(what, done, total)`: called after each step; `total` is None where it is not known beforehand."""
WATCHED = 16
"""The histograms look at all of the first twice so many samples, then at ever fewer: every second, fourth, eighth."""


class Watcher(Runner, Protocol):
    """The part of a runtime that calibration needs."""

    def calibrate(self, inputs: Sample) -> dict[str, tuple[float, float]]:
        """The least and greatest number of each tensor in one run."""
        ...

    def numbers(self, names: Iterable[str]) -> Iterable[tuple[str, Array]]:
        """What the tensors held in it."""
        ...


def calibrate(  # noqa: PLR0913  # what to learn of what, by keyword
    runtime: Watcher,
    samples: Iterable[Sample],
    names: Collection[str],
    *,
    spread: Sequence[str] = (),
    fit: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    count: int | None = None,
) -> Statistics:
    """The range of each value in `names` over all samples, and how those in `spread` are spread over some of them.

    The samples are iterated once, and a few of them are kept until the end. `runtime` must keep its tensors if
    `spread` is not empty. `fit` maps inputs of the model to their values, for which smaller ranges are tried.

    Raises:
        SamplesError: there is no sample, or the model computes NaN or an infinity from one.
        InternalError: the runtime did not report one of the values.
    """
    ranges: dict[str, Range] = {}
    spreads: dict[str, Spread] = {}
    kept = _Few()
    for number, sample in enumerate(samples):
        for name, fresh in _ranges(runtime.calibrate(sample), names, number).items():
            known = ranges.get(name)
            ranges[name] = fresh if known is None else known.merge(fresh)
        kept.offer(number, sample)
        if spread and _is_watched(number):
            for name, array in runtime.numbers(spread):
                seen = Spread.of(array)
                spreads[name] = spreads[name].merge(seen) if name in spreads else seen
        if progress is not None:
            progress("calibrating", number + 1, count)
    named = fit or {}
    fitted = fit_inputs(runtime, kept.samples, {name: ranges[value] for name, value in named.items()}) if named else {}
    return Statistics(ranges, spreads, {named[name]: range for name, range in fitted.items()})


class _Few:
    """At most `WATCHED` samples, evenly spaced over however many come."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self._spacing = 1

    def offer(self, number: int, sample: Sample) -> None:
        """Keep the sample, if its turn has come."""
        if number % self._spacing:
            return
        if len(self.samples) == WATCHED:
            self.samples, self._spacing = self.samples[::2], 2 * self._spacing
            if number % self._spacing:
                return
        self.samples.append(sample)


def _ranges(seen: dict[str, tuple[float, float]], names: Collection[str], number: int) -> dict[str, Range]:
    missing = [name for name in names if name not in seen]
    if missing:
        raise InternalError(f"the runtime reported no range for {len(missing)} tensors, such as {missing[0]!r}")
    for name in names:
        low, high = seen[name]
        if not (math.isfinite(low) and math.isfinite(high)):
            raise SamplesError(
                f"the float model computes {high if math.isfinite(low) else low} in {name!r}",
                where=f"sample {number}",
                hint="check the scale of this sample against what the model was trained on",
            )
    return {name: Range(*seen[name]) for name in names}


def _is_watched(number: int) -> bool:
    """Whether the histograms look at this sample: the spacing doubles each time as many have passed."""
    return number % (1 << (number // (2 * WATCHED)).bit_length()) == 0
