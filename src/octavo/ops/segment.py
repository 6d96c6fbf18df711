"""Rows that belong together made one: their sum, product, largest or smallest number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.dim import some
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import Kernels, Observed, Plain
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops.binary import Mul
from octavo.ops.cast import cast
from octavo.ops.reshape import reshape
from octavo.ops.select import SelectV2
from octavo.ops.shape import known_dims, opened

SEGMENTS = some("segments")
"""How many segments there are where the numbers of the rows are known only at run time."""
_INT32 = np.dtype(np.int32)


@operation
class SegmentSum(Op):
    """The sum of the rows of `data` that have the same number; each number is that before, or one more."""

    code: ClassVar = "SEGMENT_SUM"

    @lowers("tf.SegmentSum")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """Known numbers may leave some out, which the kernel of sorted ones refuses."""
        data, numbers = source.inputs
        require_summable(data)
        if numbers.const is not None:
            return unsorted(build, UnsortedSegmentSum(), data, numbers, build.const(numbers.const[-1] + 1))
        return build(SegmentSum(), data, cast(build, numbers, _INT32))

    def infer(self, data: Value, segment_ids: Value) -> Type:
        """A row for each number up to the last."""
        known = segment_ids.const
        return Type(data.dtype, (SEGMENTS if known is None else int(known[-1]) + 1, *data.shape[1:]))

    def evaluate(self, data: Array, segment_ids: Array) -> Array:
        """Numbers that no row has give zeros."""
        result = np.zeros((int(segment_ids[-1]) + 1, *data.shape[1:]), data.dtype)
        np.add.at(result, segment_ids, data)
        return result

    ports: ClassVar = {"data": Observed(), "segment_ids": Plain(), "output": Observed()}
    kernels: ClassVar = Kernels()


@operation
class UnsortedSegment(Op):
    """What the reductions of segments share. Rows with a negative number count for nothing."""

    combine: ClassVar[Any]
    """The ufunc that joins two rows."""
    empty: ClassVar[Callable[[np.dtype[Any]], Any]]
    """The number of which a segment without rows is full."""

    def infer(self, data: Value, segment_ids: Value, num_segments: Value) -> Type:
        """A row for each segment.

        Raises:
            ValueError: how many there are is unknown, or the numbers do not fit the rows.
        """
        (count,) = known_dims(num_segments, "the number of segments")
        if segment_ids.rank != 1 or data.rank < 1:
            raise ValueError(f"the rows of {data.type} have no numbers in {segment_ids.type}")
        return Type(data.dtype, (count, *data.shape[1:]))

    def evaluate(self, data: Array, segment_ids: Array, num_segments: Array) -> Array:
        """All rows at once."""
        shape = (int(num_segments.item()), *data.shape[1:])
        result = np.full(shape, type(self).empty(data.dtype), data.dtype)
        counted = segment_ids >= 0
        type(self).combine.at(result, segment_ids[counted], data[counted])
        return result

    ports: ClassVar = {"data": Observed(), "segment_ids": Plain(), "num_segments": Plain(), "output": Observed()}
    kernels: ClassVar = Kernels()


@operation
class UnsortedSegmentSum(UnsortedSegment):
    """The sum of each segment's rows."""

    code: ClassVar = "UNSORTED_SEGMENT_SUM"
    combine: ClassVar = np.add
    empty: ClassVar = lambda dtype: 0  # noqa: ARG005  # a number for any dtype

    @lowers("tf.UnsortedSegmentSum")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """See `unsorted`."""
        return unsorted(build, UnsortedSegmentSum(), *source.inputs)


@operation
class UnsortedSegmentProd(UnsortedSegment):
    """The product of each segment's rows."""

    code: ClassVar = "UNSORTED_SEGMENT_PROD"
    combine: ClassVar = np.multiply
    empty: ClassVar = lambda dtype: 1  # noqa: ARG005  # a number for any dtype

    @lowers("tf.UnsortedSegmentProd")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """See `unsorted`."""
        return unsorted(build, UnsortedSegmentProd(), *source.inputs)


@operation
class UnsortedSegmentMax(UnsortedSegment):
    """The largest numbers of each segment's rows; the lowest that there is for a segment without rows."""

    code: ClassVar = "UNSORTED_SEGMENT_MAX"
    combine: ClassVar = np.maximum
    empty: ClassVar = lambda dtype: _limits(dtype).min  # like its neighbours

    @lowers("tf.UnsortedSegmentMax")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """See `unsorted`."""
        return unsorted(build, UnsortedSegmentMax(), *source.inputs)


@operation
class UnsortedSegmentMin(UnsortedSegment):
    """The smallest numbers of each segment's rows; the highest that there is for a segment without rows."""

    code: ClassVar = "UNSORTED_SEGMENT_MIN"
    combine: ClassVar = np.minimum
    empty: ClassVar = lambda dtype: _limits(dtype).max  # like its neighbours

    @lowers("tf.UnsortedSegmentMin")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """See `unsorted`."""
        return unsorted(build, UnsortedSegmentMin(), *source.inputs)


@lowers("tf.SegmentProd", "tf.SegmentMax", "tf.SegmentMin", "tf.SegmentMean")
def sorted_segments(source: Source, build: Builder) -> Value:
    """As for rows in any order, if it is known how many segments there are; without rows, 0 (1 for a product)."""
    data, numbers = source.inputs
    known = source.const(1, "number of each row's segment")
    sizes = np.bincount(known)
    kind = {"SegmentProd": UnsortedSegmentProd, "SegmentMax": UnsortedSegmentMax, "SegmentMin": UnsortedSegmentMin}
    op = kind.get(source.node.op, UnsortedSegmentSum)()
    result = unsorted(build, op, data, numbers, build.const(len(sizes)))
    column = sizes.reshape(-1, *[1] * (data.rank - 1))
    if source.node.op == "SegmentMean":
        return build(Mul(), result, (1 / np.maximum(column, 1)).astype(np.float32))
    if sizes.all() or source.node.op == "SegmentProd":
        return result
    return build(SelectV2(), column > 0, result, np.zeros((), data.dtype))


def unsorted(build: Builder, op: UnsortedSegment, data: Value, numbers: Value, count: Value) -> Value:
    """The segments of `data`; numbers of several dimensions belong to as many dimensions of rows, joined first.

    Raises:
        NotLoweredError: LiteRT does not reduce this dtype.
    """
    require_summable(data)
    if numbers.rank != 1:
        data = reshape(build, data, [-1, *data.shape[numbers.rank :]])
        numbers = reshape(build, numbers, [-1])
    return build(op, data, cast(build, numbers, _INT32), opened(cast(build, count, _INT32)))


def require_summable(data: Value) -> None:
    """Refuse what `segment_sum.cc` and `unsorted_segment.cc` of LiteRT do not compute."""
    if data.dtype.name not in ("float32", "int32"):
        raise NotLoweredError(f"LiteRT has no segments of {data.dtype.name}")


def _limits(dtype: np.dtype[Any]) -> Any:
    return np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
