"""A tensor with other numbers in the place of a slice."""

from __future__ import annotations

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.dim import Dim
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers
from octavo.ops.binary import FloorMod
from octavo.ops.cast import cast
from octavo.ops.concatenation import concatenate
from octavo.ops.dynamic_update_slice import DynamicUpdateSlice
from octavo.ops.reshape import reshape
from octavo.ops.slice import Slice
from octavo.ops.strided_slice import spans_of

_INT32 = np.dtype(np.int32)


@lowers("tf.TensorStridedSliceUpdate")
def slice_update(source: Source, build: Builder) -> Value:
    """A block, whose place may be known only when the model runs."""
    value, update = source.inputs[0], source.inputs[4]
    spans = list(spans_of(source))
    if any(span.step != 1 for span in spans):
        raise NotLoweredError("it assigns to every so many elements; LiteRT replaces blocks")
    given = iter(update.shape)
    sizes: list[Dim] = []
    places: list[Value] = []
    for span in spans:
        length = 1 if span.shrink else next(given)
        if not span.new:
            dim = value.shape[len(sizes)]
            sizes.append(length)
            first = 0 if span.masks[0] and not span.shrink else span.first
            places.append(_place(build, source.inputs[1], span.entry, first, dim))
    start = concatenate(build, places, 0)
    return build(DynamicUpdateSlice(), value, reshape(build, update, sizes), start)


def _place(build: Builder, begin: Value, entry: int, first: object, dim: object) -> Value:
    """Where a block begins along a dimension, a vector of one element; numbers below zero count from the end."""
    if isinstance(first, int) and (first >= 0 or isinstance(dim, int)):
        return build.const(np.array([first if first >= 0 or not isinstance(dim, int) else first + dim], np.int32))
    if not isinstance(dim, int):
        raise NotLoweredError("the length of what it assigns to must be known before the model runs")
    element = build(Slice(), cast(build, begin, _INT32), np.array([entry], np.int32), np.array([1], np.int32))
    return build(FloorMod(), element, np.array([dim], np.int32))
