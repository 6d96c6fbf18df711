"""Logic on truth values that broadcast."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import lowers, operation
from octavo.ir.port import Plain
from octavo.ops._elementwise import Elementwise, emit


@operation
class LogicalAnd(Elementwise):
    """Whether both are true."""

    code: ClassVar = "LOGICAL_AND"
    compute: ClassVar = np.logical_and
    dtypes: ClassVar = ("bool",)
    ports: ClassVar = {"lhs": Plain(), "rhs": Plain(), "output": Plain()}

    @lowers("tf.LogicalAnd")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return emit(build, LogicalAnd(), *source.inputs)


@operation
class LogicalOr(Elementwise):
    """Whether at least one is true."""

    code: ClassVar = "LOGICAL_OR"
    compute: ClassVar = np.logical_or
    dtypes: ClassVar = ("bool",)
    ports: ClassVar = {"lhs": Plain(), "rhs": Plain(), "output": Plain()}

    @lowers("tf.LogicalOr")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return emit(build, LogicalOr(), *source.inputs)


@operation
class LogicalNot(Elementwise):
    """Whether it is false."""

    code: ClassVar = "LOGICAL_NOT"
    compute: ClassVar = np.logical_not
    dtypes: ClassVar = ("bool",)
    ports: ClassVar = {"input": Plain(), "output": Plain()}

    @lowers("tf.LogicalNot")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's."""
        return emit(build, LogicalNot(), *source.inputs)
