"""Comparing two operands that broadcast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers, operation
from octavo.ir.port import Kernels, Observed, Plain
from octavo.ir.source import Array
from octavo.ops._elementwise import FLOAT_INT, Elementwise, emit

_SCALES_BELOW_ONE = "its int8 kernel answers wrongly where a scale reaches 1"
"""From `comparisons.cc` of LiteRT, which takes each scale for a fixed-point fraction."""
_AS_STORED = "its int16 kernels order the numbers as stored, and answer wrongly where a scale reaches 1"


@operation
class Comparison(Elementwise):
    """Whether `compare(lhs, rhs)`."""

    result: ClassVar = "bool"
    dtypes: ClassVar[tuple[str, ...]] = (*FLOAT_INT, "int8", "uint8", "int16")
    symbolic: ClassVar = True
    ports: ClassVar = {"lhs": Observed(), "rhs": Observed(), "output": Plain()}
    kernels: ClassVar = Kernels(int8=_SCALES_BELOW_ONE, int16=_AS_STORED)


def decided(compare: Callable[..., Any], of_dims: Callable[[Any, Any], bool]) -> Callable[[Array, Array], Array]:
    """`compare` for arrays of numbers, and `of_dims` for the elements of arrays that hold dimensions."""
    elementwise = np.frompyfunc(of_dims, 2, 1)

    def compute(lhs: Array, rhs: Array) -> Array:
        symbolic = object in (lhs.dtype, rhs.dtype)
        return np.asarray(elementwise(lhs, rhs) if symbolic else compare(lhs, rhs), bool)

    return compute


def _differ(one: Any, other: Any) -> bool:
    """Whether two dimensions differ in every run: `==` only says whether they are written alike."""
    return bool(one != other and (one < other or one > other))


@operation
class Equal(Comparison):
    """`lhs = rhs`."""

    code: ClassVar = "EQUAL"
    compute: ClassVar = staticmethod(decided(np.equal, lambda a, b: not _differ(a, b)))
    dtypes: ClassVar = (*Comparison.dtypes, "bool", "object")
    versions: ClassVar = {"int8": 2, "object": 3, "int16": 5}

    @lowers("tf.Equal")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return emit(build, Equal(), *_comparable(source))


@operation
class NotEqual(Comparison):
    """`lhs ≠ rhs`."""

    code: ClassVar = "NOT_EQUAL"
    compute: ClassVar = staticmethod(decided(np.not_equal, _differ))
    dtypes: ClassVar = (*Comparison.dtypes, "bool", "object")
    versions: ClassVar = {"int8": 2, "object": 3, "int16": 4}

    @lowers("tf.NotEqual")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return emit(build, NotEqual(), *_comparable(source))


@operation
class Less(Comparison):
    """`lhs < rhs`."""

    code: ClassVar = "LESS"
    compute: ClassVar = staticmethod(decided(np.less, lambda a, b: a < b))
    versions: ClassVar = {"int8": 2, "int16": 3}

    @lowers("tf.Less")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return emit(build, Less(), *source.inputs)


@operation
class LessEqual(Comparison):
    """`lhs ≤ rhs`."""

    code: ClassVar = "LESS_EQUAL"
    compute: ClassVar = staticmethod(decided(np.less_equal, lambda a, b: a <= b))
    versions: ClassVar = {"int8": 2}

    @lowers("tf.LessEqual")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return emit(build, LessEqual(), *source.inputs)


@operation
class Greater(Comparison):
    """`lhs > rhs`."""

    code: ClassVar = "GREATER"
    compute: ClassVar = staticmethod(decided(np.greater, lambda a, b: a > b))
    versions: ClassVar = {"int8": 2}

    @lowers("tf.Greater")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return emit(build, Greater(), *source.inputs)


@operation
class GreaterEqual(Comparison):
    """`lhs ≥ rhs`."""

    code: ClassVar = "GREATER_EQUAL"
    compute: ClassVar = staticmethod(decided(np.greater_equal, lambda a, b: a >= b))
    versions: ClassVar = {"int8": 2, "int16": 3}

    @lowers("tf.GreaterEqual")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return emit(build, GreaterEqual(), *source.inputs)


def _comparable(source: Source) -> tuple[Value, ...]:
    """The operands, which must broadcast: TensorFlow can also say that two shapes differ."""
    lhs, rhs = source.inputs
    fits = all(1 in pair or pair[0] == pair[1] for pair in zip(lhs.shape[::-1], rhs.shape[::-1], strict=False))
    if not fits and lhs.type.is_static and rhs.type.is_static:
        raise NotLoweredError(f"{lhs.type} and {rhs.type} do not broadcast")
    return lhs, rhs
