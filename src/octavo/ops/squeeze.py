"""Taking out dimensions of length 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from octavo.ir.build import Builder, Source
from octavo.ir.dim import Dim
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Observed, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops.reshape import reshape


@operation
class Squeeze(Op):
    """`squeeze_dims` names the dimensions to take out; empty means every one of length 1."""

    squeeze_dims: tuple[int, ...] = ()

    code: ClassVar = "SQUEEZE"
    moves: ClassVar = True
    symbolic: ClassVar = True

    @lowers("tf.Squeeze")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """A RESHAPE, which other reshapes merge with; a SQUEEZE where several dimensions are known at run time only."""
        (value,) = source.inputs
        return squeeze(build, value, source.ints("squeeze_dims"))

    def infer(self, input: Value) -> Type:
        """The shape without these dimensions.

        Raises:
            ValueError: one of them is not of length 1.
        """
        return Type(input.dtype, _kept(input.shape, self.squeeze_dims))

    def evaluate(self, input: Array) -> Array:
        """A view."""
        return input.reshape(_kept(input.shape, self.squeeze_dims))

    ports: ClassVar = {"input": Observed(), "output": SameAs("input")}
    kernels: ClassVar = INT8_AND_INT16


def squeeze(build: Builder, value: Value, axes: Sequence[int]) -> Value:
    """`value` without the dimensions `axes`; without every dimension of length 1 when there are none.

    Raises:
        NotLoweredError: which dimensions have length 1 is known only at run time.
    """
    open_dims = [dim for dim in value.shape if not isinstance(dim, int)]
    if open_dims and not axes:
        raise NotLoweredError(f"which of {', '.join(map(str, open_dims))} have length 1 is known only at run time")
    if len(open_dims) > 1:
        return build(Squeeze(squeeze_dims=tuple(axis % value.rank for axis in axes)), value)
    return reshape(build, value, _kept(value.shape, axes))


def _kept(shape: Sequence[Dim], axes: Sequence[int]) -> tuple[Dim, ...]:
    gone = {axis % len(shape) for axis in axes} or {axis for axis, dim in enumerate(shape) if dim == 1}
    if any(isinstance(shape[axis], int) and shape[axis] != 1 for axis in gone):
        raise ValueError(f"dimensions {sorted(gone)} of {list(shape)} do not all have length 1")
    return tuple(dim for axis, dim in enumerate(shape) if axis not in gone)
