"""Scales and zero points out of ranges and weights. Only arithmetic: no graph, no policy."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
from msgspec import Struct

from octavo.ir.source import Array
from octavo.ir.type import Quantization

LIMITS = {
    "int2": (-2, 1),
    "int4": (-8, 7),
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-32768, 32767),
    "int32": (-(2**31), 2**31 - 1),
}
"""The least and greatest integer of each dtype."""


PARTS = np.linspace(1.0, 0.4, 13)
"""The parts of the greatest magnitude at which the range of few-bit weights is tried to end."""
FIRST, TRIED = 3, 24
"""Numbers of a channel that are looked at, and then, before all are."""
WHOLE = 2e-3
"""How near to a whole number of steps a number must be: folding a factor into it rounds it by less."""
_LEAST_HALF = np.float32(2.0**-14)
"""The least number that float16 holds to its full precision."""
_DTYPES = {"int2": np.dtype(ml_dtypes.int2), "int4": np.dtype(ml_dtypes.int4)}


class Interval(Struct, frozen=True):
    """A range of real numbers that always holds zero: padding and ReLU need zero to be exact."""

    low: float
    high: float

    @classmethod
    def around(cls, low: float, high: float) -> Interval:
        """The least interval that holds `low`, `high` and zero."""
        return cls(min(low, 0.0), max(high, 0.0))

    def __or__(self, other: Interval) -> Interval:
        return Interval(min(self.low, other.low), max(self.high, other.high))

    @property
    def width(self) -> float:
        """The distance from end to end."""
        return self.high - self.low


def activation_grid(interval: Interval, dtype: str) -> tuple[float, int]:
    """The scale and zero point that cover `interval`: int8 asymmetric, int16 symmetric (the kernels demand it).

    An interval of no width is taken for one from zero to one: zero is exact, and a scale of everyday size keeps
    kernels, which multiply and divide by it, within what they can count.
    """
    if interval.width == 0:
        interval = Interval(0.0, 1.0)
    if dtype == "int16":
        reach = max(-interval.low, interval.high)
        return _usable(reach / LIMITS["int16"][1]), 0
    lowest, highest = LIMITS[dtype]
    scale = _usable(interval.width / (highest - lowest))
    zero_point = int(np.clip(round(lowest - interval.low / scale), lowest, highest))
    return scale, zero_point


def weight_scale(weight: Array, axis: int | None, dtype: str = "int8", block: int = 0) -> Array:
    """The float32 scale of a symmetric weight, for each index of `axis`, for the whole, or for each block.

    Numbers that are whole multiples of a step already, as training for integers leaves them, get that step. Otherwise:
    in int8 the greatest magnitude is at 127. In int4 and int2, where each step is dear, the scale is the part of that
    with the least squared error. The scales of blocks ([rows, blocks in a row]) are numbers that float16 and bfloat16
    hold. A channel of zeros gets a scale of 1.
    """
    greatest = LIMITS[dtype][1]
    if dtype == "int8":
        others = None if axis is None else tuple(i for i in range(weight.ndim) if i != axis)
        reach = np.maximum(weight.max(axis=others), -weight.min(axis=others)).astype(np.float64)
        scale = np.atleast_1d(reach / _steps(weight, axis, reach, greatest)).astype(np.float32)
        return np.where(scale > 0, scale, np.float32(1.0))
    groups = weight.reshape(-1, block) if block else np.moveaxis(weight, axis or 0, 0)
    groups = groups.reshape(len(groups) if block or axis is not None else 1, -1)
    scale = _least_error(groups, greatest)
    if not block:  # blocks must have scales that few bits hold
        reach = np.abs(groups).max(axis=1).astype(np.float64)
        steps = _steps(groups, 0, reach, greatest, otherwise=0)
        return np.where(steps > 0, reach / np.maximum(steps, 1), scale).astype(np.float32)
    scale = np.maximum(scale, _LEAST_HALF).astype(ml_dtypes.bfloat16).astype(np.float32)
    return scale.reshape(weight.shape[0], -1)


def _steps(weight: Array, axis: int | None, reach: Array, greatest: int, *, otherwise: int = -1) -> Array:
    """How many steps, `greatest` or fewer, up to the greatest magnitude of a channel make all its numbers whole.

    For a channel where no number of steps does, `otherwise`, or `greatest`. A few numbers are tried first.
    """
    channels = weight.reshape(1, *weight.shape) if axis is None else np.moveaxis(weight, axis, 0)
    most = np.full(len(channels), greatest if otherwise < 0 else otherwise)
    size = math.prod(channels.shape[1:])
    counts = np.arange(greatest, 0, -1)
    reach = np.atleast_1d(reach)
    found = np.flatnonzero(reach > 0)
    for tried in (FIRST, TRIED):
        if not found.size or not size:
            return most
        flat = np.linspace(0, size - 1, min(size, tried)).astype(np.int64)
        few = channels[(found[:, None], *np.unravel_index(flat, channels.shape[1:]))] / reach[found, None]
        whole = _is_whole(few[:, :, None].astype(np.float32) * counts.astype(np.float32))
        fits = np.asarray(whole.all(axis=1))
        alive = np.flatnonzero(fits.max(axis=1))
        found, steps = found[alive], counts[fits[alive].argmax(axis=1)]
    if found.size:
        numbers = channels[found].reshape(len(found), -1) * (steps / reach[found])[:, None]
        every = np.asarray(_is_whole(numbers).all(axis=1))
        most[found[every]] = steps[every]
    return most


def _is_whole(numbers: Array) -> Array:
    return np.asarray(np.abs(numbers - np.rint(numbers)) < WHOLE)


def _least_error(groups: Array, greatest: int) -> Array:
    """The scale for each row of `groups` with which integers up to `greatest` come nearest to its numbers.

    Sakr et al., Optimal Clipping and Magnitude-aware Differentiation (OCTAV, 2022), find the same end of the range by
    Newton's method; a walk over `PARTS` takes the numbers as they are, without a model of their rounding.
    """
    reach = np.abs(groups).max(axis=1, keepdims=True)
    reach = np.where(reach > 0, reach, np.float32(greatest))
    best, least = reach / greatest, np.full(reach.shape, np.inf, np.float32)
    for part in PARTS:
        scale = reach * np.float32(part / greatest)
        nearest = np.clip(np.rint(groups / scale), -greatest, greatest) * scale
        error = np.square(nearest - groups).sum(axis=1, keepdims=True)
        best, least = np.where(error < least, scale, best), np.minimum(error, least)
    flat: Array = best.astype(np.float32).reshape(-1)
    return flat


def quantize(array: Array, quant: Quantization, dtype: str, *, narrow: bool = False) -> Array:
    """The integers nearest to `array`; `narrow` keeps −128 out, as kernels expect of weights."""
    lowest, highest = LIMITS[dtype]
    scale, zero_point = (_fitted(part, quant, array) for part in (quant.scale, quant.zero_point))
    with np.errstate(over="ignore"):  # what is too large to divide ends at the limit anyway
        integers = np.asarray(np.rint(array / scale))
    if zero_point.any():
        integers += zero_point
    return np.clip(integers, lowest + narrow, highest, out=integers).astype(_DTYPES.get(dtype, dtype))


def dequantize(array: Array, quant: Quantization) -> Array:
    """The real numbers, float32, that the integers stand for."""
    scale, zero_point = (_fitted(part, quant, array) for part in (quant.scale, quant.zero_point))
    return ((array.astype(np.float32) - zero_point.astype(np.float32)) * scale).astype(np.float32)


def _fitted(part: Array, quant: Quantization, array: Array) -> Array:
    """The numbers of each channel or block in a shape that broadcasts against the array."""
    if quant.block:
        return np.repeat(part, quant.block, axis=1).reshape(array.shape)
    return spread(part, quant.axis, array.ndim)


def spread(part: Array, axis: int | None, rank: int) -> Array:
    """Per-channel numbers in a shape that broadcasts against the whole tensor."""
    if axis is None:
        return part.reshape([1] * rank) if rank else part.reshape(())
    return part.reshape([-1 if i == axis else 1 for i in range(rank)])


def _usable(scale: float) -> float:
    """The scale as float32 holds it; 1 where it would be zero or lose its precision."""
    single = float(np.float32(scale))
    return single if single >= float(np.finfo(np.float32).tiny) else 1.0
