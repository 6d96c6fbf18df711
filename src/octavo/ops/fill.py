"""A tensor of one number; tensors of zeros and ones in the shape of another."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Kernels, Observed, Plain, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._elementwise import like
from octavo.ops.shape import known_dims, opened, runtime_dims


@operation
class Fill(Op):
    """`dims` is the shape, `value` a scalar."""

    code: ClassVar = "FILL"
    symbolic: ClassVar = True

    @lowers("tf.Fill")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        dims, value = source.inputs
        return build(Fill(), opened(dims), value)

    @lowers("tf.OnesLike")
    @staticmethod
    def from_tf_ones(source: Source, build: Builder) -> Value:
        """A constant when the shape is known."""
        (value,) = source.inputs
        return build(Fill(), runtime_dims(build, value.shape, value), like(value, 1))

    def infer(self, dims: Value, value: Value) -> Type:
        """The shape that `dims` says.

        Raises:
            ValueError: `dims` is unknown.
        """
        return Type(value.dtype, tuple(known_dims(dims, "the shape to fill")))

    def evaluate(self, dims: Array, value: Array) -> Array:
        """An array of its own."""
        return np.full([int(dim) for dim in dims], value)

    ports: ClassVar = {"dims": Plain(), "value": SameAs("output"), "output": Observed()}
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """Bool and string 2, int8 and int16 3, float16 4 (`op_version.cc` of LiteRT)."""
        versions = {"bool": 2, "object": 2, "int8": 3, "int16": 3, "float16": 4}
        return versions.get(node.output.dtype.name, 1)


@operation
class ZerosLike(Op):
    """Zeros in the shape of the input."""

    code: ClassVar = "ZEROS_LIKE"

    @lowers("tf.ZerosLike")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """A constant when the shape is known; a FILL of what the kernel does not know."""
        (value,) = source.inputs
        if value.type.is_static or value.dtype.name not in ("float32", "int32", "int64"):
            return build(Fill(), runtime_dims(build, value.shape, value), like(value, 0))
        return build(ZerosLike(), value)

    def infer(self, input: Value) -> Type:
        """The input's."""
        return input.type

    def evaluate(self, input: Array) -> Array:
        """Zeros."""
        return np.zeros_like(input)

    ports: ClassVar = {"input": Observed(), "output": Observed()}
    kernels: ClassVar = Kernels()
