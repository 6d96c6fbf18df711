"""What a metric is: numbers of each sample, and a value out of the numbers of many.

A metric so divided needs one pass over the samples and keeps a few numbers of each, whatever the size of the outputs.
Its interval, and the comparison of two models on the same samples, come from drawing samples anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from msgspec import Struct

from octavo.errors import SamplesError
from octavo.ir.source import Array

Function = Callable[[Any, Array], float]
"""`(outputs, labels) -> score`, both [samples, …]; outputs of several names come as a dict. Higher is better."""
Unit = Literal["share", "dB", ""]


class Metric(Struct, frozen=True):
    """A number that says how good outputs are against labels. Calling it with all outputs and labels gives its value.

    `rows` makes [samples, k] numbers out of outputs [samples, …] and labels [samples, …]. `value` makes one score out
    of all rows for each line of weights: weights are [scores, samples], and say how often each sample counts.
    `resamples` is how many draws its interval is worth. One that `sees_all_outputs` is given a dict of them
    where a model has several.
    """

    name: str
    rows: Callable[[Any, Array], Array]
    value: Callable[[Array, Array], Array]
    unit: Unit = ""
    higher_is_better: bool = True
    resamples: int = 1000
    sees_all_outputs: bool = False

    def __call__(self, outputs: Any, labels: Array) -> float:
        """The value over all samples."""
        return self.of(self.rows(outputs, labels))

    def of(self, rows: Array) -> float:
        """The value of rows, each counted once."""
        return float(self.value(rows, np.ones((1, len(rows))))[0])


def ratio_of_sums(rows: Array, weights: Array) -> Array:
    """Σ of the first column over Σ of the second: right answers over all answers."""
    sums = weights @ rows
    return np.asarray(sums[:, 0] / np.maximum(sums[:, 1], 1e-300))


def mean(rows: Array, weights: Array) -> Array:
    """The mean of the only column."""
    return np.asarray(weights @ rows[:, 0] / weights.sum(axis=1))


def user_metric(function: Function) -> Metric:
    """A function of all outputs and labels as a metric. Both are kept for it, so they must fit in memory."""

    def rows(outputs: Any, labels: Array) -> Array:
        kept = np.empty((len(labels), 1), object)
        for place, label in enumerate(labels):
            one = {k: v[place] for k, v in outputs.items()} if isinstance(outputs, dict) else outputs[place]
            kept[place, 0] = one, label
        return kept

    def value(rows: Array, weights: Array) -> Array:
        return np.array([_called(function, rows[np.repeat(np.arange(len(rows)), w.astype(int)), 0]) for w in weights])

    name = getattr(function, "__name__", type(function).__name__)
    return Metric(name, rows, value, resamples=200, sees_all_outputs=True)


def _called(function: Function, pairs: Array) -> float:
    outputs, labels = zip(*pairs, strict=True)
    if isinstance(outputs[0], dict):
        return float(function({key: _stacked([o[key] for o in outputs]) for key in outputs[0]}, _stacked(labels)))
    return float(function(_stacked(outputs), _stacked(labels)))


def _stacked(arrays: Any) -> Array:
    """One array; of objects where the shapes differ from sample to sample."""
    if len({np.shape(array) for array in arrays}) == 1:
        return np.stack(arrays)
    uneven = np.empty(len(arrays), object)
    uneven[:] = arrays
    return uneven


def fitting(labels: Array, shape: tuple[int, ...], what: str) -> Array:
    """The labels in that shape.

    Raises:
        SamplesError: they have another number of entries.
    """
    if labels.size != int(np.prod(shape)):
        raise SamplesError(
            f"the labels have the shape {list(labels.shape)}, the outputs need {list(shape)}",
            hint=f"this metric takes {what}",
        )
    return labels.reshape(shape)
