"""Comparing two operands that broadcast."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Fit, Observed, Plain, Port, SameAs
from octavo.ir.source import Array
from octavo.ops._elementwise import FLOAT_INT, Elementwise, emit

SCALES = (2.0**-8, 1 - 2.0**-10)
"""Between these the int8 kernels are right: they take each scale for a fixed-point fraction (`comparisons.cc`)."""
EXACT: Mapping[str, Port] = {"lhs": Plain(), "rhs": Plain(), "output": Plain()}
"""Numbers that differ by less than a step would count as equal: only exact numbers are asked whether they are."""


@operation
class Comparison(Elementwise):
    """Whether `compare(lhs, rhs)`. The int16 kernels compare numbers as stored, so both share one grid."""

    result: ClassVar = "bool"
    dtypes: ClassVar[tuple[str, ...]] = (*FLOAT_INT, "int8", "uint8", "int16")
    symbolic: ClassVar = True
    ports: ClassVar[Mapping[str, Port]] = {
        "lhs": Observed(scales={"int8": SCALES}),
        "rhs": SameAs("lhs"),
        "output": Plain(),
    }
    kernels: ClassVar = INT8_AND_INT16

    def objection(self, fits: Mapping[str, Fit]) -> str:
        """A number cut to the end of the grid would compare as equal to all that is cut there."""
        for name, fit in fits.items():
            least, greatest = fit.ends
            if fit.low < least - fit.scale or fit.high > greatest + fit.scale:
                beyond = fit.low if fit.low < least - fit.scale else fit.high
                return f"its {name} reaches {beyond:.4g}, beyond the range of what it is compared with"
        return ""


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
    ports: ClassVar = EXACT
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
    ports: ClassVar = EXACT
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
