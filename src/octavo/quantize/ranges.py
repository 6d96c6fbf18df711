"""Which range an activation gets, out of what was seen of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from octavo.ir.grid import Interval
from octavo.ir.source import Array
from octavo.statistics import edges

KEPT = np.linspace(1.0, 0.3, 29)
"""The parts of each end of the range that are tried. To clip more than that has cost accuracy wherever it was tried:
rare large numbers mean more to a model than their share of the squared error says."""
WORTH = 0.98
"""A smaller range must lower the expected error by this factor; what little would be gained is not worth clipping."""

Views = Callable[[Array], Sequence[Array]]
"""What the readers of a tensor make of its numbers: one array of the same shape for each kind of reader."""


def least_error(interval: Interval, counts: Array, steps: int = 255, views: Views = lambda x: [x]) -> Interval:
    """The part of `interval` that makes the mean squared error least, when `steps` steps cover it.

    `counts` is a histogram as in `octavo.statistics`. What lies outside is clipped, what lies inside is rounded to
    the nearest step: the error of a number inside is uniform over a step, so its square is step²/12 on average. Zero
    is always exact. Each number counts as the outer edge of its bin, so clipping is never thought better than it is.
    The error is that of the `views`: a number is as wrong as what its readers make of it.
    """
    bins = np.flatnonzero(counts)
    if interval.width <= 0 or not len(bins):
        return interval
    numbers = np.clip(edges()[bins], interval.low, interval.high)
    weights = counts[bins].astype(np.float64)
    lows = interval.low * KEPT if interval.low < 0 else np.zeros(1)
    highs = interval.high * KEPT if interval.high > 0 else np.zeros(1)
    points = _Points(numbers, np.where(numbers == 0, 0, weights), lows, highs)
    error = sum(points.error(view, steps) for view in _seen(views, points, interval.width / steps))
    assert not isinstance(error, int)  # there is at least one view
    if error.min() >= WORTH * error[0, 0]:
        return interval
    row, column = np.unravel_index(error.argmin(), error.shape)
    return Interval(float(lows[row]), float(highs[column]))


@dataclass(frozen=True, slots=True)
class _Points:
    """The numbers of a histogram with their weights, and the ends that are tried."""

    numbers: Array
    weights: Array
    lows: Array
    highs: Array

    def error(self, view: _View, steps: int) -> Array:
        """The expected squared error, float64[lows, highs], as a part of the view's power."""
        far_below = self.numbers < self.lows[:, None]
        below = (np.square(np.where(far_below, view.numbers - view.lows[:, None], 0)) * self.weights).sum(axis=1)
        far_above = self.numbers > self.highs[:, None]
        above = (np.square(np.where(far_above, view.numbers - view.highs[:, None], 0)) * self.weights).sum(axis=1)
        step = (self.highs[None, :] - self.lows[:, None]) / steps
        rounding = np.square(step) / 12 * (np.square(view.slopes) * self.weights).sum()
        power = (np.square(view.numbers) * self.weights).sum()
        return np.asarray((below[:, None] + above[None, :] + rounding) / (power or 1.0))


@dataclass(frozen=True, slots=True)
class _View:
    """What one kind of reader makes of the points, and how fast that changes at the numbers."""

    numbers: Array
    slopes: Array
    lows: Array
    highs: Array


def _seen(views: Views, points: _Points, step: float) -> Iterator[_View]:
    """The views of all points at once; slopes are taken over one step."""
    parts = (points.numbers, points.numbers + step / 2, points.numbers - step / 2, points.lows, points.highs)
    ends = np.cumsum([len(part) for part in parts])[:-1]
    for view in views(np.concatenate(parts).astype(np.float32)):
        numbers, over, under, lows, highs = np.split(view.astype(np.float64), ends)
        yield _View(numbers, (over - under) / step, lows, highs)
