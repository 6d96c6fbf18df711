"""Tensors one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.dim import Dim
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Observed, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._activation import activate
from octavo.ops._broadcast import broadcast
from octavo.schema.enums import Activation


@operation
class Concatenation(Op):
    """The inputs, one after the other along `axis`; they agree in every other dimension."""

    axis: int = 0
    fused_activation_function: Activation = Activation.NONE

    code: ClassVar = "CONCATENATION"
    symbolic: ClassVar = True

    @lowers("tf.ConcatV2")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """The axis comes last."""
        return concatenate(build, source.inputs[:-1], int(source.const(len(source.inputs) - 1, "axis").item()))

    @lowers("tf.Concat")
    @staticmethod
    def from_tf_first(source: Source, build: Builder) -> Value:
        """The axis comes first."""
        return concatenate(build, source.inputs[1:], int(source.const(0, "axis").item()))

    def infer(self, *values: Value) -> Type:
        """The lengths along the axis add up.

        Raises:
            ValueError: dtypes, ranks or other dimensions differ.
        """
        if len({(value.dtype, value.rank) for value in values}) > 1:
            raise ValueError(f"{', '.join(str(value.type) for value in values)} cannot be joined")
        axis = self.axis % values[0].rank
        length: Dim = sum((value.shape[axis] for value in values), 0)
        others = broadcast(*((*value.shape[:axis], 1, *value.shape[axis + 1 :]) for value in values))
        return Type(values[0].dtype, (*others[:axis], length, *others[axis + 1 :]))

    def evaluate(self, *values: Array) -> Array:
        """One array after the other."""
        return activate(np.concatenate(values, axis=self.axis), self.fused_activation_function)

    @property
    def chooses(self) -> slice | None:
        """Any of them, without an activation behind it."""
        return slice(None) if self.fused_activation_function is Activation.NONE else None

    ports: ClassVar = {"values*": SameAs("output"), "output": Observed()}
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """int8 2, int16 3, uint32 4, int4 5 (`op_version.cc` of LiteRT)."""
        return {"int8": 2, "int16": 3, "uint32": 4, "int4": 5}.get(node.output.dtype.name, 1)


def concatenate(build: Builder, values: Sequence[Value], axis: int) -> Value:
    """The values one after the other; empty ones left out, and a single one as it is."""
    filled = [value for value in values if value.shape[axis] != 0] or [values[0]]
    if len(filled) == 1:
        return filled[0]
    return build(Concatenation(axis=axis % filled[0].rank), *filled)
