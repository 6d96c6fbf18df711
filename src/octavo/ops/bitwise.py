"""Bits of whole numbers."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers, operation
from octavo.ir.port import Plain
from octavo.ir.source import Array
from octavo.ops._elementwise import Elementwise, emit, like
from octavo.ops.binary import Add, Mul, Sub
from octavo.ops.cast import cast
from octavo.ops.comparison import Less, NotEqual
from octavo.ops.logical import LogicalAnd
from octavo.ops.select import SelectV2

_WHOLE = ("int8", "uint8", "int16", "uint16", "int32", "uint32")
_INT32 = np.dtype(np.int32)
SIGN = np.iinfo(np.int32).min
"""The number in which only the sign bit is set."""


@operation
class BitwiseXor(Elementwise):
    """The bits in which two numbers differ."""

    code: ClassVar = "BITWISE_XOR"
    compute: ClassVar = np.bitwise_xor
    dtypes: ClassVar = _WHOLE
    ports: ClassVar = {"lhs": Plain(), "rhs": Plain(), "output": Plain()}

    @lowers("tf.BitwiseXor")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return emit(build, BitwiseXor(), *source.inputs)

    @lowers("tf.Invert")
    @staticmethod
    def from_tf_invert(source: Source, build: Builder) -> Value:
        """All bits differ from those of a number in which all are set."""
        (x,) = source.inputs
        return emit(build, BitwiseXor(), x, np.full((), -1, np.int64).astype(x.dtype))


@operation
class RightShift(Elementwise):
    """The bits moved down by so many places; the sign stays."""

    code: ClassVar = "RIGHT_SHIFT"
    dtypes: ClassVar = _WHOLE
    ports: ClassVar = {"lhs": Plain(), "rhs": Plain(), "output": Plain()}

    @lowers("tf.RightShift")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return emit(build, RightShift(), *source.inputs)

    @staticmethod
    def compute(lhs: Array, rhs: Array) -> Any:
        """As both do, places are bounded to those that there are."""
        return np.right_shift(lhs, np.clip(rhs, 0, lhs.dtype.itemsize * 8 - 1))


@lowers("tf.LeftShift")
def left_shift(source: Source, build: Builder) -> Value:
    """The product with a power of two."""
    x, places = source.inputs
    count = source.const(1, "number of places")
    if places.dtype != x.dtype or x.dtype not in (np.int32, np.int64):
        raise NotLoweredError(f"LiteRT does not multiply {x.dtype.name}")
    width = x.dtype.itemsize * 8 - 1
    return emit(build, Mul(), x, np.left_shift(np.ones((), x.dtype), np.clip(count, 0, width)))


@lowers("tf.BitwiseAnd")
def bitwise_and(source: Source, build: Builder) -> Value:
    """The bits that both have: where `x + y` carries, or by the sign alone where that is all that is asked for."""
    x, y = source.inputs
    if x.dtype == np.int32 and y.const is not None and (y.const == SIGN).all() and y.rank <= x.rank:
        return build(SelectV2(), build(Less(), x, np.int32(0)), np.int32(SIGN), np.int32(0))
    return _narrowed(build, x, y, _common)


@lowers("tf.BitwiseOr")
def bitwise_or(source: Source, build: Builder) -> Value:
    """The bits in which they differ, and those that both have."""
    return _narrowed(
        build,
        source.inputs[0],
        source.inputs[1],
        lambda b, x, y: b(BitwiseXor(), b(BitwiseXor(), x, y), _common(b, x, y)),
    )


def _narrowed(build: Builder, x: Value, y: Value, function: Any) -> Value:
    """The function of both as int32, in their own dtype again."""
    if x.dtype.name not in ("int8", "uint8", "int16", "uint16", "int32"):
        raise NotLoweredError(f"LiteRT computes with bits of int32 and shorter, not of {x.dtype.name}")
    return cast(build, function(build, cast(build, x, _INT32), cast(build, y, _INT32)), x.dtype)


def _common(build: Builder, x: Value, y: Value) -> Value:
    """`x & y` of int32, from `x + y = (x ^ y) + 2 · (x & y)`, which wraps around.

    Half of the difference has all bits but the sign, which is that of two negative numbers.
    """
    twice = build(Sub(), build(Add(), x, y), build(BitwiseXor(), x, y))
    half = build(RightShift(), twice, like(x, 1))
    negative, both = build(Less(), half, like(x, 0)), _both_negative(build, x, y)
    flipped = build(BitwiseXor(), half, like(x, SIGN))
    return build(SelectV2(), build(NotEqual(), negative, both), flipped, half)


def _both_negative(build: Builder, x: Value, y: Value) -> Value:
    return build(LogicalAnd(), build(Less(), x, like(x, 0)), build(Less(), y, like(y, 0)))
