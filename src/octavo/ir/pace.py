"""How long operations take in float and in int8, about: enough to tell which of the two a model is faster in.

Measured on x86 without dot products of int8 (AVX2), with one thread, by `benchmarks/integer_kernels.py`, which prints
beside each measurement what is said here.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from octavo.ir.dim import Dim, for_one


class Pace(NamedTuple):
    """A time in float, and one in int8: nanoseconds of one element, or microseconds of a whole operation."""

    float32: float
    int8: float

    def of(self, elements: int) -> Pace:
        """Microseconds for so many elements, with what every operation takes."""
        return Pace(*(CALL + each * elements / 1e3 for each in self))

    def __add__(self, other: object) -> Pace:
        """One after the other."""
        assert isinstance(other, Pace)
        return Pace(self.float32 + other.float32, self.int8 + other.int8)


CALL = 0.4
"""Microseconds that every operation takes, however small."""
CACHE = 2**20
"""So many bytes of weights stay in the caches from call to call. Those of larger models are fetched in every call."""
FETCHED = 0.1
"""Nanoseconds for each byte of them."""
COMPUTED = Pace(0.2, 0.2)
MOVED = Pace(0.13, 0.06)
"""Four bytes an element, and one."""


def elements(shape: tuple[Dim, ...]) -> int:
    """How many numbers a tensor of this shape holds in a batch of one; dimensions that nobody knows count as one."""
    return prod(for_one(dim) or 1 for dim in shape)


def fetching(weights: int) -> Pace:
    """Microseconds for fetching all weights of a model, of four bytes each and of one."""
    return Pace(*(FETCHED * size * weights / 1e3 if size * weights > CACHE else 0.0 for size in (4, 1)))


def dense(products: int, outputs: int, weights: int, *, channels: int, is_window: bool) -> Pace:
    """Microseconds of a product with a matrix of weights, fetched once, or of a window, taken place by place.

    In int8 eight channels are multiplied at once, and going on to the next place takes time, too.
    """
    padded = -(-channels // 8) * 8 / channels
    stepping = 0.09 / channels if is_window else 0.0
    floats = 0.022 * products + 0.2 * outputs + 0.065 * weights
    integers = (0.0215 * padded + stepping) * products + 0.6 * outputs + 0.006 * weights
    return Pace(CALL + floats / 1e3, CALL + integers / 1e3)
