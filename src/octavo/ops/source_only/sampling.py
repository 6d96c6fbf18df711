"""Images at another size by kernels that LiteRT has no operation for: each axis times a constant matrix of weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers
from octavo.ir.source import Array
from octavo.ops.batch_matmul import BatchMatMul
from octavo.ops.binary import Add, Mul
from octavo.ops.cast import cast
from octavo.ops.gather import Gather
from octavo.ops.pool_2d import AveragePool2D
from octavo.ops.reshape import reshape
from octavo.ops.shape import known_dims
from octavo.schema.enums import Padding

_FLOAT32 = np.dtype(np.float32)
_TABLE = 1024
"""TensorFlow knows the cubic weights at so many places between two pixels."""


@lowers("tf.ResizeBicubic")
def bicubic(source: Source, build: Builder) -> Value:
    """Each pixel from the four around its place along each axis (`resize_bicubic_op.cc`)."""
    corners, half = source.attr("align_corners", bool), source.attr("half_pixel_centers", bool)
    return _resized(source, build, lambda old, new: cubic_weights(old, new, corners=corners, half=half))


@lowers("tf.ResizeArea")
def area(source: Source, build: Builder) -> Value:
    """The mean of the pixels that fall onto each new one, as far as they do (`resize_area_op.cc`)."""
    image, (rows, columns) = source.inputs[0], _sizes(source)
    height, width = (_known(dim) for dim in image.shape[1:3])
    corners = source.attr("align_corners", bool)
    if not corners and height % rows == 0 and width % columns == 0:
        high, wide = height // rows, width // columns
        image = cast(build, image, _FLOAT32)
        return build(AveragePool2D(Padding.VALID, wide, high, wide, high), image)
    return _resized(source, build, lambda old, new: area_weights(old, new, corners=corners))


@lowers("tf.ScaleAndTranslate")
def scale_and_translate(source: Source, build: Builder) -> Value:
    """Each pixel from those under a kernel around its place, which grows when the image shrinks."""
    scales, shifts = source.const(2, "scale"), source.const(3, "translation")
    kernel, smooth = source.attr("kernel_type", str), source.attr("antialias", bool)
    if kernel not in _KERNELS:
        raise NotLoweredError(f"the kernel {kernel!r} is not known")
    places = iter(zip(scales.tolist(), shifts.tolist(), strict=True))
    return _resized(source, build, lambda old, new: kernel_weights(old, new, next(places), kernel, smooth=smooth))


def cubic_weights(old: int, new: int, *, corners: bool, half: bool) -> Array:
    """[new, old]: Keys' kernel where pixels have their centres at halves, a sharper one elsewhere."""
    at = _places(old, new, corners=corners, half=half)
    first = np.floor(at)
    step = np.rint((at - first) * np.float32(_TABLE)).astype(np.int64) / _TABLE
    slope = -0.5 if half else -0.75
    distances = np.stack([step + 1, step, 1 - step, 2 - step], 1)
    near = ((slope + 2) * distances - (slope + 3)) * distances**2 + 1
    far = ((slope * distances - 5 * slope) * distances + 8 * slope) * distances - 4 * slope
    weights = np.where([False, True, True, False], near, far)
    taps = first.astype(np.int64)[:, None] + np.arange(-1, 3)
    inside = (taps >= 0) & (taps < old)
    if half:  # what lies outside counts for nothing; elsewhere the border goes on
        weights = np.where(inside, weights, 0)
        weights = weights / weights.sum(axis=1, keepdims=True)
    return _spread(taps, weights, old)


def area_weights(old: int, new: int, *, corners: bool) -> Array:
    """[new, old]: how much of each old pixel lies in each new one."""
    scale = (old - 1) / (new - 1) if corners and new > 1 else old / new
    scale = float(np.float32(scale))
    begin, end = np.arange(new)[:, None] * scale, (np.arange(new)[:, None] + 1) * scale
    pixels = np.arange(int(np.ceil(new * scale)))
    share = np.clip(np.minimum(pixels + 1, end) - np.maximum(pixels, begin), 0, None) / scale
    return _spread(np.broadcast_to(pixels, share.shape), share, old)


def kernel_weights(old: int, new: int, place: tuple[float, float], kernel: str, *, smooth: bool) -> Array:
    """[new, old]: the kernel around each new pixel's place, (scale, shift) (`scale_and_translate_op.cc`)."""
    scale, shift = (np.float32(number) for number in place)
    radius, function = _KERNELS[kernel]
    inverse = np.float32(1) / scale
    width = max(float(inverse), 1.0) if smooth else 1.0
    at = (np.arange(new, dtype=np.float32) + np.float32(0.5)) * inverse - inverse * shift
    distance = (np.arange(old) + 0.5 - at[:, None].astype(np.float64)) / width
    weights = np.where(np.abs(distance) < radius, function(np.abs(distance)), 0)
    weights[(at < 0) | (at > old)] = 0
    total = weights.sum(axis=1, keepdims=True)
    result: Array = np.where(np.abs(total) > 1e-30, weights / np.where(total == 0, 1, total), 0)
    return result


def _resized(source: Source, build: Builder, weights: Callable[[int, int], Array]) -> Value:
    """First along the rows, then along the columns."""
    image, sizes = cast(build, source.inputs[0], _FLOAT32), _sizes(source)
    for axis, size in enumerate(sizes, 1):
        image = weighted(build, image, axis, weights(_known(image.shape[axis]), size).astype(np.float32))
    return image


def weighted(build: Builder, image: Value, axis: int, weights: Array) -> Value:
    """The image's rows (`axis` 1) or columns (2) mixed by a matrix [new, old].

    A product, unless the matrix is nearly empty: then a sum over the few pixels that each new one needs. Measured on
    one core, the sum is faster where there are sixteen times as many pixels.
    """
    new, old = weights.shape
    taps = int((weights != 0).sum(axis=1).max())
    if old >= 16 * taps:
        return _summed(build, image, axis, weights)
    if axis == 2:
        return build(BatchMatMul(), weights, image)
    batch, _, columns, channels = image.shape
    lines = build(BatchMatMul(), weights, reshape(build, image, [batch, old, columns * channels]))
    return reshape(build, lines, [batch, new, columns, channels])


def _summed(build: Builder, image: Value, axis: int, weights: Array) -> Value:
    new, old = weights.shape
    used = weights != 0
    reach = np.where(used, np.arange(old), 0).max(axis=1) - used.argmax(axis=1) + 1
    count = int(reach.max())
    places = np.minimum(used.argmax(axis=1), old - count)[:, None] + np.arange(count)
    factors = np.take_along_axis(weights, places, axis=1)
    terms = []
    for tap in range(count):
        pixels = build(Gather(axis=axis), image, places[:, tap].astype(np.int32))
        terms.append(build(Mul(), pixels, factors[:, tap].reshape(new, *[1] * (image.rank - axis - 1))))
    return reduce(lambda a, b: build(Add(), a, b), terms)


def _places(old: int, new: int, *, corners: bool, half: bool) -> Array:
    """Where each new pixel lies among the old ones; float32, as the kernel computes."""
    scale = np.float32(old - 1) / np.float32(new - 1) if corners and new > 1 else np.float32(old) / np.float32(new)
    places = np.arange(new, dtype=np.float32)
    result: Array = (places + np.float32(0.5)) * scale - np.float32(0.5) if half else places * scale
    return result


def _spread(taps: Array, weights: Array, old: int) -> Array:
    """The weights of taps as rows of a matrix; what lies outside counts for the border."""
    matrix = np.zeros((len(taps), old))
    np.add.at(matrix, (np.arange(len(taps))[:, None], np.clip(taps, 0, old - 1)), weights)
    return matrix


def _sizes(source: Source) -> tuple[int, int]:
    rows, columns = known_dims(source.inputs[1], "the new size")
    return _known(rows), _known(columns)


def _known(dim: object) -> int:
    if not isinstance(dim, int):
        raise NotLoweredError("the size of the images must be known before the model runs")
    return dim


def _lanczos(radius: float) -> tuple[float, Callable[[Array], Any]]:
    return radius, lambda x: np.sinc(x) * np.sinc(x / radius)


def _cubic(near: tuple[float, ...], far: tuple[float, ...]) -> tuple[float, Callable[[Array], Any]]:
    return 2.0, lambda x: np.where(x < 1, np.polyval(near, x), np.polyval(far, x))


_KERNELS: dict[str, tuple[float, Callable[[Array], Any]]] = {
    "lanczos1": _lanczos(1.0),
    "lanczos3": _lanczos(3.0),
    "lanczos5": _lanczos(5.0),
    "gaussian": (1.5, lambda x: np.exp(-(x**2) / (2 * 0.5**2))),
    "box": (1.0, lambda x: np.where(x < 0.5, 1.0, np.where(x == 0.5, 0.5, 0.0))),
    "triangle": (1.0, lambda x: np.clip(1 - x, 0, None)),
    "keyscubic": _cubic((1.5, -2.5, 0, 1), (-0.5, 2.5, -4, 2)),
    "mitchellcubic": _cubic((7 / 6, -2, 0, 8 / 9), (-7 / 18, 2, -10 / 3, 16 / 9)),
}
"""The radius of each kernel, and its function of the distance (`sampling_kernels.h`)."""
