"""A block of a tensor, by where it begins and how large it is."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.dim import Dim, UndecidedError
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Observed, Plain, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops.shape import known_dims, opened


@operation
class Slice(Op):
    """`begin` and `size` have a number for each dimension; a size of −1 reaches to the end."""

    code: ClassVar = "SLICE"
    moves: ClassVar = True
    symbolic: ClassVar = True

    @lowers("tf.Slice")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """A size that reaches to the end is −1, so that it stays a constant when the dimension is not."""
        value, begin, size = source.inputs
        if begin.known is None or size.known is None:
            return build(Slice(), value, opened(begin), opened(size))
        begins, sizes = known_dims(begin, "the beginning"), known_dims(size, "the size")
        sizes = [-1 if s == dim - b else s for b, s, dim in zip(begins, sizes, value.shape, strict=True)]
        if not any(begins) and all(s == -1 for s in sizes):
            return value
        return build(Slice(), value, _constant(begins, begin), _constant(sizes, size))

    def infer(self, input: Value, begin: Value, size: Value) -> Type:
        """The block's shape.

        Raises:
            ValueError: the size is unknown, or the block does not fit into the input.
        """
        sizes = known_dims(size, "the size of the slice")
        begins = known_dims(begin, "its beginning") if -1 in sizes or begin.known is not None else None
        shape = tuple(
            dim - begins[axis] if s == -1 and begins is not None else s
            for axis, (s, dim) in enumerate(zip(sizes, input.shape, strict=True))
        )
        for axis, (length, dim) in enumerate(zip(shape, input.shape, strict=True)):
            if isinstance(dim, int) and isinstance(length, int) and not 0 <= length <= dim:
                raise ValueError(f"a slice of {length} does not fit into dimension {axis} of {input.type}")
        return Type(input.dtype, shape)

    def evaluate(self, input: Array, begin: Array, size: Array) -> Array:
        """A view."""
        spans = zip(begin.tolist(), size.tolist(), strict=True)
        return input[tuple(slice(int(b), None if s == -1 else int(b) + int(s)) for b, s in spans)]

    ports: ClassVar = {"input": Observed(), "begin": Plain(), "size": Plain(), "output": SameAs("input")}
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """int8 2, string 3, int16 4, five dimensions 5, uint32 6, int4 7 (`op_version.cc` of LiteRT)."""
        name = node.output.dtype.name
        narrow = {"int8": 2, "object": 3, "int16": 4}.get(name, 1)
        return {"uint32": 6, "int4": 7}.get(name, 5 if node.output.rank > 4 else narrow)


def _constant(dims: list[Dim], given: Value) -> Value | Array:
    """The numbers as a constant when all are known."""
    try:
        return np.array([int(dim) for dim in dims], np.int32)
    except UndecidedError:
        return given
