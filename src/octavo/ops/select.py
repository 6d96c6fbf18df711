"""One of two tensors, element by element."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Observed, Plain, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._broadcast import broadcast
from octavo.ops.reshape import reshape


@operation
class SelectV2(Op):
    """`x` where `condition` is true, else `y`; all three broadcast."""

    code: ClassVar = "SELECT_V2"
    symbolic: ClassVar = True

    @lowers("tf.SelectV2")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return build(SelectV2(), *source.inputs)

    @lowers("tf.Select")
    @staticmethod
    def from_tf_rows(source: Source, build: Builder) -> Value:
        """A vector of conditions chooses rows, so it gets dimensions of length 1 behind."""
        condition, x, y = source.inputs
        behind = x.rank - condition.rank if condition.rank == 1 else 0
        return build(SelectV2(), reshape(build, condition, [*condition.shape, *[1] * behind]), x, y)

    def infer(self, condition: Value, x: Value, y: Value) -> Type:
        """The broadcast shape.

        Raises:
            ValueError: the dtypes differ, or the shapes do not broadcast.
        """
        if x.dtype != y.dtype:
            raise ValueError(f"{x.type} and {y.type} cannot stand in one tensor")
        return Type(x.dtype, broadcast(condition.shape, x.shape, y.shape))

    def evaluate(self, condition: Array, x: Array, y: Array) -> Array:
        """One or the other."""
        return np.where(condition.astype(bool), x, y)

    @property
    def chooses(self) -> slice:
        """One or the other."""
        return slice(1, None)

    ports: ClassVar = {"condition": Plain(), "x": SameAs("output"), "y": SameAs("output"), "output": Observed()}
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """uint32 2 (`op_version.cc` of LiteRT)."""
        return 2 if node.output.dtype.name == "uint32" else 1


@operation
class Select(SelectV2):
    """As `SelectV2`, without broadcasting, except that a vector of conditions may choose rows."""

    code: ClassVar = "SELECT"

    def infer(self, condition: Value, x: Value, y: Value) -> Type:
        """The shape of both.

        Raises:
            ValueError: types differ, or the condition has another shape.
        """
        if x.type != y.type or condition.shape not in (x.shape, x.shape[:1], ()):
            raise ValueError(f"{condition.type} cannot choose between {x.type} and {y.type}")
        return x.type

    def evaluate(self, condition: Array, x: Array, y: Array) -> Array:
        """One or the other; by row when there is a condition for each row."""
        behind = x.ndim - condition.ndim if condition.ndim == 1 else 0
        return super().evaluate(condition.reshape(*condition.shape, *[1] * behind), x, y)

    def version(self, node: Node) -> int:
        """int8 2, five dimensions 3, uint32 4 (`op_version.cc` of LiteRT)."""
        return {"uint32": 4}.get(node.output.dtype.name, 3 if node.output.rank == 5 else 1)
