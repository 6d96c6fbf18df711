"""Cutting a tensor into parts along one dimension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Observed, Plain, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops.cast import cast
from octavo.ops.shape import known_dims, opened


@operation
class Split(Op):
    """`num_splits` parts of one length along `axis`, a scalar."""

    num_splits: int = 0

    code: ClassVar = "SPLIT"
    moves: ClassVar = False  # the elements are those of the second operand
    divides: ClassVar = True
    symbolic: ClassVar = True

    @lowers("tf.Split")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> tuple[Value, ...]:
        """The axis must be known."""
        parts = source.attr("num_split", int)
        axis = int(source.const(0, "axis").item())
        if parts == 1:
            return (source.inputs[1],)
        return build.many(Split(num_splits=parts), np.array(axis, np.int32), source.inputs[1])

    def infer(self, axis: Value, value: Value) -> tuple[Type, ...]:
        """Parts of one shape.

        Raises:
            ValueError: the axis is unknown, or its length is no multiple of the number of parts.
        """
        place = _axis(axis, value)
        length = value.shape[place]
        if isinstance(length, int) and length % self.num_splits:
            raise ValueError(f"a length of {length} cannot be cut into {self.num_splits} parts")
        shape = (*value.shape[:place], length // self.num_splits, *value.shape[place + 1 :])
        return (Type(value.dtype, shape),) * self.num_splits

    def evaluate(self, axis: Array, value: Array) -> tuple[Array, ...]:
        """Views."""
        return tuple(np.split(value, self.num_splits, axis=int(axis.item())))

    ports: ClassVar = {"axis": Plain(), "value": Observed(), "output*": SameAs("value")}
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """int8 2, int32 3, int16 4 (`op_version.cc` of LiteRT)."""
        return {"int8": 2, "int32": 3, "int16": 4}.get(node.outputs[0].dtype.name, 1)


@operation
class SplitV(Op):
    """Parts as long as `size_splits` says; one −1 in it stands for what is left."""

    num_splits: int = 0

    code: ClassVar = "SPLIT_V"
    symbolic: ClassVar = True

    @lowers("tf.SplitV")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> tuple[Value, ...]:
        """Equal parts need no list of lengths."""
        value, lengths, axis = source.inputs[0], source.inputs[1], int(source.const(2, "axis").item())
        if lengths.shape == (1,):
            return (value,)
        sizes = lengths.const
        if sizes is None:
            lengths = opened(cast(build, lengths, np.dtype(np.int32)))
            return build.many(SplitV(num_splits=int(lengths.shape[0])), value, lengths, np.array(axis, np.int32))
        if len(set(sizes.tolist())) == 1:
            return build.many(Split(num_splits=len(sizes)), np.array(axis, np.int32), value)
        return build.many(SplitV(num_splits=len(sizes)), value, sizes.astype(np.int32), np.array(axis, np.int32))

    def infer(self, value: Value, size_splits: Value, axis: Value) -> tuple[Type, ...]:
        """Parts of these lengths.

        Raises:
            ValueError: the lengths or the axis are unknown, or the lengths do not add up.
        """
        place = _axis(axis, value)
        sizes = known_dims(size_splits, "the lengths of the parts")
        length, given = value.shape[place], sum((size for size in sizes if size != -1), 0)
        if (
            isinstance(length, int)
            and isinstance(given, int)
            and (given > length or (given < length and -1 not in sizes))
        ):
            raise ValueError(f"parts of {sizes} do not make up a length of {length}")
        shapes = [(*value.shape[:place], length - given if s == -1 else s, *value.shape[place + 1 :]) for s in sizes]
        return tuple(Type(value.dtype, shape) for shape in shapes)

    def evaluate(self, value: Array, size_splits: Array, axis: Array) -> tuple[Array, ...]:
        """Views."""
        place = int(axis.item())
        return tuple(np.split(value, _ends(size_splits.tolist(), value.shape[place])[:-1], axis=place))

    ports: ClassVar = {"value": Observed(), "size_splits": Plain(), "axis": Plain(), "output*": SameAs("value")}
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """int8 2 (`op_version.cc` of LiteRT)."""
        return 2 if node.outputs[0].dtype.name == "int8" else 1


def _axis(axis: Value, value: Value) -> int:
    if axis.const is None:
        raise ValueError("the axis must be known before the model runs")
    return int(axis.const.item()) % value.rank


def _ends(sizes: Sequence[int], length: int) -> Sequence[int]:
    given = sum(size for size in sizes if size != -1)
    ends: list[int] = np.cumsum([length - given if size == -1 else size for size in sizes]).tolist()
    return ends
