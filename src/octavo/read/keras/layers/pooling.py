"""Windows and whole images to their largest or mean value."""

from __future__ import annotations

import math

import numpy as np

from octavo.ir.dim import Dim
from octavo.ir.op import NotLoweredError
from octavo.ir.source import Array
from octavo.read.keras.emitter import Emitter, Tensor
from octavo.read.keras.layer import Layer, as_layer, channels_last, layer, mask_of, pair


@layer("MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "MaxPool1D", "MaxPool2D", "MaxPool3D")
def max_pooling(layer: Layer, x: Tensor) -> Tensor:
    """The largest number of each window."""
    return _windows(layer, x, "MaxPool")


@layer("AveragePooling1D", "AveragePooling2D", "AveragePooling3D", "AvgPool1D", "AvgPool2D", "AvgPool3D")
def average_pooling(layer: Layer, x: Tensor) -> Tensor:
    """The mean of each window, padding left out."""
    return _windows(layer, x, "AvgPool")


@layer("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D", "GlobalAvgPool1D",
       "GlobalAvgPool2D", "GlobalAvgPool3D")  # fmt: skip
def global_average_pooling(layer: Layer, x: Tensor, mask: Tensor | None = None) -> Tensor:
    """The mean over all places; in one dimension, over those that the mask leaves."""
    mask = mask_of(x, mask) if x.rank == 3 else None
    if mask is None:
        return _everywhere(layer, x, "Mean")
    emit = layer.emit
    seen = emit.cast(emit("ExpandDims", mask, np.int32(1 if _first(layer) == 2 else 2)), bool)
    kept = emit("SelectV2", seen, x, np.float32(0))
    return emit("RealDiv", _everywhere(layer, kept, "Sum"), _everywhere(layer, emit.cast(seen, np.float32), "Sum"))


@layer("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D", "GlobalMaxPool1D", "GlobalMaxPool2D",
       "GlobalMaxPool3D")  # fmt: skip
def global_max_pooling(layer: Layer, x: Tensor) -> Tensor:
    """The largest number of all places."""
    return _everywhere(layer, x, "Max")


def _windows(layer: Layer, x: Tensor, op: str) -> Tensor:
    emit = layer.emit
    x = channels_last(layer, x)
    rank = x.rank - 2
    window = pair(layer.config["pool_size"], rank)
    strides = pair(layer.get("strides", window), rank)
    if rank == 1:
        x, window, strides = emit("ExpandDims", x, np.int32(1)), [1, *window], [1, *strides]
    padding = str(layer.get("padding", "valid")).upper()
    op, order = (f"{op}3D", "NDHWC") if rank == 3 else (op, "NHWC")
    result = emit(op, x, ksize=[1, *window, 1], strides=[1, *strides, 1], padding=padding, data_format=order)
    return as_layer(layer, emit("Squeeze", result, squeeze_dims=[1]) if rank == 1 else result)


@layer("AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D")
def adaptive_average_pooling(layer: Layer, x: Tensor) -> Tensor:
    """The mean of each of `output_size` parts along every axis."""
    return _adapted(layer, x, "AvgPool")


@layer("AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D")
def adaptive_max_pooling(layer: Layer, x: Tensor) -> Tensor:
    """The largest number of each of `output_size` parts along every axis."""
    return _adapted(layer, x, "MaxPool")


def _adapted(layer: Layer, x: Tensor, op: str) -> Tensor:
    """One axis after the other: of means of parts of one size the mean is the mean of all."""
    x = channels_last(layer, x)
    for axis, parts in enumerate(pair(layer.config["output_size"], x.rank - 2), 1):
        x = _parts(layer.emit, x, axis, parts, op)
    return as_layer(layer, x)


def _parts(emit: Emitter, x: Tensor, axis: int, parts: int, op: str) -> Tensor:
    """Part i reaches from ⌊i · length / parts⌋ to ⌈(i + 1) · length / parts⌉: a window of one length or of two."""
    length = x.shape[axis]
    if not isinstance(length, int):
        raise NotLoweredError("the size of the images must be known before the model runs")
    places = np.arange(parts)
    first, last = places * length // parts, -(-(places + 1) * length // parts)
    behind = math.prod(map(_int, x.shape[axis + 1 : -1]))
    lines = emit.reshape(x, [-1, length, behind, _int(x.shape[-1])])
    pieces = [_windows_at(emit, lines, first[last - first == size], size, op) for size in np.unique(last - first)]
    joined = pieces[0] if len(pieces) == 1 else emit("ConcatV2", *pieces, np.int32(1), N=len(pieces))
    order = np.concatenate([places[last - first == size] for size in np.unique(last - first)])
    if len(pieces) > 1:
        joined = emit("GatherV2", joined, np.argsort(order).astype(np.int32), np.int32(1), batch_dims=0)
    return emit.reshape(joined, [-1, *map(_int, x.shape[1:axis]), parts, *map(_int, x.shape[axis + 1 :])])


def _windows_at(emit: Emitter, lines: Tensor, first: Array, size: int, op: str) -> Tensor:
    """Windows of `size` that begin at `first`, which are `step` apart or have to be picked."""
    steps = np.unique(np.diff(first))
    step = int(steps[0]) if len(steps) == 1 else 1
    begin, count = int(first[0]), int(first[-1] - first[0]) // step + 1
    reach = np.array([-1, (count - 1) * step + int(size), -1, -1], np.int32)
    part = emit("Slice", lines, np.array([0, begin, 0, 0], np.int32), reach)
    options = {"ksize": [1, int(size), 1, 1], "strides": [1, step, 1, 1], "padding": "VALID", "data_format": "NHWC"}
    pooled = emit(op, part, **options)
    if count == len(first):
        return pooled
    return emit("GatherV2", pooled, ((first - begin) // step).astype(np.int32), np.int32(1), batch_dims=0)


def _int(dim: Dim) -> int:
    if not isinstance(dim, int):
        raise NotLoweredError("the size of the images must be known before the model runs")
    return dim


def _everywhere(layer: Layer, x: Tensor, op: str) -> Tensor:
    first = _first(layer)
    axes = np.arange(first, first + x.rank - 2, dtype=np.int32)
    return layer.emit(op, x, axes, keep_dims=bool(layer.get("keepdims", False)))


def _first(layer: Layer) -> int:
    """The first axis of the places."""
    return 2 if layer.get("data_format") == "channels_first" else 1
