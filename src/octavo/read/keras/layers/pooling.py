"""Windows and whole images to their largest or mean value."""

from __future__ import annotations

import numpy as np

from octavo.ir.op import NotLoweredError
from octavo.read.keras.emitter import Tensor
from octavo.read.keras.layer import Layer, as_layer, channels_last, layer, pair


@layer("MaxPooling1D", "MaxPooling2D", "MaxPool1D", "MaxPool2D")
def max_pooling(layer: Layer, x: Tensor) -> Tensor:
    """The largest number of each window."""
    return _windows(layer, x, "MaxPool")


@layer("AveragePooling1D", "AveragePooling2D", "AvgPool1D", "AvgPool2D")
def average_pooling(layer: Layer, x: Tensor) -> Tensor:
    """The mean of each window, padding left out."""
    return _windows(layer, x, "AvgPool")


@layer("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D", "GlobalAvgPool1D",
       "GlobalAvgPool2D", "GlobalAvgPool3D")  # fmt: skip
def global_average_pooling(layer: Layer, x: Tensor, mask: Tensor | None = None) -> Tensor:
    """The mean over all places."""
    if mask is not None:
        raise NotLoweredError("masks are not followed yet")
    return _everywhere(layer, x, "Mean")


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
    result = emit(op, x, ksize=[1, *window, 1], strides=[1, *strides, 1], padding=padding, data_format="NHWC")
    return as_layer(layer, emit("Squeeze", result, squeeze_dims=[1]) if rank == 1 else result)


def _everywhere(layer: Layer, x: Tensor, op: str) -> Tensor:
    first = 2 if layer.get("data_format") == "channels_first" else 1
    axes = np.arange(first, first + x.rank - 2, dtype=np.int32)
    return layer.emit(op, x, axes, keep_dims=bool(layer.get("keepdims", False)))
