"""Stacking tensors along a new dimension."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Observed, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._broadcast import broadcast
from octavo.ops.expand_dims import expand_dims


@operation
class Pack(Op):
    """`values_count` tensors of one shape, side by side along a new dimension `axis` of the output."""

    values_count: int = 0
    axis: int = 0

    code: ClassVar = "PACK"
    symbolic: ClassVar = True

    @lowers("tf.Pack")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """One tensor alone is reshaped."""
        axis = source.attr("axis", int)
        if len(source.inputs) == 1:
            return expand_dims(build, source.inputs[0], axis)
        return build(Pack(values_count=len(source.inputs), axis=axis), *source.inputs)

    def infer(self, *values: Value) -> Type:
        """The shape with one dimension more.

        Raises:
            ValueError: dtypes or shapes differ.
        """
        if len({(value.dtype, value.rank) for value in values}) > 1:
            raise ValueError(f"{', '.join(str(value.type) for value in values)} cannot be stacked")
        shape = broadcast(*(value.shape for value in values))
        axis = self.axis % (len(shape) + 1)
        return Type(values[0].dtype, (*shape[:axis], len(values), *shape[axis:]))

    def evaluate(self, *values: Array) -> Array:
        """One array beside the other."""
        return np.stack(values, axis=self.axis)

    ports: ClassVar = {"values*": SameAs("output"), "output": Observed()}
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """int8 2, int16 3, uint32 4 (`op_version.cc` of LiteRT)."""
        return {"int8": 2, "int16": 3, "uint32": 4}.get(node.output.dtype.name, 1)
