"""Taking a tensor apart along one dimension."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Observed, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops.reshape import reshape
from octavo.ops.slice import Slice


@operation
class Unpack(Op):
    """The `num` slices of the input along `axis`, without that dimension."""

    num: int = 0
    axis: int = 0

    code: ClassVar = "UNPACK"
    moves: ClassVar = True
    symbolic: ClassVar = True

    @lowers("tf.Unpack")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> tuple[Value, ...]:
        """The number of slices is an attribute in both; what the kernel does not hold is cut out slice by slice."""
        (value,), count, axis = source.inputs, source.attr("num", int), source.attr("axis", int)
        slices = build.many(Unpack(num=count, axis=axis), value)
        if value.dtype.name in _TYPES or all(each.producer is None or each.dims is not None for each in slices):
            return slices
        return tuple(_slice(build, value, axis % value.rank, at) for at in range(count))

    def infer(self, input: Value) -> tuple[Type, ...]:
        """The shape without the axis, for each slice.

        Raises:
            ValueError: the axis has another length than `num`.
        """
        axis = self.axis % input.rank
        length = input.shape[axis]
        if isinstance(length, int) and length != self.num:
            raise ValueError(f"dimension {axis} of {input.type} does not have length {self.num}")
        return (Type(input.dtype, (*input.shape[:axis], *input.shape[axis + 1 :])),) * self.num

    def evaluate(self, input: Array) -> tuple[Array, ...]:
        """Views."""
        return tuple(np.moveaxis(input, self.axis, 0)[index, ...] for index in range(self.num))

    ports: ClassVar = {"input": Observed(), "output*": SameAs("input")}
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """int8 2, bool 3, int16 4, 16-bit floats 5 (`op_version.cc` of LiteRT)."""
        versions = {"int8": 2, "uint8": 2, "bool": 3, "int16": 4, "float16": 5, "bfloat16": 5}
        return versions.get(node.outputs[0].dtype.name, 1)


_TYPES: Final = ("float32", "float16", "bfloat16", "int8", "uint8", "int16", "int32", "bool")
"""From `unpack.cc` of LiteRT."""


def _slice(build: Builder, value: Value, axis: int, at: int) -> Value:
    """The slice at a place along the axis."""
    begin, size = np.zeros(value.rank, np.int32), np.full(value.rank, -1, np.int32)
    begin[axis], size[axis] = at, 1
    return reshape(build, build(Slice(), value, begin, size), [*value.shape[:axis], *value.shape[axis + 1 :]])
