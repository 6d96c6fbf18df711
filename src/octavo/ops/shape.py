"""The shape of a tensor, as a tensor; dimensions that are known only at run time, as a tensor."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import reduce
from typing import ClassVar, Final

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.dim import Dim, Symbolic, linear, number, symbol, symbols
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Observed, Plain
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.schema.enums import TensorType

_FEW: Final = 64
"""More numbers than this are no shape, nor a list of paddings."""


@operation
class Shape(Op):
    """A vector of the lengths of all dimensions."""

    out_type: TensorType = TensorType.INT32

    code: ClassVar = "SHAPE"
    measures: ClassVar = True

    @lowers("tf.Shape")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's."""
        return _shape(source, build, source.inputs[0])

    @lowers("tf.ShapeN")
    @staticmethod
    def from_tf_many(source: Source, build: Builder) -> tuple[Value, ...]:
        """The shape of each input."""
        return tuple(_shape(source, build, value) for value in source.inputs)

    @lowers("tf.Size")
    @staticmethod
    def from_tf_size(source: Source, build: Builder) -> Value:
        """The product of the shape."""
        from octavo.ops.reduce import ReduceProd

        return build(ReduceProd(), _shape(source, build, source.inputs[0]), np.array([0], np.int32))

    def infer(self, input: Value) -> Type:
        """A vector as long as the input's rank."""
        return Type(np.dtype(np.int64 if self.out_type is TensorType.INT64 else np.int32), (input.rank,))

    def evaluate(self, input: Array) -> Array:
        """The lengths."""
        return np.array(input.shape, np.int64 if self.out_type is TensorType.INT64 else np.int32)

    def known(self, *inputs: Value | None) -> tuple[Array, ...]:
        """A shape is known, whatever the numbers are: at least in terms of the dimensions known at run time."""
        (input,) = inputs
        assert input is not None
        return (np.array(input.shape, np.int64 if input.type.is_static else object),)

    ports: ClassVar = {"input": Observed(), "output": Plain()}
    kernels: ClassVar = INT8_AND_INT16


@operation
class Rank(Op):
    """The number of dimensions, a scalar."""

    code: ClassVar = "RANK"
    measures: ClassVar = True

    @lowers("tf.Rank")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """Ranks are always known."""
        return build.const(source.inputs[0].rank)

    def infer(self, input: Value) -> Type:  # noqa: ARG002  # the rank is a number, not a type
        """A scalar."""
        return Type(np.dtype(np.int32), ())

    def evaluate(self, input: Array) -> Array:
        """The rank."""
        return np.array(input.ndim, np.int32)

    ports: ClassVar = {"input": Observed(), "output": Plain()}
    kernels: ClassVar = INT8_AND_INT16


def runtime_dims(build: Builder, dims: Sequence[Dim], *likes: Value) -> Value:
    """`dims` as an int32 vector, computed at run time from the shapes of `likes` where need be.

    Raises:
        NotLoweredError: a symbol cannot be told from any dimension of theirs.
    """
    from octavo.ops.concatenation import Concatenation
    from octavo.ops.reshape import reshape

    if all(isinstance(dim, int) for dim in dims):
        return build.const(np.array(dims, np.int32))
    scalars = [reshape(build, _dim(build, dim, likes), [1]) for dim in dims]
    return scalars[0] if len(scalars) == 1 else build(Concatenation(axis=0), *scalars)


def _dim(build: Builder, dim: Dim, likes: Sequence[Value]) -> Value:
    """One dimension as a vector of one element."""
    from octavo.ops.binary import Add, Mul

    if isinstance(dim, int):
        return build.const(np.array([dim], np.int32))
    if (found := _stands(build, dim, likes)) is not None:
        return found
    terms: list[Value] = []
    for factors, coefficient in dim.terms.items():
        lengths = [_symbol(build, name, likes) for name in factors]
        number = build.const(np.array([coefficient], np.int32))
        terms.append(
            reduce(lambda a, b: build(Mul(), a, b), lengths if coefficient == 1 and lengths else [*lengths, number])
        )
    return reduce(lambda a, b: build(Add(), a, b), terms)


def _stands(build: Builder, dim: Dim, likes: Sequence[Value]) -> Value | None:
    """The dimension where it stands as it is, a vector of one element; None where it stands nowhere."""
    like = next((like for like in likes if dim in like.shape), None)
    return None if like is None else _length(build, like, like.shape.index(dim))


def _symbol(build: Builder, name: str, likes: Sequence[Value]) -> Value:
    """The length of a symbol: as it stands, or out of `factor · symbol + rest` when all else there stands somewhere."""
    from octavo.ops.binary import Div, Sub

    if (found := _stands(build, symbol(name), likes)) is not None:
        return found
    for like in likes:
        for axis, dim in enumerate(like.shape):
            factor, rest = linear(dim, name)
            others = {symbol(other) for part in (factor, rest) for other in symbols(part)}
            if factor == 0 or not all(any(other in each.shape for each in likes) for other in others):
                continue
            length = _length(build, like, axis)
            length = length if rest == 0 else build(Sub(), length, _dim(build, rest, likes))
            return length if factor == 1 else build(Div(), length, _dim(build, factor, likes))
    types = ", ".join(str(like.type) for like in likes)
    raise NotLoweredError(f"the dimension {name} cannot be computed from {types}")


def _length(build: Builder, value: Value, axis: int) -> Value:
    """The length of one dimension, a vector of one element."""
    from octavo.ops.slice import Slice

    return build(Slice(), build(Shape(), value), np.array([axis], np.int32), np.array([1], np.int32))


def _shape(source: Source, build: Builder, value: Value) -> Value:
    wide = source.dtype("out_type") == np.int64
    return build(Shape(out_type=TensorType.INT64 if wide else TensorType.INT32), value)


def opened(value: Value) -> Value:
    """The value itself, with symbols for those of its integers of which nothing is known before the model runs.

    What was computed of others is known in terms of them, so that equal lengths have equal symbols.
    """
    if value.known is None and value.type.is_static and math.prod(map(int, value.shape)) <= _FEW:
        value.dims = _in_terms(value)
        if value.dims is None and value.dtype.kind in "iu":
            name = re.sub(r"\W", "_", f"n_{value.name}")
            names = (
                [name] if value.rank == 0 else [f"{name}_{place}" for place in range(math.prod(map(int, value.shape)))]
            )
            value.dims = np.array([number(each) for each in names], object).reshape(value.type.shape)
    return value


def _in_terms(value: Value) -> Array | None:
    """What the numbers are in terms of what they were computed of; None where that cannot be said."""
    node = value.producer
    if node is None or not node.op.symbolic:
        return None
    for each in node.inputs:
        if each is not None:
            opened(each)
    known = node.op.known(*node.inputs)
    return None if known is None else np.asarray(known[node.outputs.index(value)]).astype(object)


def known_dims(value: Value, what: str) -> list[Dim]:
    """The numbers of a vector of dimensions, as far as they are known before the model runs.

    Raises:
        ValueError: nothing is known of them; the message calls them `what`.
    """
    if value.known is None:
        raise ValueError(f"{what} must be known before the model runs, at least in terms of other dimensions")
    return [dim if isinstance(dim, Symbolic) else int(dim) for dim in value.known.ravel()]
