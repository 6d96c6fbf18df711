"""The same elements under another shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.channels import Together
from octavo.ir.dim import Dim, product
from octavo.ir.graph import Node, Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Observed, Plain, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops.cast import cast
from octavo.ops.shape import known_dims, opened, runtime_dims


@operation
class Reshape(Op):
    """`shape` is a vector; at most one −1 in it stands for what is left. Without it, `new_shape` counts."""

    new_shape: tuple[int, ...] = ()

    code: ClassVar = "RESHAPE"
    moves: ClassVar = True
    symbolic: ClassVar = True

    @lowers("tf.Reshape")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """The shape, in terms of the input's dimensions, becomes a constant wherever −1 can stand for the rest.

        A shape that these do not tell is computed as the source computes it.
        """
        value, shape = source.inputs
        dims = known_dims(opened(shape), "the new shape")
        try:
            return reshape(build, value, dims)
        except NotLoweredError:
            return build(Reshape(), value, cast(build, shape, np.dtype(np.int32)))

    def infer(self, input: Value, shape: Value | None = None) -> Type:
        """The new shape, with the −1 resolved.

        Raises:
            ValueError: the shape is unknown, or has another number of elements than the input.
        """
        dims = list(self.new_shape) if shape is None else known_dims(shape, "the new shape")
        return Type(input.dtype, resolve(input.shape, dims))

    def evaluate(self, input: Array, shape: Array | None = None) -> Array:
        """A view where possible."""
        dims = self.new_shape if shape is None else [int(dim) for dim in shape]
        return input.reshape(dims)

    ports: ClassVar = {"input": Observed(), "shape?": Plain(), "output": SameAs("input")}
    kernels: ClassVar = INT8_AND_INT16

    def channels(self, node: Node) -> Together:  # noqa: ARG002  # whatever surrounds it
        """The last dimension stays so, or is cut or repeated as a whole; where it is not, lengths tell."""
        return Together()


def reshape(build: Builder, value: Value, dims: Sequence[Dim], *others: Value) -> Value:
    """`value` with the shape `dims` (one −1 at most); itself when it has that shape already.

    The shape operand is a constant when at most one dimension is known only at run time. Dimensions that `value` does
    not tell are computed from the shapes of `others`.
    """
    resolved = resolve(value.shape, dims)
    if resolved == value.shape:
        return value
    if sum(not isinstance(dim, int) for dim in resolved) > 1 or (0 in resolved and -1 in dims):
        return build(Reshape(), value, runtime_dims(build, resolved, value, *others))
    numbers = [dim if isinstance(dim, int) else -1 for dim in resolved]
    return build(Reshape(), value, np.array(numbers, np.int32))


def resolve(shape: Sequence[Dim], dims: Sequence[Dim]) -> tuple[Dim, ...]:
    """`dims` with the number that −1 stands for when a tensor of `shape` takes them.

    Raises:
        ValueError: the numbers of elements differ, or more than one dimension is −1.
    """
    total, open_axes = product(shape), [axis for axis, dim in enumerate(dims) if dim == -1]
    if len(open_axes) > 1:
        raise ValueError(f"more than one dimension of {list(dims)} is open")
    rest = product(dim for dim in dims if dim != -1)
    if not open_axes:
        return _settle(total, rest, shape, dims)
    missing = total // rest if rest != 0 else 0
    if isinstance(missing, int) and isinstance(rest, int) and isinstance(total, int) and missing * rest != total:
        raise ValueError(f"{list(shape)} does not fit into {list(dims)}")
    return tuple(missing if dim == -1 else dim for dim in dims)


def _settle(total: Dim, rest: Dim, shape: Sequence[Dim], dims: Sequence[Dim]) -> tuple[Dim, ...]:
    """`dims` without a −1. Lengths that are known only at run time may turn out to agree."""
    if isinstance(total, int) and isinstance(rest, int) and total != rest:
        raise ValueError(f"{list(shape)} has {total} elements, {list(dims)} has {rest}")
    return tuple(dims)
