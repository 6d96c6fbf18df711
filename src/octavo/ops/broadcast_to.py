"""A tensor stretched to a shape, and the shape that two shapes stretch to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.dim import Dim
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Observed, Plain, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._broadcast import broadcast
from octavo.ops.reshape import reshape
from octavo.ops.shape import known_dims, opened, runtime_dims
from octavo.ops.tile import Tile


@operation
class BroadcastTo(Op):
    """Dimensions of length 1, and those that the input lacks in front, take the lengths that `shape` says."""

    code: ClassVar = "BROADCAST_TO"
    moves: ClassVar = True
    symbolic: ClassVar = True

    @lowers("tf.BroadcastTo")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """A TILE where only known lengths stretch, since it needs no shape at run time."""
        value, shape = source.inputs
        return broadcast_to(build, value, known_dims(opened(shape), "the shape"), shape)

    def infer(self, input: Value, shape: Value) -> Type:
        """The new shape.

        Raises:
            ValueError: it is unknown, or the input does not stretch to it.
        """
        dims = tuple(known_dims(shape, "the shape to stretch to"))
        stretched = broadcast(input.shape, dims)
        if len(stretched) > len(dims) or any(
            s != d for s, d in zip(stretched, dims, strict=True) if isinstance(d, int)
        ):
            raise ValueError(f"{input.type} does not stretch to {list(dims)}")
        return Type(input.dtype, dims)

    def evaluate(self, input: Array, shape: Array) -> Array:
        """A view."""
        return np.broadcast_to(input, [int(dim) for dim in shape])

    ports: ClassVar = {"input": Observed(), "shape": Plain(), "output": SameAs("input")}
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """The first version was withdrawn; quantized since 3 (`op_version.cc` of LiteRT)."""
        return 3 if node.output.dtype.name in ("int8", "int16") else 2


@operation
class BroadcastArgs(Op):
    """The shape that two shapes, given as vectors, stretch to."""

    code: ClassVar = "BROADCAST_ARGS"

    @lowers("tf.BroadcastArgs")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return build(BroadcastArgs(), *source.inputs)

    def infer(self, shape1: Value, shape2: Value) -> Type:
        """A vector as long as the longer one."""
        lengths = [int(value.shape[0]) for value in (shape1, shape2)]
        return Type(shape1.dtype, (max(lengths),))

    def evaluate(self, shape1: Array, shape2: Array) -> Array:
        """As in numpy."""
        return np.array(broadcast(tuple(shape1.tolist()), tuple(shape2.tolist())), shape1.dtype)

    def known(self, *inputs: Value | None) -> tuple[Array, ...] | None:
        """Known in terms of the dimensions known at run time."""
        if any(value is None or value.known is None for value in inputs):
            return None
        dims = broadcast(*(tuple(known_dims(value, "a shape")) for value in inputs if value is not None))
        return (np.array(dims, object),)

    ports: ClassVar = {"shape1": Plain(), "shape2": Plain(), "output": Plain()}


def broadcast_to(build: Builder, value: Value, dims: Sequence[Dim], shape: Value) -> Value:
    """`value` stretched to `dims`, which `shape` holds at run time; itself when it has that shape."""
    if value.shape == tuple(dims):
        return value
    old = (*([1] * (len(dims) - value.rank)), *value.shape)
    factors = [1 if one == other else other if one == 1 else None for one, other in zip(old, dims, strict=True)]
    if all(isinstance(factor, int) for factor in factors) and not value.type.is_static:
        return build(Tile(), reshape(build, value, old), np.array(factors, np.int32))
    return build(BroadcastTo(), value, shape)


def stretch(build: Builder, value: Value, other: Value) -> Value:
    """`value` in the shape that it and `other` stretch to, for kernels that do not broadcast."""
    dims = broadcast(value.shape, other.shape)
    return value if value.shape == dims else broadcast_to(build, value, dims, runtime_dims(build, dims, other))
