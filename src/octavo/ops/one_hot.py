"""Indices as vectors with one place marked."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import INT8_ONLY, Observed, Plain, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops.cast import cast
from octavo.ops.shape import known_dims, opened


@operation
class OneHot(Op):
    """`on_value` at each index, `off_value` at the rest of a new dimension `axis` of length `depth`; −1 is the last."""

    axis: int = 0

    code: ClassVar = "ONE_HOT"

    @lowers("tf.OneHot")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        indices, depth, on_value, off_value = source.inputs
        if indices.dtype.name not in ("int32", "int64"):
            indices = cast(build, indices, np.dtype(np.int32))
        if on_value.dtype.name not in ("float32", "int16", "int32", "int64", "int8", "uint8", "bool"):
            raise NotLoweredError(f"LiteRT has no ONE_HOT of {on_value.dtype.name}")
        return build(OneHot(axis=source.attr("axis", int)), indices, opened(depth), on_value, off_value)

    def infer(self, indices: Value, depth: Value, on_value: Value, off_value: Value) -> Type:
        """The shape with a dimension of length `depth` more.

        Raises:
            ValueError: the depth is unknown, or the dtypes of the two numbers differ.
        """
        (length,) = known_dims(depth, "the depth")
        if on_value.dtype != off_value.dtype:
            raise ValueError(f"{on_value.type} and {off_value.type} cannot stand in one tensor")
        axis = self.axis % (indices.rank + 1)
        shape = (*indices.shape[:axis], length, *indices.shape[axis:])
        return Type(on_value.dtype, shape)

    def evaluate(self, indices: Array, depth: Array, on_value: Array, off_value: Array) -> Array:
        """An index outside marks nothing."""
        axis = self.axis % (indices.ndim + 1)
        places = np.arange(int(depth.item())).reshape(-1, *[1] * (indices.ndim - axis))
        return np.where(np.expand_dims(indices, axis) == places, on_value, off_value)

    ports: ClassVar = {
        "indices": Plain(),
        "depth": Plain(),
        "on_value": SameAs("output"),
        "off_value": SameAs("output"),
        "output": Observed(),
    }
    kernels: ClassVar = INT8_ONLY
