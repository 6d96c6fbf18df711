"""A block of a tensor replaced."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Observed, Plain, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops.cast import cast

_TYPES = ("float32", "bool", "int8", "int16", "int32", "int64")


@operation
class DynamicUpdateSlice(Op):
    """`operand` with `update` in the place of the block that begins at `start_indices`, moved so that it fits."""

    code: ClassVar = "DYNAMIC_UPDATE_SLICE"

    @lowers("tf.XlaDynamicUpdateSlice")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """The kernel takes int32 places."""
        operand, update, start = source.inputs
        if operand.dtype.name not in _TYPES:
            raise NotLoweredError(f"LiteRT has no DYNAMIC_UPDATE_SLICE of {operand.dtype.name}")
        return build(DynamicUpdateSlice(), operand, update, cast(build, start, np.dtype(np.int32)))

    def infer(self, operand: Value, update: Value, start_indices: Value) -> Type:
        """The operand's.

        Raises:
            ValueError: the dtypes or ranks differ.
        """
        if operand.dtype != update.dtype or operand.rank != update.rank or start_indices.rank != 1:
            raise ValueError(f"{update.type} at {start_indices.type} is no block of {operand.type}")
        return operand.type

    def evaluate(self, operand: Array, update: Array, start_indices: Array) -> Array:
        """A copy."""
        room = np.array(operand.shape) - update.shape
        begin = np.clip(start_indices, 0, room)
        result = operand.copy()
        result[tuple(slice(b, b + n) for b, n in zip(begin, update.shape, strict=True))] = update
        return result

    ports: ClassVar = {
        "operand": Observed(),
        "update": SameAs("operand"),
        "start_indices": Plain(),
        "output": SameAs("operand"),
    }
    kernels: ClassVar = INT8_AND_INT16
