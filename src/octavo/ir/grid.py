"""Scales and zero points out of ranges and weights. Only arithmetic: no graph, no policy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from octavo.ir.source import Array
from octavo.ir.type import Quantization

LIMITS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767), "int32": (-(2**31), 2**31 - 1)}
"""The least and greatest integer of each dtype."""


@dataclass(frozen=True, slots=True)
class Interval:
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


def weight_scale(weight: Array, axis: int | None) -> Array:
    """The float32 scale that puts the greatest magnitude at 127, for each index of `axis` or for the whole.

    A channel of zeros gets a scale of 1.
    """
    others = None if axis is None else tuple(i for i in range(weight.ndim) if i != axis)
    reach = np.maximum(weight.max(axis=others), -weight.min(axis=others)).astype(np.float64)
    scale = np.atleast_1d(reach / 127.0).astype(np.float32)
    return np.where(scale > 0, scale, np.float32(1.0))


def quantize(array: Array, quant: Quantization, dtype: str, *, narrow: bool = False) -> Array:
    """The integers nearest to `array`; `narrow` keeps −128 out, as kernels expect of weights."""
    lowest, highest = LIMITS[dtype]
    scale, zero_point = (spread(part, quant.axis, array.ndim) for part in (quant.scale, quant.zero_point))
    with np.errstate(over="ignore"):  # what is too large to divide ends at the limit anyway
        integers = np.asarray(np.rint(array / scale))
    if zero_point.any():
        integers += zero_point
    return np.clip(integers, lowest + narrow, highest, out=integers).astype(dtype)


def dequantize(array: Array, quant: Quantization) -> Array:
    """The real numbers, float32, that the integers stand for."""
    scale, zero_point = (spread(part, quant.axis, array.ndim) for part in (quant.scale, quant.zero_point))
    return ((array.astype(np.float32) - zero_point.astype(np.float32)) * scale).astype(np.float32)


def spread(part: Array, axis: int | None, rank: int) -> Array:
    """Per-channel numbers in a shape that broadcasts against the whole tensor."""
    if axis is None:
        return part.reshape([1] * rank) if rank else part.reshape(())
    return part.reshape([-1 if i == axis else 1 for i in range(rank)])


def _usable(scale: float) -> float:
    """The scale as float32 holds it; 1 where it would be zero or lose its precision."""
    single = float(np.float32(scale))
    return single if single >= float(np.finfo(np.float32).tiny) else 1.0
