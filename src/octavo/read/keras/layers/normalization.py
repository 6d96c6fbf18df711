"""Normalization: by statistics of training (a scale and an offset per channel), or by those of each sample."""

from __future__ import annotations

import math

import numpy as np

from octavo.ir.op import NotLoweredError
from octavo.ir.source import Array
from octavo.read.keras.emitter import Operand, Tensor
from octavo.read.keras.layer import Layer, Masks, layer, pair


@layer("BatchNormalization", "BatchNormalizationV1", "BatchNormalizationV2", "SyncBatchNormalization", masks=Masks.KEPT)
def batch_normalization(layer: Layer, x: Tensor, mask: Tensor | None = None) -> Tensor:  # noqa: ARG001  # for training
    """`x · m + (beta − mean · m)` with `m = gamma / √(variance + epsilon)`, computed in float64."""
    axis = pair(layer.get("axis", -1), 1)
    if len(axis) != 1:
        raise NotLoweredError("it has statistics along several axes")
    length = x.shape[axis[0]]
    names = [name for name, key in (("gamma", "scale"), ("beta", "center")) if layer.get(key, True)]
    weights = {
        name: layer.weight(index, name, (length,) if isinstance(length, int) else None).astype(np.float64)
        for index, name in enumerate([*names, "moving_mean", "moving_variance"])
    }
    factor = weights.get("gamma", 1.0) / np.sqrt(weights["moving_variance"] + float(layer.get("epsilon", 1e-3)))
    term = weights.get("beta", 0.0) - weights["moving_mean"] * factor
    emit = layer.emit
    scale, offset = (_along(np.asarray(array, np.float32), x.rank, axis) for array in (factor, term))
    return emit("AddV2", emit("Mul", x, scale), offset)


@layer("LayerNormalization", masks=Masks.KEPT)
def layer_normalization(layer: Layer, x: Tensor) -> Tensor:
    """By the mean and variance along the axes, then a scale and an offset for each place."""
    axes = sorted(axis % x.rank for axis in pair(layer.get("axis", -1), 1))
    if layer.get("rms_scaling"):
        raise NotLoweredError("rms_scaling is deprecated, and scales by another number than it says")
    names = [name for name, key in (("gamma", "scale"), ("beta", "center")) if layer.get(key, True)]
    weights = {name: _along(layer.weight(index, name), x.rank, axes) for index, name in enumerate(names)}
    normalized = _normalized(layer, x, axes, float(layer.get("epsilon", 1e-3)))
    return _scaled(layer, normalized, weights.get("gamma"), weights.get("beta"))


@layer("RMSNormalization")
def rms_normalization(layer: Layer, x: Tensor) -> Tensor:
    """By the root of the mean square along the axes."""
    emit = layer.emit
    axes = sorted(axis % x.rank for axis in pair(layer.get("axis", -1), 1))
    mean = emit("Mean", emit("Square", x), np.array(axes, np.int32), keep_dims=True)
    inverse = emit("Rsqrt", emit("AddV2", mean, float(layer.get("epsilon", 1e-6))))
    return emit("Mul", emit("Mul", x, inverse), _along(layer.weight(0, "scale"), x.rank, axes))


@layer("GroupNormalization", masks=Masks.KEPT)
def group_normalization(layer: Layer, x: Tensor) -> Tensor:
    """By the mean and variance of each group of channels."""
    emit = layer.emit
    axis = int(layer.get("axis", -1)) % x.rank
    channels = x.shape[axis]
    if not isinstance(channels, int):
        raise NotLoweredError("the number of channels must be known before the model runs")
    groups = int(layer.get("groups", 32))
    groups = channels if groups == -1 else groups
    sizes = [emit.size(x, at) for at in range(x.rank)]
    grouped = emit.reshape(x, [*sizes[:axis], groups, channels // groups, *sizes[axis + 1 :]])
    axes = [at for at in range(1, x.rank + 1) if at != axis]
    normalized = _normalized(layer, grouped, axes, float(layer.get("epsilon", 1e-3)))
    names = [name for name, key in (("gamma", "scale"), ("beta", "center")) if layer.get(key, True)]
    weights = {name: _along(layer.weight(at, name, (channels,)), x.rank, [axis]) for at, name in enumerate(names)}
    return _scaled(layer, emit.reshape(normalized, sizes), weights.get("gamma"), weights.get("beta"))


@layer("UnitNormalization", masks=Masks.KEPT)
def unit_normalization(layer: Layer, x: Tensor) -> Tensor:
    """By the length of the vectors along the axes."""
    emit = layer.emit
    axes = np.array(pair(layer.get("axis", -1), 1), np.int32)
    square = emit("Sum", emit("Square", x), axes, keep_dims=True)
    return emit("Mul", x, emit("Rsqrt", emit("Maximum", square, 1e-12)))


@layer("SpectralNormalization")
def spectral_normalization(layer: Layer, x: Tensor) -> Tensor:
    """The inner layer: its kernel is stored as training left it."""
    result: Tensor = layer.apply(layer.config["layer"], layer.weights.part("layer", None), x)
    return result


@layer("Normalization", masks=Masks.KEPT)
def normalization(layer: Layer, x: Tensor) -> Tensor:
    """By a mean and a variance that were learnt from data, or that the configuration gives."""
    emit = layer.emit
    axes = [axis % x.rank for axis in pair(layer.get("axis", []), 1)]
    if layer.get("mean") is not None:
        mean, variance = (np.asarray(layer.config[key], np.float64) for key in ("mean", "variance"))
    else:
        mean, variance = (layer.weight(at, name).astype(np.float64) for at, name in enumerate(("mean", "variance")))
    if mean.size > 1:
        lengths = [x.shape[at] if at in axes else 1 for at in range(x.rank)]
        if not all(isinstance(length, int) for length in lengths):
            raise NotLoweredError("the length of the axes that it keeps must be known before the model runs")
        mean, variance = (
            np.broadcast_to(array, math.prod(map(int, lengths))).reshape(lengths)
            if array.size != math.prod(map(int, lengths))
            else array.reshape(lengths)
            for array in (mean, variance)
        )
    deviation = np.maximum(np.sqrt(variance), 1e-7)
    x = emit.cast(x, np.float32)
    if layer.get("invert"):
        return emit("AddV2", emit("Mul", x, np.asarray(deviation, np.float32)), np.asarray(mean, np.float32))
    return emit("Mul", emit("Sub", x, np.asarray(mean, np.float32)), np.asarray(1 / deviation, np.float32))


def _normalized(layer: Layer, x: Tensor, axes: list[int], epsilon: float) -> Tensor:
    """`x` less its mean along the axes, over its deviation."""
    emit, along = layer.emit, np.array(axes, np.int32)
    centred = emit("Sub", x, emit("Mean", x, along, keep_dims=True))
    variance = emit("Mean", emit("Square", centred), along, keep_dims=True)
    return emit("Mul", centred, emit("Rsqrt", emit("AddV2", variance, epsilon)))


def _scaled(layer: Layer, x: Tensor, scale: Operand | None, offset: Operand | None) -> Tensor:
    scaled = x if scale is None else layer.emit("Mul", x, scale)
    return scaled if offset is None else layer.emit("AddV2", scaled, offset)


def _along(array: Array, rank: int, axes: list[int]) -> Array:
    """`array`, which spreads over the axes, as a tensor of `rank` that meets one; the last axes need no reshaping."""
    axes = sorted(axis % rank for axis in axes)
    if axes == list(range(rank - len(axes), rank)):
        return array
    lengths = iter(array.shape)
    return array.reshape([next(lengths) if axis in axes else 1 for axis in range(rank)])
