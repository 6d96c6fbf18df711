"""Functions of one operand, element by element."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Node, Value
from octavo.ir.op import lowers, operation
from octavo.ir.pace import Pace
from octavo.ir.port import INT8_AND_INT16, Fit, Kernels, Observed
from octavo.ir.source import Array
from octavo.ops._elementwise import FLOAT_INT, FLOAT_INT32, Elementwise, emit, like
from octavo.ops._table import coarse, reach
from octavo.ops.binary import Maximum, Minimum


@operation
class Unary(Elementwise):
    """`output = compute(input)`."""

    ports: ClassVar = {"input": Observed(), "output": Observed()}
    kernels: ClassVar = Kernels()


@operation
class Abs(Unary):
    """The number without its sign."""

    code: ClassVar = "ABS"
    pace: ClassVar = Pace(0.2, 6)
    compute: ClassVar = np.abs
    dtypes: ClassVar = FLOAT_INT32
    kernels: ClassVar = INT8_AND_INT16

    @lowers("tf.Abs")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's; of long integers, which have no kernel, `max(x, −x)`."""
        (x,) = source.inputs
        if x.dtype.name == "int64":
            return emit(build, Maximum(), x, emit(build, Neg(), x))
        return emit(build, Abs(), x)

    def version(self, node: Node) -> int:
        """int8 2, quantized int16 3, plain int16 4, int32 5 (`op_version.cc` of LiteRT)."""
        (value,) = node.inputs
        assert value is not None
        if value.dtype.name == "int16":
            return 4 if value.quant is None else 3
        return {"int8": 2, "uint8": 2, "int32": 5}.get(value.dtype.name, 1)


@operation
class Tabled(Unary):
    """What the int16 kernel interpolates in a table."""

    kernels: ClassVar = INT8_AND_INT16

    def objection(self, fits: Mapping[str, Fit]) -> str:
        """Where the function is steep, entries lie too far apart."""
        return coarse(self.code, type(self).compute, fits)

    def span(self, dtype: str, low: float, high: float) -> tuple[float, float] | None:
        """What the table of int16 holds."""
        return reach(type(self).compute, low, high) if dtype == "int16" else None


@operation
class Exp(Tabled):
    """e to the power of the number."""

    code: ClassVar = "EXP"
    compute: ClassVar = np.exp
    versions: ClassVar = {"int8": 2, "int16": 2}

    @lowers("tf.Exp")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's."""
        return emit(build, Exp(), *source.inputs)


@operation
class Log(Tabled):
    """The natural logarithm."""

    code: ClassVar = "LOG"
    singular: ClassVar = ("input",)
    compute: ClassVar = np.log
    versions: ClassVar = {"int8": 2, "int16": 2}

    @lowers("tf.Log")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's."""
        return emit(build, Log(), *source.inputs)


@operation
class Sqrt(Unary):
    """The square root."""

    code: ClassVar = "SQRT"
    pace: ClassVar = Pace(0.25, 4)
    compute: ClassVar = np.sqrt
    kernels: ClassVar = INT8_AND_INT16
    versions: ClassVar = {"int8": 2, "int16": 2}

    @lowers("tf.Sqrt")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's."""
        return emit(build, Sqrt(), *source.inputs)


@operation
class Rsqrt(Tabled):
    """One over the square root."""

    code: ClassVar = "RSQRT"
    pace: ClassVar = Pace(0.25, 60)
    singular: ClassVar = ("input",)
    versions: ClassVar = {"int8": 2, "int16": 3}

    @lowers("tf.Rsqrt")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's."""
        return emit(build, Rsqrt(), *source.inputs)

    @staticmethod
    def compute(input: Array) -> Any:
        """One over the root."""
        return 1 / np.sqrt(input)


@operation
class Square(Unary):
    """The number times itself."""

    code: ClassVar = "SQUARE"
    compute: ClassVar = np.square


@operation
class Neg(Unary):
    """The number with the other sign."""

    code: ClassVar = "NEG"
    compute: ClassVar = np.negative
    dtypes: ClassVar = FLOAT_INT
    symbolic: ClassVar = True
    kernels: ClassVar = Kernels(
        int8="the LiteRT kernel negates the stored integers, which is wrong unless the zero point is 0",
        int16="the LiteRT kernel negates the stored integers, whatever their scales",
    )

    @lowers("tf.Neg")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's."""
        return emit(build, Neg(), *source.inputs)


@operation
class Sin(Unary):
    """The sine of an angle in radians."""

    code: ClassVar = "SIN"
    compute: ClassVar = np.sin

    @lowers("tf.Sin")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's."""
        return emit(build, Sin(), *source.inputs)


@operation
class Cos(Unary):
    """The cosine of an angle in radians."""

    code: ClassVar = "COS"
    compute: ClassVar = np.cos

    @lowers("tf.Cos")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's."""
        return emit(build, Cos(), *source.inputs)


@operation
class Rounding(Unary):
    """A whole number near the input. Dimensions are whole."""

    symbolic: ClassVar = True

    def evaluate(self, *inputs: Array) -> Array:
        """The function; dimensions stay as they are."""
        return inputs[0] if inputs[0].dtype == object else super().evaluate(*inputs)


@operation
class Ceil(Rounding):
    """The least whole number that is not below the input."""

    code: ClassVar = "CEIL"
    compute: ClassVar = np.ceil

    @lowers("tf.Ceil")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's."""
        return _round(source, build, Ceil())


@operation
class Floor(Rounding):
    """The greatest whole number that is not above the input."""

    code: ClassVar = "FLOOR"
    compute: ClassVar = np.floor

    @lowers("tf.Floor")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's."""
        return _round(source, build, Floor())


@operation
class Round(Rounding):
    """The nearest whole number; the even one of two that are as near."""

    code: ClassVar = "ROUND"
    compute: ClassVar = np.rint

    @lowers("tf.Round", "tf.Rint")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's."""
        return _round(source, build, Round())


@operation
class Sign(Unary):
    """−1, 0 or 1."""

    code: ClassVar = "SIGN"
    compute: ClassVar = np.sign
    dtypes: ClassVar = ("float32", "float64", "int32")
    versions: ClassVar = {"int32": 2}

    @lowers("tf.Sign")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's; long integers, which have no kernel, are clipped to −1 … 1."""
        (x,) = source.inputs
        if x.dtype.name == "int64":
            return emit(build, Minimum(), emit(build, Maximum(), x, like(x, -1)), like(x, 1))
        return emit(build, Sign(), x)


def _round(source: Source, build: Builder, op: Rounding) -> Value:
    """Integers are whole already."""
    (value,) = source.inputs
    return value if value.dtype.kind in "iu" else emit(build, op, value)
