"""Elements picked by their positions."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.dim import Dim
from octavo.ir.graph import Node, Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Observed, Plain, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops.reshape import reshape

_TYPES = ("float32", "uint8", "int8", "int16", "int32", "int64", "bool", "object")


@operation
class Gather(Op):
    """Slices of `input` along `axis` at `positions`; the first `batch_dims` dimensions of both go together."""

    axis: int = 0
    batch_dims: int = 0

    code: ClassVar = "GATHER"
    moves: ClassVar = True
    symbolic: ClassVar = True

    @lowers("tf.GatherV2")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """The axis is an operand, and may count from the end."""
        axis = int(source.const(2, "axis"))
        return _gather(source, build, axis=axis % source.inputs[0].rank, batch_dims=source.attr("batch_dims", int))

    @lowers("tf.Gather")
    @staticmethod
    def from_tf_first(source: Source, build: Builder) -> Value:
        """The old form picks along the first dimension."""
        return _gather(source, build, axis=0, batch_dims=0)

    @lowers("tf.ResourceGather")
    @staticmethod
    def from_tf_resource(source: Source, build: Builder) -> Value:
        """A variable is picked from along the first dimension that is not one of the batch."""
        batch_dims = source.attr("batch_dims", int)
        return _gather(source, build, axis=batch_dims, batch_dims=batch_dims)

    def infer(self, input: Value, positions: Value) -> Type:
        """The input's shape, with those dimensions of the positions that are not the batch in place of the axis.

        Raises:
            ValueError: the axis lies outside the input, or inside the batch.
        """
        axis = self.axis % max(input.rank, 1)
        if not 0 <= self.batch_dims <= min(axis, positions.rank) or axis >= input.rank:
            raise ValueError(f"axis {self.axis} after {self.batch_dims} of the batch does not fit {input.type}")
        picked = positions.shape[self.batch_dims :]
        return Type(input.dtype, (*input.shape[:axis], *picked, *input.shape[axis + 1 :]))

    def evaluate(self, input: Array, positions: Array) -> Array:
        """Flattened to [batch, outer, axis, inner], so that one look-up serves all forms."""
        axis, count = self.axis % input.ndim, self.batch_dims
        positions = positions.astype(np.int64)
        flat = input.reshape(*_sizes(input.shape[:count], input.shape[count:axis]), input.shape[axis],
                             *_sizes(input.shape[axis + 1 :]))  # fmt: skip
        where = positions.reshape(flat.shape[0], -1)
        picked = np.moveaxis(flat, 2, 1)[np.arange(len(flat))[:, None], where]
        shape = (*input.shape[:axis], *positions.shape[count:], *input.shape[axis + 1 :])
        return np.moveaxis(picked, 1, 2).reshape(shape)

    ports: ClassVar = {"input": Observed(), "positions": Plain(), "output": SameAs("input")}
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """int8 2, bool 3, int16 4, batch dimensions 5, int16 positions 6, int4 7 (`op_version.cc` of LiteRT)."""
        input, positions = (value for value in node.inputs if value is not None)
        if input.dtype.name == "int4":
            return 7
        if positions.dtype == np.int16:
            return 6
        return 5 if self.batch_dims else {"int8": 2, "bool": 3, "int16": 4}.get(input.dtype.name, 1)


@operation
class GatherNd(Op):
    """Elements or slices of `params` at places given by all numbers along the last dimension of `indices`."""

    code: ClassVar = "GATHER_ND"
    moves: ClassVar = True

    @lowers("tf.GatherNd", "tf.ResourceGatherNd")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        _require_kernel(source.inputs[0])
        return build(GatherNd(), source.inputs[0], narrow(source.inputs[1]))

    def infer(self, params: Value, indices: Value) -> Type:
        """The places' shape, then that of a slice.

        Raises:
            ValueError: a place has more numbers than `params` has dimensions.
        """
        depth = indices.shape[-1]
        if not isinstance(depth, int) or depth > params.rank:
            raise ValueError(f"places of {depth} numbers do not fit {params.type}")
        return Type(params.dtype, (*indices.shape[:-1], *params.shape[depth:]))

    def evaluate(self, params: Array, indices: Array) -> Array:
        """One look-up."""
        picked: Array = params[tuple(np.moveaxis(indices, -1, 0))]
        return picked

    ports: ClassVar = {"params": Observed(), "indices": Plain(), "output": SameAs("params")}
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """Strings 2, int16 3, int16 indices 4, bool 5 (`op_version.cc` of LiteRT)."""
        params, indices = (value for value in node.inputs if value is not None)
        if params.dtype == np.bool_:
            return 5
        return 4 if indices.dtype == np.int16 else {"object": 2, "int16": 3}.get(params.dtype.name, 1)


def narrow(indices: Value) -> Value | Array:
    """Constant indices as int32, which is half the size; others as they are."""
    return indices if indices.const is None else indices.const.astype(np.int32)


def _gather(source: Source, build: Builder, *, axis: int, batch_dims: int) -> Value:
    input, indices = source.inputs[:2]
    if batch_dims == 0 and _names_all(indices, input.shape[axis]):
        return reshape(build, input, [*input.shape[:axis], *indices.shape, *input.shape[axis + 1 :]])
    op = Gather(axis=axis, batch_dims=batch_dims % (indices.rank + 1) if batch_dims < 0 else batch_dims)
    picked = build(op, input, narrow(indices))
    if picked.producer is not None and picked.dims is None:
        _require_kernel(input)
    return picked


def _names_all(indices: Value, length: Dim) -> bool:
    """Whether the indices are those of a dimension, each once and in order."""
    known = indices.const
    return known is not None and known.size == length and np.array_equal(known.ravel(), np.arange(known.size))


def _require_kernel(input: Value) -> None:
    if input.dtype.name not in _TYPES:
        raise NotLoweredError(f"LiteRT picks no elements of {input.dtype.name}")


def _sizes(*shapes: tuple[int, ...]) -> list[int]:
    return [int(np.prod(shape, dtype=np.int64)) for shape in shapes]
