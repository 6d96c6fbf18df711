"""Moving numbers without changing them; and layers that do nothing at inference."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from octavo.ir.op import NotLoweredError
from octavo.read.keras.emitter import Tensor
from octavo.read.keras.layer import Layer, Masks, as_layer, channels_last, layer, mask_of, pair

INTERPOLATIONS = {
    "nearest": "ResizeNearestNeighbor",
    "bilinear": "ResizeBilinear",
    "bicubic": "ResizeBicubic",
    "area": "ResizeArea",
}
"""TensorFlow's op for each way in which Keras interpolates."""


@layer("Identity", "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout",
       "GaussianDropout", "GaussianNoise", "ActivityRegularization", masks=Masks.KEPT)  # fmt: skip
def identity(layer: Layer, x: Any) -> Any:  # noqa: ARG001  # it has no meaning at inference
    """What it is given."""
    return x


@layer("Flatten")
def flatten(layer: Layer, x: Tensor) -> Tensor:
    """All but the batch in one dimension."""
    x = channels_last(layer, x) if x.rank > 2 else x
    lengths = x.shape[1:]
    known = [length for length in lengths if isinstance(length, int)]
    rest = math.prod(known) if len(known) == len(lengths) else -1
    return layer.emit.reshape(x, [-1, rest] if rest >= 0 else [layer.emit.size(x, 0), -1])


@layer("Reshape")
def reshape(layer: Layer, x: Tensor) -> Tensor:
    """Each sample in another shape."""
    target = [int(length) for length in layer.config["target_shape"]]
    return layer.emit.reshape(x, [layer.emit.size(x, 0) if -1 in target else -1, *target])


@layer("Permute")
def permute(layer: Layer, x: Tensor) -> Tensor:
    """The dimensions of each sample in another order."""
    return layer.emit.transpose(x, [0, *layer.config["dims"]])


@layer("RepeatVector")
def repeat_vector(layer: Layer, x: Tensor) -> Tensor:
    """The same row again and again."""
    row = layer.emit("ExpandDims", x, np.int32(1))
    return layer.emit("Tile", row, np.array([1, int(layer.config["n"]), 1], np.int32))


@layer("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
def zero_padding(layer: Layer, x: Tensor) -> Tensor:
    """Zeros around the places."""
    return layer.emit("Pad", x, np.array(_around(layer, x, "padding"), np.int32))


@layer("Cropping1D", "Cropping2D", "Cropping3D")
def cropping(layer: Layer, x: Tensor) -> Tensor:
    """The middle of the places."""
    around = _around(layer, x, "cropping")
    begin = np.array([before for before, _ in around], np.int32)
    end = np.array([-after for _, after in around], np.int32)
    mask = sum(1 << axis for axis, (_, after) in enumerate(around) if after == 0)
    return layer.emit("StridedSlice", x, begin, end, np.ones(x.rank, np.int32), end_mask=mask)


@layer("UpSampling1D", "UpSampling2D", "UpSampling3D")
def upsampling(layer: Layer, x: Tensor) -> Tensor:
    """Every place repeated, or in between by bilinear interpolation."""
    emit = layer.emit
    x = channels_last(layer, x)
    rank = x.rank - 2
    factors = pair(layer.config["size"], rank)
    lengths = x.shape[1:-1]
    if not all(isinstance(length, int) for length in lengths):
        raise NotLoweredError("the size of the images must be known before the model runs")
    sizes = [int(length) * factor for length, factor in zip(lengths, factors, strict=True)]
    if rank == 3:
        return as_layer(layer, _enlarged_volume(layer, x, sizes))
    if rank == 1:
        x, sizes = emit("ExpandDims", x, np.int32(1)), [1, *sizes]
    op = INTERPOLATIONS.get(layer.get("interpolation", "nearest"))
    if op is None:
        raise NotLoweredError(f"LiteRT does not interpolate by {layer.get('interpolation')!r}")
    kept = {} if op == "ResizeArea" else {"half_pixel_centers": True}
    result = emit(op, x, np.array(sizes, np.int32), **kept)
    return as_layer(layer, emit("Squeeze", result, squeeze_dims=[1]) if rank == 1 else result)


def _enlarged_volume(layer: Layer, x: Tensor, sizes: list[int]) -> Tensor:
    """First every frame, then the depth, as the rows of an image."""
    emit = layer.emit
    depth, rows, columns, channels = (int(length) for length in x.shape[1:])
    frames = emit.reshape(x, [-1, rows, columns, channels])
    frames = emit("ResizeNearestNeighbor", frames, np.array(sizes[1:], np.int32), half_pixel_centers=True)
    lines = emit.reshape(frames, [-1, depth, sizes[1] * sizes[2], channels])
    size = np.array([sizes[0], sizes[1] * sizes[2]], np.int32)
    return emit.reshape(emit("ResizeNearestNeighbor", lines, size, half_pixel_centers=True), [-1, *sizes, channels])


@layer("TimeDistributed", masks=Masks.KEPT)
def time_distributed(layer: Layer, x: Tensor, mask: Tensor | None = None) -> Tensor:
    """The inner layer on every step: the steps join the batch. A mask inside of steps goes with them."""
    emit, mask = layer.emit, mask_of(x, mask)
    batch, steps = emit.size(x, 0), emit.size(x, 1)
    inner = None if mask is None or mask.rank < 3 else _joined(layer, mask)
    made = layer.apply(layer.config["layer"], layer.weights.part("layer", None), replace(_joined(layer, x), mask=inner))
    sizes = [emit.size(made, at) for at in range(1, made.rank)]
    unknown = sum(not isinstance(size, int) for size in (steps, *sizes))
    return emit.reshape(made, [batch if unknown else -1, steps, *sizes])


def _joined(layer: Layer, x: Tensor) -> Tensor:
    """The first two dimensions in one."""
    return layer.emit.reshape(x, [-1, *(layer.emit.size(x, at) for at in range(2, x.rank))])


def _around(layer: Layer, x: Tensor, key: str) -> list[list[int]]:
    """How much before and after, for each dimension of `x`."""
    rank = x.rank - 2
    given = layer.config[key]
    if rank == 1 and isinstance(given, list | tuple) and not isinstance(given[0], list | tuple):
        given = [given]  # one dimension: (before, after)
    each = given if isinstance(given, list | tuple) else [given] * rank
    places = [[int(v) for v in item] if isinstance(item, list | tuple) else [int(item)] * 2 for item in each]
    if layer.get("data_format") == "channels_first":
        return [[0, 0], [0, 0], *places]
    return [[0, 0], *places, [0, 0]]
