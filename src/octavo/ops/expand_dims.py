"""Putting in a dimension of length 1."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.dim import Dim
from octavo.ir.graph import Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Observed, Plain, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops.reshape import reshape


@operation
class ExpandDims(Op):
    """`axis`, a scalar, is where the new dimension stands in the output."""

    code: ClassVar = "EXPAND_DIMS"
    moves: ClassVar = True
    symbolic: ClassVar = True

    @lowers("tf.ExpandDims")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """The axis must be known."""
        return expand_dims(build, source.inputs[0], int(source.const(1, "axis").item()))

    def infer(self, input: Value, axis: Value) -> Type:
        """The shape with a 1 more.

        Raises:
            ValueError: the axis is unknown, or not within the rank.
        """
        if axis.const is None:
            raise ValueError("the axis must be known before the model runs")
        return Type(input.dtype, _expanded(input.shape, int(axis.const.item())))

    def evaluate(self, input: Array, axis: Array) -> Array:
        """A view."""
        return np.expand_dims(input, int(axis.item()))

    ports: ClassVar = {"input": Observed(), "dim": Plain(), "output": SameAs("input")}
    kernels: ClassVar = INT8_AND_INT16


def expand_dims(build: Builder, value: Value, axis: int) -> Value:
    """`value` with a dimension of length 1 at `axis`: a RESHAPE where that needs no shape at run time."""
    if sum(not isinstance(dim, int) for dim in value.shape) > 1:
        return build(ExpandDims(), value, np.array(axis, np.int32))
    return reshape(build, value, _expanded(value.shape, axis))


def _expanded(shape: tuple[Dim, ...], axis: int) -> tuple[Dim, ...]:
    if not -len(shape) - 1 <= axis <= len(shape):
        raise ValueError(f"axis {axis} is not within {list(shape)}")
    place = axis % (len(shape) + 1)
    return (*shape[:place], 1, *shape[place:])
