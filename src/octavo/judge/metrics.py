"""Numbers that say how good outputs are: against labels, or against the float model's outputs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from octavo.errors import UsageError, did_you_mean
from octavo.ir.source import Array

Metric = Callable[[Array, Array], float]
"""`(outputs, labels) -> score`; outputs are [samples, …], labels one entry per sample. Higher is better."""


def accuracy(outputs: Array, labels: Array) -> float:
    """The share of samples whose greatest output is the labelled class; of one output, whether its side of ½ is right.

    `outputs` is [samples, classes] or [samples, 1]; `labels` holds class numbers, or is one-hot.
    """
    outputs = outputs.reshape(len(outputs), -1)
    if labels.ndim > 1 and labels.shape[-1] > 1:
        labels = labels.reshape(len(labels), -1).argmax(axis=-1)
    predicted = outputs[:, 0] > 0.5 if outputs.shape[1] == 1 else outputs.argmax(axis=-1)
    return float((predicted == labels.reshape(-1)).mean())


def top5(outputs: Array, labels: Array) -> float:
    """The share of samples whose labelled class is among the five greatest outputs."""
    outputs = outputs.reshape(len(outputs), -1)
    best = np.argpartition(outputs, -5, axis=-1)[:, -5:] if outputs.shape[1] > 5 else np.argsort(outputs, axis=-1)
    return float((best == labels.reshape(-1, 1)).any(axis=-1).mean())


def psnr(outputs: Array, labels: Array) -> float:
    """The peak signal-to-noise ratio in decibels of images whose values span 0 to 1."""
    error = np.square(outputs.astype(np.float64) - labels.astype(np.float64).reshape(outputs.shape)).mean()
    return float(-10 * np.log10(max(error, 1e-20)))


METRICS: dict[str, Metric] = {"accuracy": accuracy, "top5": top5, "psnr": psnr}


def metric(name: str | Metric) -> Metric:
    """The metric of that name; a function is itself.

    Raises:
        UsageError: no metric has the name.
    """
    if callable(name):
        return name
    if name not in METRICS:
        raise UsageError(f"no metric is called {name!r}", hint=did_you_mean(name, METRICS))
    return METRICS[name]


def sqnr(reference: Array, candidate: Array) -> float:
    """The signal-to-quantization-noise ratio in decibels: 10·log10(Σ reference² / Σ (reference − candidate)²).

    Infinite when nothing differs; 200 would mean agreement to the last bit of float32 and better.
    """
    reference = reference.astype(np.float64)
    noise = np.square(reference - candidate).sum()
    signal = np.square(reference).sum()
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
