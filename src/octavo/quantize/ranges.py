"""Which range an activation gets, out of what was seen of it."""

from __future__ import annotations

import numpy as np

from octavo.ir.grid import Interval
from octavo.ir.source import Array
from octavo.statistics import edges

KEPT = np.linspace(1.0, 0.3, 29)
"""The parts of each end of the range that are tried."""
WORTH = 0.98
"""A smaller range must lower the expected error by this factor; what little would be gained is not worth clipping."""


def least_error(interval: Interval, counts: Array, steps: int = 255) -> Interval:
    """The part of `interval` that makes the mean squared error least, when `steps` steps cover it.

    `counts` is a histogram as in `octavo.statistics`. What lies outside is clipped, what lies inside is rounded to
    the nearest step: the error of a number inside is uniform over a step, so its square is step²/12 on average. Zero
    is always exact. Each number counts as the outer edge of its bin, so clipping is never thought better than it is.
    """
    bins = np.flatnonzero(counts)
    if interval.width <= 0 or not len(bins):
        return interval
    numbers = np.clip(edges()[bins], interval.low, interval.high)
    weights = counts[bins].astype(np.float64)
    lows = interval.low * KEPT if interval.low < 0 else np.zeros(1)
    highs = interval.high * KEPT if interval.high > 0 else np.zeros(1)
    below = (np.square(np.minimum(numbers - lows[:, None], 0)) * weights).sum(axis=1)
    above = (np.square(np.maximum(numbers - highs[:, None], 0)) * weights).sum(axis=1)
    uneven = weights[numbers != 0].sum()
    rounding = np.square((highs[None, :] - lows[:, None]) / steps) / 12 * uneven
    error = below[:, None] + above[None, :] + rounding
    if error.min() >= WORTH * error[0, 0]:
        return interval
    row, column = np.unravel_index(error.argmin(), error.shape)
    return Interval(float(lows[row]), float(highs[column]))
