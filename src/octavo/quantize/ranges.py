"""Which range an activation gets, out of what was seen of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from octavo.ir.grid import Interval
from octavo.ir.source import Array
from octavo.recipe import Ranges
from octavo.statistics import edges

KEPT = np.linspace(1.0, 0.3, 29)
"""The parts of each end of the range that are tried."""
RARE = 1e-4
"""The part of the numbers that a percentile leaves out on each side."""
FINE = 4096
"""Bins over a range, when its information is measured."""
WORTH = 0.98
"""A smaller range must lower the expected error by this factor; what little would be gained is not worth clipping."""


def least_error(interval: Interval, counts: Array, steps: int = 255) -> Interval:
    """The part of `interval` that makes the mean squared error least, when `steps` steps cover it.

    `counts` is a histogram as in `octavo.statistics`. What lies outside is clipped, what lies inside is rounded to
    the nearest step: the error of a number inside is uniform over a step, so its square is step²/12 on average, and
    what is less than half a step becomes zero. Each number counts as the outer edge of its bin, so clipping is never
    thought better than it is.
    Sung et al., Resiliency of Deep Neural Networks under Quantization (2015), choose the step so.
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
    rounding = _rounding(np.abs(numbers), weights, (highs[None, :] - lows[:, None]) / steps)
    error = below[:, None] + above[None, :] + rounding
    if error.min() >= WORTH * error[0, 0]:
        return interval
    row, column = np.unravel_index(error.argmin(), error.shape)
    return Interval(float(lows[row]), float(highs[column]))


def _rounding(sizes: Array, weights: Array, step: Array) -> Array:
    """The squared error of rounding numbers of these `sizes` to each `step`."""
    order = np.argsort(sizes)
    sizes, weights = sizes[order], weights[order]
    squares = np.concatenate([[0.0], np.cumsum(np.square(sizes) * weights)])
    beyond = weights.sum() - np.concatenate([[0.0], np.cumsum(weights)])
    lost = np.searchsorted(sizes, step / 2)
    error: Array = squares[lost] + beyond[lost] * np.square(step) / 12
    return error


def percentile(interval: Interval, counts: Array) -> Interval:
    """The interval without the farthest `RARE` of the numbers on each side.

    Histograms bound it from outside: a bin counts as its outer edge. McKinstry et al., Discovering Low-Precision
    Networks Close to Full-Precision Networks (2018), take such percentiles.
    """
    order = np.argsort(edges())
    sorted_edges, below = edges()[order], np.cumsum(counts[order])
    if below[-1] == 0:
        return interval
    low, high = (sorted_edges[np.searchsorted(below, part * below[-1])] for part in (RARE, 1 - RARE))
    return Interval.around(max(float(low), interval.low), min(float(high), interval.high))


def least_divergence(interval: Interval, counts: Array, steps: int = 255) -> Interval:
    """The part of `interval` whose rounded numbers are spread most like the numbers, by KL divergence.

    Migacz, 8-bit Inference with TensorRT (2017), over `FINE` bins; zeros, exact on every grid, do not count.
    """
    bins = np.flatnonzero(counts)
    bins = bins[edges()[bins] != 0]
    if interval.width <= 0 or not len(bins):
        return interval
    numbers = np.clip(edges()[bins], interval.low, interval.high)
    places = np.minimum((numbers - interval.low) / interval.width * FINE, FINE - 1).astype(np.int64)
    fine = np.bincount(places, weights=counts[bins].astype(np.float64), minlength=FINE)
    centres = interval.low + (np.arange(FINE) + 0.5) * interval.width / FINE
    divergences = [_divergence(fine, centres, Interval(interval.low * p, interval.high * p), steps) for p in KEPT]
    part = float(KEPT[int(np.argmin(divergences))])
    return Interval(interval.low * part, interval.high * part)


def _divergence(fine: Array, centres: Array, kept: Interval, steps: int) -> float:
    """KL divergence of the numbers, clipped to `kept`, from what is left of those inside after rounding."""
    inside = (centres >= kept.low) & (centres <= kept.high)
    own = fine[inside]
    clipped = own.copy()
    clipped[0] += fine[centres < kept.low].sum()
    clipped[-1] += fine[centres > kept.high].sum()
    step = np.minimum((centres[inside] - kept.low) / kept.width * steps, steps - 1).astype(np.int64)
    alive = clipped > 0
    mass, members = np.bincount(step, weights=own, minlength=steps), np.bincount(step[alive], minlength=steps)
    rounded = (mass / np.maximum(members, 1))[step]
    p, q = clipped[alive] / clipped.sum(), np.maximum(rounded[alive] / max(own.sum(), 1), 1e-9)
    return float((p * np.log(p / q)).sum())


METHODS: Mapping[Ranges, tuple[Callable[[Interval, Array], Interval], str]] = {
    "least_error": (least_error, "clipped to where the expected error is least"),
    "percentile": (percentile, "without the farthest 0.01 % of the numbers"),
    "entropy": (least_divergence, "clipped to where the least information is lost"),
}
"""How a range is narrowed, and what the plan says of it."""
