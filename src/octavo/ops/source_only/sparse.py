"""Rows picked of a table and joined by segment, and sparse matrices as places and numbers."""

from __future__ import annotations

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.dim import product
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers
from octavo.ir.source import Array
from octavo.ops._elementwise import emit
from octavo.ops._real import require_float32
from octavo.ops.batch_matmul import matmul
from octavo.ops.binary import Add, Div, FloorDiv, FloorMod, Maximum, Mul
from octavo.ops.cast import cast
from octavo.ops.fill import ZerosLike
from octavo.ops.gather import Gather
from octavo.ops.pack import Pack
from octavo.ops.reduce import Sum
from octavo.ops.reshape import reshape, resolve
from octavo.ops.segment import (
    SegmentSum,
    UnsortedSegmentMax,
    UnsortedSegmentMin,
    UnsortedSegmentProd,
    UnsortedSegmentSum,
    unsorted,
)
from octavo.ops.shape import known_dims
from octavo.ops.slice import Slice
from octavo.ops.transpose import transpose
from octavo.ops.unary import Sqrt

_INT32 = np.dtype(np.int32)
_KINDS = {"Sum": UnsortedSegmentSum, "Prod": UnsortedSegmentProd, "Max": UnsortedSegmentMax, "Min": UnsortedSegmentMin}


@lowers(
    "tf.SparseSegmentSum",
    "tf.SparseSegmentMean",
    "tf.SparseSegmentSqrtN",
    "tf.SparseSegmentSumWithNumSegments",
    "tf.SparseSegmentMeanWithNumSegments",
    "tf.SparseSegmentSqrtNWithNumSegments",
)
def picked_segments(source: Source, build: Builder) -> Value:
    """The rows that indices pick, added up by segment, and shared out among them (or their root)."""
    data, indices, numbers = source.inputs[:3]
    require_float32(data)
    rows = build(Gather(), data, cast(build, indices, _INT32))
    count = source.inputs[3] if len(source.inputs) > 3 else None
    total = _segments(build, rows, numbers, count)
    if "Sum" in source.node.op.removesuffix("WithNumSegments"):
        return total
    ones = build(Add(), build(ZerosLike(), cast(build, numbers, data.dtype)), np.float32(1))
    sizes = build(Maximum(), _segments(build, ones, numbers, count), np.float32(1))
    sizes = build(Sqrt(), sizes) if "SqrtN" in source.node.op else sizes
    return build(Div(), total, reshape(build, sizes, [sizes.shape[0], *[1] * (data.rank - 1)]))


@lowers("tf.SegmentSumV2", "tf.SegmentProdV2", "tf.SegmentMaxV2", "tf.SegmentMinV2")
def counted_segments(source: Source, build: Builder) -> Value:
    """Rows in order with a known number of segments are rows in any order."""
    kind = source.node.op.removeprefix("Segment").removesuffix("V2")
    return unsorted(build, _KINDS[kind](), *source.inputs)


@lowers("tf.SparseTensorDenseMatMul")
def sparse_product(source: Source, build: Builder) -> Value:
    """Rows of the dense matrix picked by column, times the numbers, added up by row."""
    places, numbers, _, dense = source.inputs
    require_float32(numbers, dense)
    shape = [int(size) for size in source.const(2, "shape of the sparse matrix")]
    dense = transpose(build, dense, (1, 0)) if source.attr("adjoint_b", bool) else dense
    row, column = (1, 0) if source.attr("adjoint_a", bool) else (0, 1)
    picked = build(Gather(), dense, _column(build, places, column))
    terms = build(Mul(), picked, reshape(build, numbers, [numbers.shape[0], 1]))
    return unsorted(build, UnsortedSegmentSum(), terms, _column(build, places, row), build.const(np.int32(shape[row])))


@lowers("tf.SparseMatMul")
def product_of_zeros(source: Source, build: Builder) -> Value:
    """A plain product: that its operands hold many zeros is a hint."""
    x, y = source.inputs
    return matmul(build, x, y, adj_x=source.attr("transpose_a", bool), adj_y=source.attr("transpose_b", bool))


@lowers("tf.SparseReshape")
def reshaped(source: Source, build: Builder) -> tuple[Value, Value]:
    """Places counted through, and taken apart again by the new shape."""
    places = source.inputs[0]
    old = [_whole(dim) for dim in known_dims(source.inputs[1], "the shape of a sparse tensor")]
    new = [_whole(dim) for dim in resolve(old, known_dims(source.inputs[2], "its new shape"))]
    flat = emit(build, Mul(), places, _strides(old).astype(places.dtype))
    flat = build(Sum(), flat, np.array([1], np.int32))
    along = [
        emit(build, FloorMod(), emit(build, FloorDiv(), cast(build, flat, _INT32), np.int32(stride)), np.int32(size))
        for stride, size in zip(_strides(new), new, strict=True)
    ]
    result = build(Pack(values_count=len(new), axis=1), *along)
    return cast(build, result, places.dtype), build.const(np.array(new, np.int64))


def _segments(build: Builder, rows: Value, numbers: Value, count: Value | None) -> Value:
    if count is None and numbers.const is not None:
        count = build.const(np.int32(numbers.const.max(initial=-1) + 1))
    if count is not None:
        return unsorted(build, UnsortedSegmentSum(), rows, numbers, count)
    return build(SegmentSum(), rows, cast(build, numbers, _INT32))


def _column(build: Builder, places: Value, at: int) -> Value:
    """One number of each place, int32."""
    column = build(Slice(), places, np.array([0, at], np.int32), np.array([-1, 1], np.int32))
    return reshape(build, cast(build, column, _INT32), [places.shape[0]])


def _strides(dims: list[int]) -> Array:
    return np.array([int(product(dims[at + 1 :])) for at in range(len(dims))], np.int64)


def _whole(dim: object) -> int:
    if not isinstance(dim, int):
        raise NotLoweredError("the shape of a sparse tensor must be known before the model runs")
    return dim
