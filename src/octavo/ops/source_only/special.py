"""Special functions: polynomials and continued forms whose error stays within some 1e-6 of the largest result."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import lowers
from octavo.ops._elementwise import like
from octavo.ops._real import require_float32
from octavo.ops.binary import Add, Div, Maximum, Mul, Sub
from octavo.ops.comparison import Equal, Less
from octavo.ops.select import SelectV2
from octavo.ops.unary import Abs, Cos, Exp, Floor, Log, Neg, Sign, Sin, Sqrt

_SHIFT = 7
"""The number of terms of Lanczos' series less one, and half an offset of it."""
_LANCZOS = (
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
)  # fmt: skip
"""Lanczos' coefficients for g = 7 and nine terms."""
_INVERSE_ERROR = (
    (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503, -0.00417768164,
     0.246640727, 1.50140941),
    (-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
     1.00167406, 2.83297682),
)  # fmt: skip
"""Giles' polynomials of w = −log(1 − x²), or of its root, highest power first (Approximating the erfinv function)."""


@lowers("tf.Erfinv")
def inverse_error_function(source: Source, build: Builder) -> Value:
    """X times one of two polynomials of −log((1 − x)(1 + x)); infinite at ±1."""
    (x,) = source.inputs
    require_float32(x)
    rest = build(Mul(), build(Sub(), like(x, 1), x), build(Add(), like(x, 1), x))
    return inverse_error(build, x, rest)


@lowers("tf.Ndtri")
def normal_quantile(source: Source, build: Builder) -> Value:
    """`√2 · erfinv(2 · x − 1)`, where `1 − (2 · x − 1)²` is `4 · x · (1 − x)`."""
    (x,) = source.inputs
    require_float32(x)
    return quantile(build, x)


def quantile(build: Builder, x: Value) -> Value:
    """The number that a normally distributed one lies below with this probability."""
    centred = build(Sub(), build(Mul(), x, like(x, 2)), like(x, 1))
    rest = build(Mul(), build(Mul(), x, like(x, 4)), build(Sub(), like(x, 1), x))
    return build(Mul(), inverse_error(build, centred, rest), like(x, math.sqrt(2)))


@lowers("tf.Lgamma")
def log_gamma(source: Source, build: Builder) -> Value:
    """Lanczos' series, and below one half its reflection: `log |π / sin πx| − log Γ(1 − x)`."""
    (x,) = source.inputs
    require_float32(x)
    small = build(Less(), x, like(x, 0.5))
    at = build(Sub(), build(SelectV2(), small, build(Sub(), like(x, 1), x), x), like(x, 1))
    above = _log_gamma(build, at)
    turned = build(Log(), build(Div(), like(x, math.pi), build(Abs(), _sine_of_pi(build, x))))
    return build(SelectV2(), small, build(Sub(), turned, above), above)


@lowers("tf.Digamma")
def digamma(source: Source, build: Builder) -> Value:
    """Six steps up by ψ(x) = ψ(x + 1) − 1 / x, then its asymptotic series; below 0 reflected by π / tan πx."""
    (x,) = source.inputs
    require_float32(x)
    one = like(x, 1)
    below = build(Less(), x, like(x, 0))
    at = build(SelectV2(), below, build(Sub(), one, x), x)
    steps = [build(Div(), one, build(Add(), at, like(x, step))) for step in range(6)]
    far = build(Add(), at, like(x, 6))
    inverse = build(Div(), one, far)
    square = build(Mul(), inverse, inverse)
    series = build(Mul(), square, _polynomial(build, square, (1 / 240, -1 / 252, 1 / 120, -1 / 12)))
    asymptotic = build(Add(), build(Sub(), build(Log(), far), build(Mul(), inverse, like(x, 0.5))), series)
    above = build(Sub(), asymptotic, reduce(lambda a, b: build(Add(), a, b), steps))
    angle = build(Mul(), build(Sub(), x, build(Floor(), x)), like(x, math.pi))
    turned = build(Div(), build(Mul(), build(Cos(), angle), like(x, math.pi)), build(Sin(), angle))
    return build(SelectV2(), below, build(Sub(), above, turned), above)


@lowers("tf.BesselI0e", "tf.BesselI0")
def bessel_i0(source: Source, build: Builder) -> Value:
    """Two polynomials (Abramowitz and Stegun 9.8.1, 9.8.2), below and above 3.75."""
    (x,) = source.inputs
    require_float32(x)
    size = build(Abs(), x)
    ratio = build(Mul(), build(SelectV2(), build(Less(), size, like(x, 3.75)), size, like(x, 0)), like(x, 1 / 3.75))
    near = _polynomial(
        build, build(Mul(), ratio, ratio), (0.0045813, 0.0360768, 0.2659732, 1.2067492, 3.0899424, 3.5156229, 1)
    )
    far_size = build(Maximum(), size, like(x, 3.75))
    far = _polynomial(
        build,
        build(Div(), like(x, 3.75), far_size),
        (0.00392377, -0.01647633, 0.02635537, -0.02057706, 0.00916281, -0.00157565, 0.00225319, 0.01328592, 0.39894228),
    )
    far = build(Div(), far, build(Sqrt(), far_size))
    is_near = build(Less(), size, like(x, 3.75))
    if source.node.op == "BesselI0e":
        return build(SelectV2(), is_near, build(Mul(), near, build(Exp(), build(Neg(), size))), far)
    return build(SelectV2(), is_near, near, build(Mul(), far, build(Exp(), size)))


@lowers("tf.BesselI1e", "tf.BesselI1")
def bessel_i1(source: Source, build: Builder) -> Value:
    """As for order 0 (Abramowitz and Stegun 9.8.3, 9.8.4), with the sign of `x`."""
    (x,) = source.inputs
    require_float32(x)
    size = build(Abs(), x)
    is_near = build(Less(), size, like(x, 3.75))
    ratio = build(Mul(), build(SelectV2(), is_near, size, like(x, 0)), like(x, 1 / 3.75))
    near = _polynomial(
        build, build(Mul(), ratio, ratio), (0.00032411, 0.00301532, 0.02658733, 0.15084934, 0.51498869, 0.87890594, 0.5)
    )
    near = build(Mul(), near, x)
    far_size = build(Maximum(), size, like(x, 3.75))
    far = _polynomial(
        build,
        build(Div(), like(x, 3.75), far_size),
        (
            -0.00420059,
            0.01787654,
            -0.02895312,
            0.02282967,
            -0.01031555,
            0.00163801,
            -0.00362018,
            -0.03988024,
            0.39894228,
        ),
    )
    far = build(Mul(), build(Div(), far, build(Sqrt(), far_size)), build(Sign(), x))
    if source.node.op == "BesselI1e":
        return build(SelectV2(), is_near, build(Mul(), near, build(Exp(), build(Neg(), size))), far)
    return build(SelectV2(), is_near, near, build(Mul(), far, build(Exp(), size)))


def inverse_error(build: Builder, x: Value, rest: Value) -> Value:
    """The number whose error function is `x`; `rest` is 1 − x²."""
    w = build(Neg(), build(Log(), rest))
    near = _polynomial(build, build(Sub(), w, like(x, 2.5)), _INVERSE_ERROR[0])
    root = build(Sqrt(), build(Maximum(), w, like(x, 5)))
    far = _polynomial(build, build(Sub(), root, like(x, 3)), _INVERSE_ERROR[1])
    inside = build(Mul(), x, build(SelectV2(), build(Less(), w, like(x, 5)), near, far))
    edge = build(Equal(), build(Abs(), x), like(x, 1))
    return build(SelectV2(), edge, build(Mul(), build(Sign(), x), like(x, math.inf)), inside)


def _log_gamma(build: Builder, at: Value) -> Value:
    """Log Γ(at + 1) for numbers above −1/2."""
    total: Value | None = None
    for index, coefficient in enumerate(_LANCZOS[1:], 1):
        term = build(Div(), like(at, coefficient), build(Add(), at, like(at, index)))
        total = build(Add(), term, like(at, _LANCZOS[0]) if total is None else total)
    assert total is not None
    base = build(Add(), at, like(at, _SHIFT + 0.5))
    power = build(Mul(), build(Sub(), build(Log(), base), like(at, 1)), build(Add(), at, like(at, 0.5)))
    return build(Add(), build(Add(), power, like(at, 0.5 * math.log(2 * math.pi) - _SHIFT)), build(Log(), total))


def _sine_of_pi(build: Builder, x: Value) -> Value:
    """Sin πx up to its sign, by the distance to the whole number below."""
    return build(Sin(), build(Mul(), build(Sub(), x, build(Floor(), x)), like(x, math.pi)))


def _polynomial(build: Builder, x: Value, coefficients: Sequence[float]) -> Value:
    """The polynomial with these coefficients, highest power first."""
    leading = build(Add(), build(Mul(), x, like(x, coefficients[0])), like(x, coefficients[1]))
    return reduce(lambda done, c: build(Add(), build(Mul(), done, x), like(x, c)), coefficients[2:], leading)
