"""Operations that move or mask elements, which LiteRT composes of others."""

from __future__ import annotations

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers
from octavo.ops._elementwise import like
from octavo.ops.concatenation import concatenate
from octavo.ops.select import SelectV2
from octavo.ops.split import SplitV


@lowers("tf.Roll")
def roll(source: Source, build: Builder) -> Value:
    """The end of each axis in front of its beginning."""
    value = source.inputs[0]
    shifts, axes = source.const(1, "shifts").ravel().tolist(), source.const(2, "axes").ravel().tolist()
    for shift, axis in zip(shifts, axes, strict=True):
        value = _rolled(build, value, shift, axis % value.rank)
    return value


@lowers("tf.MatrixBandPart")
def band_part(source: Source, build: Builder) -> Value:
    """Zero outside the band: `lower` diagonals below the main one, `upper` above it; negative means all."""
    value = source.inputs[0]
    lower, upper = (int(source.const(index, "number of diagonals").item()) for index in (1, 2))
    rows, columns = value.shape[-2:]
    if not isinstance(rows, int) or not isinstance(columns, int):
        raise NotLoweredError("the size of the matrices must be known before the model runs")
    below = np.arange(rows)[:, None] - np.arange(columns)
    inside = ((lower < 0) | (below <= lower)) & ((upper < 0) | (-below <= upper))
    return build(SelectV2(), inside, value, like(value, 0))


def _rolled(build: Builder, value: Value, shift: int, axis: int) -> Value:
    length = value.shape[axis]
    if not isinstance(length, int):
        raise NotLoweredError(f"rolling over {length} elements, a number known only at run time")
    end = shift % length if length else 0
    if end == 0:
        return value
    sizes = np.array([length - end, end], np.int32)
    first, last = build.many(SplitV(num_splits=2), value, sizes, np.array(axis, np.int32))
    return concatenate(build, [last, first], axis)
