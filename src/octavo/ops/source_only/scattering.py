"""Numbers put to places in a tensor that has numbers already, and tensors woven together."""

from __future__ import annotations

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.dim import is_static
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers
from octavo.ir.source import Array
from octavo.ops._elementwise import emit, like
from octavo.ops.binary import Add, Maximum, Minimum, Sub
from octavo.ops.cast import cast
from octavo.ops.comparison import Greater
from octavo.ops.concatenation import concatenate
from octavo.ops.gather import Gather, GatherNd
from octavo.ops.reshape import reshape
from octavo.ops.scatter_nd import scatter
from octavo.ops.select import SelectV2
from octavo.ops.shape import runtime_dims

_INT32 = np.dtype(np.int32)


@lowers("tf.TensorScatterAdd", "tf.ScatterNdNonAliasingAdd")
def scatter_add(source: Source, build: Builder) -> Value:
    """The tensor plus the numbers scattered over zeros."""
    tensor, indices, updates = source.inputs
    return emit(build, Add(), tensor, scatter(build, indices, updates, runtime_dims(build, tensor.shape, tensor)))


@lowers("tf.TensorScatterSub")
def scatter_sub(source: Source, build: Builder) -> Value:
    """The tensor less the numbers scattered over zeros."""
    tensor, indices, updates = source.inputs
    return emit(build, Sub(), tensor, scatter(build, indices, updates, runtime_dims(build, tensor.shape, tensor)))


@lowers("tf.TensorScatterUpdate")
def scatter_update(source: Source, build: Builder) -> Value:
    """The numbers where some were scattered, and the tensor elsewhere. Places are expected to differ.

    Raises:
        NotLoweredError: places are named twice: the kernel would add up what TensorFlow puts one over the other.
    """
    tensor, indices, updates = source.inputs
    if indices.const is not None and _repeats(indices.const):
        raise NotLoweredError("it writes to one place several times")
    shape = runtime_dims(build, tensor.shape, tensor)
    return build(SelectV2(), _written(build, tensor, indices, shape), scatter(build, indices, updates, shape), tensor)


@lowers("tf.TensorScatterMax", "tf.TensorScatterMin")
def scatter_extreme(source: Source, build: Builder) -> Value:
    """At places that differ: the tensor there is picked, compared and put back."""
    tensor, indices, updates = source.inputs
    if indices.const is None or _repeats(indices.const):
        raise NotLoweredError("LiteRT adds up what meets at one place, so its places must be known to differ")
    there = build(GatherNd(), tensor, cast(build, indices, _INT32))
    best = emit(build, Maximum() if source.node.op.endswith("Max") else Minimum(), there, updates)
    shape = runtime_dims(build, tensor.shape, tensor)
    return build(SelectV2(), _written(build, tensor, indices, shape), scatter(build, indices, best, shape), tensor)


@lowers("tf.DynamicStitch", "tf.ParallelDynamicStitch")
def stitch(source: Source, build: Builder) -> Value:
    """All rows behind each other, put in the order of their numbers; of several with one number, the last counts.

    Raises:
        NotLoweredError: the numbers are known only at run time.
    """
    count = len(source.inputs) // 2
    numbers = [source.const(at, "number of each row") for at in range(count)]
    rest = source.inputs[count].shape[numbers[0].ndim :]
    rows = [
        reshape(build, value, [indices.size, *rest])
        for indices, value in zip(numbers, source.inputs[count:], strict=True)
    ]
    order = np.concatenate([indices.ravel() for indices in numbers])
    places = np.zeros(int(order.max(initial=-1)) + 1, np.int32)
    places[order] = np.arange(len(order))
    return build(Gather(), concatenate(build, rows, 0), places)


@lowers("tf.InvertPermutation")
def invert_permutation(source: Source, build: Builder) -> Value:
    """The place of each number: the numbers from 0 on, scattered to the places that the permutation names."""
    (order,) = source.inputs
    length = order.shape[0]
    if not isinstance(length, int):
        raise NotLoweredError("the length of the permutation must be known before the model runs")
    if order.const is not None:
        return build.const(np.argsort(order.const).astype(order.dtype))
    places = build.const(np.arange(length, dtype=np.int32))
    column = reshape(build, cast(build, order, _INT32), [length, 1])
    return cast(build, scatter(build, column, places, build.const([length])), order.dtype)


def _written(build: Builder, tensor: Value, indices: Value, shape: Value) -> Value:
    """Whether each element is among those that are written; one flag for each slice, with dimensions of 1 behind."""
    depth = indices.shape[-1]
    if not isinstance(depth, int) or not is_static(indices.shape):
        raise NotLoweredError("how many places it writes to must be known before the model runs")
    ones = build.const(np.ones([int(dim) for dim in indices.shape[:-1]], np.int32))
    places = runtime_dims(build, tensor.shape[:depth], tensor) if depth < tensor.rank else shape
    marks = scatter(build, indices, ones, places)
    flags = build(Greater(), marks, like(marks, 0))
    return reshape(build, flags, [*tensor.shape[:depth], *[1] * (tensor.rank - depth)])


def _repeats(indices: Array) -> bool:
    rows = indices.reshape(-1, indices.shape[-1])
    return len(np.unique(rows, axis=0)) < len(rows)
