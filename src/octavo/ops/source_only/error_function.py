"""The error function, which LiteRT has no operation for.

GELU is made of it, so it stays a node of its own until the rules have looked for GELU; what is left
afterwards is expanded into operations that LiteRT has.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import lowers, operation
from octavo.ir.source import Array
from octavo.ops._elementwise import Elementwise, like
from octavo.ops._real import require_float32


@operation
class Erf(Elementwise):
    """`2/√π · ∫₀ˣ e^−t² dt`. The schema has no such operator: `expand_erf` replaces it before writing."""

    code: ClassVar = "erf"

    @lowers("tf.Erf")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """Kept as it is."""
        require_float32(*source.inputs)
        return build(Erf(), *source.inputs)

    @staticmethod
    def compute(input: Array) -> Array:
        """Within one rounding of float32."""
        return erf(input)


@operation
class Erfc(Elementwise):
    """`1 − erf(x)`, kept apart because it stays exact where it is small. It is expanded like `Erf`."""

    code: ClassVar = "erfc"

    @lowers("tf.Erfc")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """Kept as it is."""
        require_float32(*source.inputs)
        return build(Erfc(), *source.inputs)

    @staticmethod
    def compute(input: Array) -> Array:
        """Within one rounding of float32, down to the smallest results."""
        return _erfc(input)


def erf(x: Array) -> Array:
    """The error function at float32 accuracy or better, in the dtype of `x`."""
    wide = np.asarray(x, np.float64)
    with np.errstate(all="ignore"):
        inner = wide * _series(np.minimum(wide * wide, NEAR**2))
        outer = np.sign(wide) * (1 - _tail(np.abs(wide)))
        return np.asarray(np.where(np.abs(wide) < NEAR, inner, outer), x.dtype)


def expand_erf(build: Builder, value: Value) -> Value:
    """`erf(value)` in operations that LiteRT has: a product of polynomials over one division, within 1e-6.

    `erf(x) ≈ x · P(x²) / Q(x²)` for x within ±LIMIT, beyond which float32 rounds it to ±1.
    """
    from octavo.ops.binary import Div, Maximum, Minimum, Mul

    bounded = build(Minimum(), build(Maximum(), value, like(value, -LIMIT)), like(value, LIMIT))
    square = build(Mul(), bounded, bounded)
    top = build(Mul(), bounded, _horner(build, square, TOP))
    return build(Div(), top, _horner(build, square, BOTTOM))


def expand_erfc(build: Builder, value: Value) -> Value:
    """`1 − erf(value)`: absolute accuracy 1e-6; small results lose their relative accuracy."""
    from octavo.ops.binary import Sub

    return build(Sub(), like(value, 1), expand_erf(build, value))


def _horner(build: Builder, x: Value, coefficients: Sequence[float]) -> Value:
    """The polynomial with these coefficients, highest power first."""
    from octavo.ops.binary import Add, Mul

    leading = build.const(like(x, coefficients[0]))
    return reduce(lambda done, c: build(Add(), build(Mul(), done, x), like(x, c)), coefficients[1:], leading)


def _erfc(x: Array) -> Array:
    wide = np.asarray(x, np.float64)
    with np.errstate(all="ignore"):
        far = np.where(wide < 0, 2 - _tail(np.abs(wide)), _tail(np.abs(wide)))
        return np.where(np.abs(wide) < NEAR, 1 - np.asarray(erf(wide)), far).astype(x.dtype)


def _series(square: Array) -> Any:
    """`erf(x) / x` by its Taylor series in x², for |x| below NEAR."""
    terms = np.arange(TERMS)
    factorials = np.concatenate([[1.0], np.cumprod(terms[1:], dtype=np.float64)])
    coefficients = 2 / np.sqrt(np.pi) * (-1.0) ** terms / (factorials * (2 * terms + 1))
    return np.polynomial.polynomial.polyval(square, coefficients)


def _tail(x: Array) -> Any:
    """`erfc(x)` for x of at least NEAR, by Laplace's continued fraction from its far end."""
    x = np.maximum(x, NEAR)
    fraction = reduce(lambda below, k: x + k / 2 / below, range(DEPTH, 0, -1), x)
    return np.exp(-x * x) / (np.sqrt(np.pi) * fraction)


NEAR = 2.0
"""Below it the series converges fast, above it the continued fraction does."""
TERMS = 40
DEPTH = 60
"""Enough terms of either for an error below 1e-10."""

LIMIT = 3.925
TOP = (2.0308616729e-06, 2.8749263950e-04, 3.8763538051e-03, 5.3084430848e-02, 1.9297318495e-01, 1.1283790198)
BOTTOM = (3.8031396296e-05, 1.1897563954e-03, 1.5188407981e-02, 1.1516771595e-01, 5.0434967012e-01, 1.0)
"""P and Q, highest power first: weighted least squares, the weights raised where the error was largest.

The error is 1.7e-8 in exact arithmetic and 3.5e-7 in float32; all coefficients are positive, so nothing cancels.
"""
