"""How near a candidate's outputs come to a reference's, without labels. One pass, a few numbers in memory."""

from __future__ import annotations

import msgspec
import numpy as np

from octavo.ir.source import Array
from octavo.judge.certainty import wilson
from octavo.judge.metrics import decibels

LEAST = 1e-6
"""Probabilities count as no less: an int8 softmax gives exact zeros, whose divergence would be infinite."""


class OutputFidelity(msgspec.Struct, frozen=True, kw_only=True):
    """How near one output comes.

    `sqnr` is in decibels, `agreement` the share of samples whose greatest entries are at the same place (enclosed by
    `low` and `high` with 95 %), `relative_error` the greatest difference over the greatest number. `divergence` is
    the mean Kullback-Leibler divergence in nats of outputs that are probabilities, else None.
    """

    name: str
    sqnr: float
    agreement: float
    relative_error: float
    low: float = 0.0
    high: float = 1.0
    divergence: float | None = None


class Nearness:
    """What has been seen of one output of two models so far."""

    def __init__(self, name: str) -> None:
        """Begin with nothing seen."""
        self._name = name
        self._signal = self._noise = self._greatest = self._farthest = self._divergence = 0.0
        self._samples = self._agreeing = 0
        self._probable = True

    def add(self, reference: Array, candidate: Array) -> None:
        """Take in the outputs of some samples, [samples, …] (or one sample's without dimensions)."""
        first, second = (np.atleast_1d(array).astype(np.float64) for array in (reference, candidate))
        self._signal += float(np.square(first).sum())
        self._noise += float(np.square(first - second).sum())
        self._greatest = max(self._greatest, float(np.abs(first).max(initial=0)))
        self._farthest = max(self._farthest, float(np.abs(first - second).max(initial=0)))
        flat = [array.reshape(len(array), -1) for array in (first, second)]
        self._samples += len(first)
        self._agreeing += int((flat[0].argmax(axis=-1) == flat[1].argmax(axis=-1)).sum())
        self._probable = self._probable and first.min(initial=0) >= 0 and first.max(initial=0) <= 1
        if self._probable:
            self._divergence += _divergence(first, second)

    def fidelity(self) -> OutputFidelity:
        """The result."""
        share = self._agreeing / max(self._samples, 1)
        low, high = wilson(share, max(self._samples, 1))
        return OutputFidelity(
            name=self._name,
            sqnr=decibels(self._signal, self._noise),
            agreement=share,
            relative_error=self._farthest / (self._greatest or 1.0),
            low=low,
            high=high,
            divergence=self._divergence / max(self._samples, 1) if self._probable else None,
        )


def _divergence(reference: Array, candidate: Array) -> float:
    """Σ over samples of the mean over positions of Σ p·log(p/q); of sigmoids, of each one's two outcomes."""
    p, q = (np.clip(array, LEAST, 1.0) for array in (reference, candidate))
    if reference.ndim > 1 and np.allclose(reference.sum(axis=-1), 1, atol=1e-3):
        each = (p * np.log(p / (q / q.sum(axis=-1, keepdims=True)))).sum(axis=-1)
    else:
        other_p, other_q = np.maximum(1 - p, LEAST), np.maximum(1 - q, LEAST)
        each = p * np.log(p / q) + other_p * np.log(other_p / other_q)
    return float(each.reshape(len(reference), -1).mean(axis=1).sum())
