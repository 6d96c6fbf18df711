"""One number out of many, along some dimensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.channels import Together
from octavo.ir.graph import Node, Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, LOOPS, Kernels, Observed, Plain, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._elementwise import FLOAT_INT, emit


@operation
class Reduction(Op):
    """`axis` is a vector of dimensions; they are kept with length 1, or taken out."""

    keep_dims: bool = False

    reduce: ClassVar[Callable[..., Any]]
    """The function of an array, `axis` and `keepdims`."""
    dtypes: ClassVar[tuple[str, ...]] = FLOAT_INT
    """What the LiteRT kernel computes, apart from quantized numbers."""
    versions: ClassVar[Mapping[str, int]] = {"int8": 2, "int16": 3}
    """By the dtype of the input (`op_version.cc` of LiteRT)."""

    def infer(self, input: Value, axis: Value) -> Type:
        """The shape without these dimensions, or with 1 in their place.

        Raises:
            ValueError: the axes are unknown or not within the rank.
        """
        gone = _axes(axis, input.rank)
        kept = (
            1 if axis in gone else dim for axis, dim in enumerate(input.shape) if self.keep_dims or axis not in gone
        )
        return Type(input.dtype, tuple(kept))

    def evaluate(self, input: Array, axis: Array) -> Array:
        """The function over all axes at once."""
        axes = tuple(int(number) % input.ndim for number in axis.ravel())
        result = np.asarray(type(self).reduce(input, axis=axes, keepdims=self.keep_dims))
        return result if input.dtype == object else result.astype(input.dtype)

    ports: ClassVar = {"input": Observed(), "axis": Plain(), "output": Observed()}
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """By the dtype of the input."""
        return self.versions.get(node.output.dtype.name, 1)


@operation
class Average(Reduction):
    """A sum, or a part of one: a factor on each channel goes through, unless channels are summed."""

    def channels(self, node: Node) -> Together | None:
        """Channels stay apart where the last dimension is not among the axes."""
        input, axis = node.inputs
        assert input is not None
        assert axis is not None
        return None if input.rank - 1 in _axes(axis, input.rank) else Together()


@operation
class Mean(Average):
    """The arithmetic mean; of integers, rounded towards zero."""

    code: ClassVar = "MEAN"
    kernels: ClassVar = Kernels(int8="", int16="", loops_int16=LOOPS)

    @lowers("tf.Mean")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """The axes must be known."""
        return _reduce(source, build, Mean)

    @staticmethod
    def reduce(input: Array, *, axis: tuple[int, ...], keepdims: bool) -> Array:
        """The mean."""
        mean = np.mean(input, axis=axis, keepdims=keepdims)
        return np.trunc(mean) if input.dtype.kind in "iu" else np.asarray(mean)


@operation
class Sum(Average):
    """The sum."""

    code: ClassVar = "SUM"
    reduce: ClassVar = np.sum
    symbolic: ClassVar = True
    versions: ClassVar = {"int8": 2}

    @lowers("tf.Sum")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """The axes must be known."""
        return _reduce(source, build, Sum)

    @lowers("tf.EuclideanNorm")
    @staticmethod
    def from_tf_norm(source: Source, build: Builder) -> Value:
        """The root of the sum of squares."""
        from octavo.ops.binary import Mul
        from octavo.ops.unary import Sqrt

        value = source.inputs[0]
        squares = emit(build, Mul(), value, value)
        return emit(
            build, Sqrt(), _reduced(build, Sum(keep_dims=source.attr("keep_dims", bool)), squares, _given(source))
        )

    @lowers("tf.L2Loss")
    @staticmethod
    def from_tf_loss(source: Source, build: Builder) -> Value:
        """Half the sum of squares."""
        from octavo.ops.binary import Mul

        (value,) = source.inputs
        total = _reduced(build, Sum(), emit(build, Mul(), value, value), range(value.rank))
        return emit(build, Mul(), total, np.array(0.5, value.dtype))


@operation
class ReduceProd(Reduction):
    """The product."""

    code: ClassVar = "REDUCE_PROD"
    reduce: ClassVar = np.prod
    symbolic: ClassVar = True
    versions: ClassVar = {"int8": 2, "int16": 2}

    @lowers("tf.Prod")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """The axes must be known."""
        return _reduce(source, build, ReduceProd)


@operation
class Extreme(Reduction):
    """One of the elements, so input and output share one scale."""

    symbolic: ClassVar = True
    dtypes: ClassVar = (*FLOAT_INT, "uint8", "int8", "int16")
    ports: ClassVar = {"input": Observed(), "axis": Plain(), "output": SameAs("input")}


@operation
class ReduceMax(Extreme):
    """The greatest."""

    code: ClassVar = "REDUCE_MAX"
    reduce: ClassVar = np.max

    @lowers("tf.Max")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """The axes must be known."""
        return _reduce(source, build, ReduceMax)


@operation
class ReduceMin(Extreme):
    """The smallest."""

    code: ClassVar = "REDUCE_MIN"
    reduce: ClassVar = np.min

    @lowers("tf.Min")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """The axes must be known."""
        return _reduce(source, build, ReduceMin)


@operation
class Truth(Reduction):
    """A truth value out of many."""

    dtypes: ClassVar = ("bool",)
    versions: ClassVar = {}
    ports: ClassVar = {"input": Plain(), "axis": Plain(), "output": Plain()}
    kernels: ClassVar = Kernels()


@operation
class ReduceAny(Truth):
    """Whether at least one is true."""

    code: ClassVar = "REDUCE_ANY"
    reduce: ClassVar = np.any

    @lowers("tf.Any")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """The axes must be known."""
        return _reduce(source, build, ReduceAny)


@operation
class ReduceAll(Truth):
    """Whether all are true."""

    code: ClassVar = "REDUCE_ALL"
    reduce: ClassVar = np.all

    @lowers("tf.All")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """The axes must be known."""
        return _reduce(source, build, ReduceAll)


def _reduce(source: Source, build: Builder, op: type[Reduction]) -> Value:
    return _reduced(build, op(keep_dims=source.attr("keep_dims", bool)), source.inputs[0], _given(source))


def _given(source: Source) -> Sequence[int]:
    axes: list[int] = source.const(1, "axes").ravel().tolist()
    return axes


def _reduced(build: Builder, op: Reduction, value: Value, axes: Sequence[int]) -> Value:
    """Along no dimension there is nothing to reduce. The axes count from the front, in order, each once."""
    if not axes:
        return value
    ordered = sorted({axis % value.rank for axis in axes})
    result = build(op, value, np.array(ordered, np.int32))
    if result.producer is not None and result.dims is None and value.dtype.name not in op.dtypes:
        raise NotLoweredError(f"LiteRT has no {op.code} for {value.dtype.name}")
    return result


def _axes(axis: Value, rank: int) -> set[int]:
    if axis.const is None:
        raise ValueError("the axes must be known before the model runs")
    axes = [int(number) for number in axis.const.ravel()]
    if any(not -rank <= number < rank for number in axes):
        raise ValueError(f"axes {axes} are not within {rank} dimensions")
    return {number % rank for number in axes}
