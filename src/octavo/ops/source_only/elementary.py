"""Elementary functions that LiteRT has no operation for, composed of those that it has."""

from __future__ import annotations

import math

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import lowers
from octavo.ops._elementwise import emit, like
from octavo.ops._real import require_float32
from octavo.ops.atan2 import Atan2
from octavo.ops.binary import Add, Div, Mul, Sub
from octavo.ops.broadcast_to import stretch
from octavo.ops.comparison import Equal, NotEqual
from octavo.ops.select import SelectV2
from octavo.ops.unary import Abs, Cos, Exp, Log, Neg, Sign, Sin, Sqrt


@lowers("tf.Inv", "tf.Reciprocal")
def reciprocal(source: Source, build: Builder) -> Value:
    """`1 / x`."""
    (x,) = source.inputs
    return emit(build, Div(), like(x, 1), x)


@lowers("tf.Expm1")
def expm1(source: Source, build: Builder) -> Value:
    """`eˣ − 1`."""
    (x,) = source.inputs
    return emit(build, Sub(), emit(build, Exp(), x), like(x, 1))


@lowers("tf.Log1p")
def log1p(source: Source, build: Builder) -> Value:
    """`log(1 + x)`."""
    (x,) = source.inputs
    return emit(build, Log(), emit(build, Add(), x, like(x, 1)))


@lowers("tf.Sinh")
def sinh(source: Source, build: Builder) -> Value:
    """`(eˣ − e⁻ˣ) / 2`."""
    (x,) = source.inputs
    difference = emit(build, Sub(), emit(build, Exp(), x), emit(build, Exp(), emit(build, Neg(), x)))
    return emit(build, Mul(), difference, like(x, 0.5))


@lowers("tf.Cosh")
def cosh(source: Source, build: Builder) -> Value:
    """`(eˣ + e⁻ˣ) / 2`."""
    (x,) = source.inputs
    total = emit(build, Add(), emit(build, Exp(), x), emit(build, Exp(), emit(build, Neg(), x)))
    return emit(build, Mul(), total, like(x, 0.5))


@lowers("tf.Tan")
def tan(source: Source, build: Builder) -> Value:
    """`sin x / cos x`."""
    (x,) = source.inputs
    return emit(build, Div(), emit(build, Sin(), x), emit(build, Cos(), x))


@lowers("tf.Atan")
def atan(source: Source, build: Builder) -> Value:
    """The angle of the point (1, x)."""
    (x,) = source.inputs
    require_float32(x)
    return build(Atan2(), x, stretch(build, build.const(like(x, 1)), x))


@lowers("tf.Asin")
def asin(source: Source, build: Builder) -> Value:
    """The angle of the point on the unit circle at height x."""
    (x,) = source.inputs
    return emit(build, Atan2(), x, _across(build, x))


@lowers("tf.Acos")
def acos(source: Source, build: Builder) -> Value:
    """The angle of the point on the unit circle above x."""
    (x,) = source.inputs
    return emit(build, Atan2(), _across(build, x), x)


@lowers("tf.Asinh")
def asinh(source: Source, build: Builder) -> Value:
    """`sign(x) · log(|x| + √(x² + 1))`: the sum of two positive numbers loses no digits."""
    (x,) = source.inputs
    size = emit(build, Abs(), x)
    root = emit(build, Sqrt(), emit(build, Add(), emit(build, Mul(), x, x), like(x, 1)))
    return emit(build, Mul(), emit(build, Sign(), x), emit(build, Log(), emit(build, Add(), size, root)))


@lowers("tf.Acosh")
def acosh(source: Source, build: Builder) -> Value:
    """`log(x + √(x² − 1))`."""
    (x,) = source.inputs
    root = emit(build, Sqrt(), emit(build, Sub(), emit(build, Mul(), x, x), like(x, 1)))
    return emit(build, Log(), emit(build, Add(), x, root))


@lowers("tf.Atanh")
def atanh(source: Source, build: Builder) -> Value:
    """`½ · log((1 + x) / (1 − x))`."""
    (x,) = source.inputs
    ratio = emit(build, Div(), emit(build, Add(), x, like(x, 1)), emit(build, Sub(), like(x, 1), x))
    return emit(build, Mul(), emit(build, Log(), ratio), like(x, 0.5))


@lowers("tf.IsNan")
def is_nan(source: Source, build: Builder) -> Value:
    """NaN alone differs from itself."""
    (x,) = source.inputs
    return emit(build, NotEqual(), x, x)


@lowers("tf.IsInf")
def is_inf(source: Source, build: Builder) -> Value:
    """`|x| = ∞`."""
    (x,) = source.inputs
    return emit(build, Equal(), emit(build, Abs(), x), like(x, math.inf))


@lowers("tf.IsFinite")
def is_finite(source: Source, build: Builder) -> Value:
    """`x − x = 0`: infinities and NaN give NaN."""
    (x,) = source.inputs
    return emit(build, Equal(), emit(build, Sub(), x, x), like(x, 0))


@lowers("tf.DivNoNan")
def div_no_nan(source: Source, build: Builder) -> Value:
    """`x / y`, but 0 where y is 0."""
    x, y = source.inputs
    return _zero_where(build, y, emit(build, Div(), x, y))


@lowers("tf.MulNoNan")
def mul_no_nan(source: Source, build: Builder) -> Value:
    """`x · y`, but 0 where y is 0, even if x is infinite."""
    x, y = source.inputs
    return _zero_where(build, y, emit(build, Mul(), x, y))


@lowers("tf.Xdivy")
def xdivy(source: Source, build: Builder) -> Value:
    """`x / y`, but 0 where x is 0."""
    x, y = source.inputs
    return _zero_where(build, x, emit(build, Div(), x, y))


@lowers("tf.Xlogy")
def xlogy(source: Source, build: Builder) -> Value:
    """`x · log y`, but 0 where x is 0."""
    x, y = source.inputs
    return _zero_where(build, x, emit(build, Mul(), x, emit(build, Log(), y)))


@lowers("tf.Xlog1py")
def xlog1py(source: Source, build: Builder) -> Value:
    """`x · log(1 + y)`, but 0 where x is 0."""
    x, y = source.inputs
    return _zero_where(build, x, emit(build, Mul(), x, emit(build, Log(), emit(build, Add(), y, like(y, 1)))))


def _zero_where(build: Builder, zero: Value, otherwise: Value) -> Value:
    return build(SelectV2(), emit(build, Equal(), zero, like(zero, 0)), like(otherwise, 0), otherwise)


def _across(build: Builder, x: Value) -> Value:
    """`√((1 − x)(1 + x))`, which loses no digits near ±1."""
    below, above = emit(build, Sub(), like(x, 1), x), emit(build, Add(), x, like(x, 1))
    return emit(build, Sqrt(), emit(build, Mul(), below, above))
