"""Tensors whose lengths depend on the data: parts by number, what is in one vector only, how often numbers occur."""

from __future__ import annotations

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import lowers
from octavo.ops._elementwise import emit, like
from octavo.ops.cast import cast
from octavo.ops.comparison import Equal, NotEqual
from octavo.ops.gather import Gather, GatherNd
from octavo.ops.logical import LogicalNot
from octavo.ops.reduce import ReduceAny, Sum
from octavo.ops.reshape import reshape
from octavo.ops.unique import Unique
from octavo.ops.where import Where

_INT32 = np.dtype(np.int32)


@lowers("tf.DynamicPartition")
def partition(source: Source, build: Builder) -> tuple[Value, ...]:
    """The slices of each number, in order: WHERE finds their places."""
    data, numbers = source.inputs
    parts = []
    for number in range(source.attr("num_partitions", int)):
        places = build(Where(), emit(build, Equal(), numbers, like(numbers, number)))
        parts.append(build(GatherNd(), data, cast(build, places, _INT32)))
    return tuple(parts)


@lowers("tf.ListDiff")
def difference(source: Source, build: Builder) -> tuple[Value, ...]:
    """The numbers of one vector that another does not hold, and where they stand."""
    x, y = source.inputs
    same = emit(build, Equal(), reshape(build, x, [x.shape[0], 1]), reshape(build, y, [1, y.shape[0]]))
    alone = build(LogicalNot(), build(ReduceAny(), same, np.array([1], np.int32)))
    found = build(Where(), alone)
    places = reshape(build, cast(build, found, _INT32), [found.shape[0]])
    return build(Gather(), x, places), cast(build, places, source.dtype("out_idx"))


@lowers("tf.UniqueWithCounts", "tf.UniqueWithCountsV2")
def counted(source: Source, build: Builder) -> tuple[Value, ...]:
    """The different numbers, which one each is, and how often each occurs: a comparison of all with all."""
    lower = Unique.from_tf if source.node.op == "UniqueWithCounts" else Unique.from_tf_axis
    values, which = lower(source, build)
    (given, *_) = source.inputs
    same = build(Equal(), reshape(build, values, [values.shape[0], 1]), reshape(build, given, [1, given.shape[0]]))
    counts = build(Sum(), cast(build, same, source.dtype("out_idx")), np.array([1], np.int32))
    return values, which, counts


@lowers("tf.ToBool")
def is_true(source: Source, build: Builder) -> Value:
    """Whether a number is not zero; a tensor with dimensions asks whether it holds anything."""
    (value,) = source.inputs
    if value.rank:
        return build.const(np.array(0 not in value.shape))
    return value if value.dtype == bool else emit(build, NotEqual(), value, like(value, 0))
