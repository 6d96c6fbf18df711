"""The metrics by name, and numbers that say how near two outputs are."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from octavo.errors import UsageError, did_you_mean
from octavo.ir.source import Array
from octavo.judge import classification, regression
from octavo.judge.metric import Function, Metric, user_metric

METRICS: dict[str, Callable[[], Metric]] = {
    "accuracy": lambda: classification.top(1),
    "top5": lambda: classification.top(5),
    "error_rate": classification.error_rate,
    "f1_macro": lambda: classification.f1("macro"),
    "f1_micro": lambda: classification.f1("micro"),
    "f1_multilabel": lambda: classification.f1("multilabel"),
    "auc": classification.roc_auc,
    "mean_iou": classification.mean_iou,
    "ctc_error_rate": classification.ctc_error_rate,
    "psnr": regression.psnr,
    "mae": regression.mean_absolute_error,
    "rmse": regression.root_mean_square_error,
    "r2": regression.r_squared,
    "correlation": regression.correlation,
}
"""Any other number of greatest entries has a name, too: `top2`, `top10`."""


def metric(name: str | Function | Metric) -> Metric:
    """The metric of that name; a function `(outputs, labels) -> float` becomes one.

    Raises:
        UsageError: no metric has the name.
    """
    if isinstance(name, Metric):
        return name
    if callable(name):
        return user_metric(name)
    if name in METRICS:
        return METRICS[name]()
    if greatest := re.fullmatch(r"top[-_ ]?([1-9]\d*)", name):
        return classification.top(int(greatest[1]))
    raise UsageError(f"no metric is called {name!r}", hint=did_you_mean(name, METRICS))


def sqnr(reference: Array, candidate: Array) -> float:
    """The signal-to-quantization-noise ratio in decibels: 10·log10(Σ reference² / Σ (reference − candidate)²).

    Infinite when nothing differs; 200 would mean agreement to the last bit of float32 and better.
    """
    reference = reference.astype(np.float64)
    return decibels(float(np.square(reference).sum()), float(np.square(reference - candidate).sum()))


def decibels(signal: float, noise: float) -> float:
    """10·log10(signal / noise) of powers; infinite without noise."""
    if noise == 0:
        return float("inf")
    return float(10 * np.log10(signal / noise)) if signal > 0 else float("-inf")


def agreement(reference: Array, candidate: Array) -> float:
    """The share of samples on which both outputs have their greatest entry at the same place."""
    first, second = (array.reshape(len(array), -1) for array in (reference, candidate))
    return float((first.argmax(axis=-1) == second.argmax(axis=-1)).mean())


def relative_error(reference: Array, candidate: Array) -> float:
    """The greatest difference, in units of the greatest magnitude of the reference."""
    scale = float(np.abs(reference).max(initial=0.0)) or 1.0
    return float(np.abs(reference.astype(np.float64) - candidate).max(initial=0.0)) / scale
