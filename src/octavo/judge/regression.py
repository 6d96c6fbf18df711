"""Metrics of models whose outputs are quantities: errors, correlation, images."""

from __future__ import annotations

import numpy as np

from octavo.ir.source import Array
from octavo.judge.metric import Metric, fitting, mean


def psnr() -> Metric:
    """The peak signal-to-noise ratio in decibels, mean over the images; the peak is 1, or 255 of uint8 labels."""

    def rows(outputs: Array, labels: Array) -> Array:
        peak = 255.0 if labels.dtype == np.uint8 else 1.0
        error = np.square(_difference(outputs, labels) / peak).mean(axis=1)
        return np.asarray(-10 * np.log10(np.maximum(error, 1e-20)))[:, None]

    return Metric("psnr", rows, mean, "dB")


def mean_absolute_error() -> Metric:
    """The mean magnitude of output − label."""

    def rows(outputs: Array, labels: Array) -> Array:
        return np.asarray(np.abs(_difference(outputs, labels)).mean(axis=1))[:, None]

    return Metric("mae", rows, mean, higher_is_better=False)


def root_mean_square_error() -> Metric:
    """The root of the mean square of output − label."""

    def rows(outputs: Array, labels: Array) -> Array:
        return np.asarray(np.square(_difference(outputs, labels)).mean(axis=1))[:, None]

    return Metric("rmse", rows, lambda rows, weights: np.sqrt(mean(rows, weights)), higher_is_better=False)


def r_squared() -> Metric:
    """The share of the labels' variance that the outputs explain: 1 − Σ(label − output)² / Σ(label − mean)²."""

    def rows(outputs: Array, labels: Array) -> Array:
        true = fitting(labels, outputs.shape, "one number for each output").reshape(len(outputs), -1)
        true = true.astype(np.float64)
        missed = np.square(_difference(outputs, labels)).sum(axis=1)
        return np.stack([missed, true.sum(axis=1), np.square(true).sum(axis=1), np.full(len(true), true.shape[1])], 1)

    def value(rows: Array, weights: Array) -> Array:
        missed, total, squares, count = (weights @ rows).T
        return np.asarray(1 - missed / np.maximum(squares - total * total / np.maximum(count, 1), 1e-300))

    return Metric("r2", rows, value)


def correlation() -> Metric:
    """Pearson's correlation of outputs and labels, one number each per sample."""

    def rows(outputs: Array, labels: Array) -> Array:
        said = outputs.reshape(len(outputs), -1).astype(np.float64)
        true = fitting(labels, outputs.shape, "one number for each output").reshape(said.shape).astype(np.float64)
        sums = [said, true, said * said, true * true, said * true, np.ones_like(said)]
        return np.stack([each.sum(axis=1) for each in sums], axis=1)

    def value(rows: Array, weights: Array) -> Array:
        x, y, xx, yy, xy, count = (weights @ rows).T
        spread = np.sqrt(np.maximum(count * xx - x * x, 0) * np.maximum(count * yy - y * y, 0))
        return np.asarray((count * xy - x * y) / np.maximum(spread, 1e-300))

    return Metric("correlation", rows, value)


def _difference(outputs: Array, labels: Array) -> Array:
    """[samples, numbers], float64."""
    true = fitting(labels, outputs.shape, "one number for each output").astype(np.float64)
    return np.asarray((outputs.astype(np.float64) - true).reshape(len(outputs), -1))
