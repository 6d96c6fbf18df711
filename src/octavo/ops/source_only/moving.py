"""Operations that move or mask elements, which LiteRT composes of others."""

from __future__ import annotations

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import lowers
from octavo.ops._elementwise import emit, like
from octavo.ops.binary import FloorMod, Sub
from octavo.ops.cast import cast
from octavo.ops.comparison import Less, LessEqual
from octavo.ops.concatenation import concatenate
from octavo.ops.gather import Gather
from octavo.ops.logical import LogicalAnd, LogicalOr
from octavo.ops.range import counted
from octavo.ops.reshape import reshape
from octavo.ops.select import SelectV2
from octavo.ops.shape import runtime_dims
from octavo.ops.split import SplitV
from octavo.ops.unary import Neg


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
    value, *numbers = source.inputs
    lower, upper = (cast(build, number, np.dtype(np.int32)) for number in numbers)
    rows, columns = value.shape[-2:]
    if not isinstance(rows, int) or not isinstance(columns, int):
        across = reshape(build, counted(build, columns, value), [1, columns])
        below = emit(build, Sub(), reshape(build, counted(build, rows, value), [rows, 1]), across)
    else:
        below = build.const((np.arange(rows)[:, None] - np.arange(columns)).astype(np.int32))
    inside = emit(build, LogicalAnd(), _within(build, below, lower), _within(build, emit(build, Neg(), below), upper))
    return build(SelectV2(), inside, value, like(value, 0))


def _within(build: Builder, distance: Value, most: Value) -> Value:
    """Where the distance is at most so great; everywhere, where that is negative."""
    if most.const is not None and most.const.item() < 0:
        return build.const(np.array(True))
    near = emit(build, LessEqual(), distance, most)
    return near if most.const is not None else emit(build, LogicalOr(), emit(build, Less(), most, like(most, 0)), near)


def _rolled(build: Builder, value: Value, shift: int, axis: int) -> Value:
    length = value.shape[axis]
    if not isinstance(length, int):
        return _turned(build, value, shift, axis)
    end = shift % length if length else 0
    if end == 0:
        return value
    sizes = np.array([length - end, end], np.int32)
    first, last = build.many(SplitV(num_splits=2), value, sizes, np.array(axis, np.int32))
    return concatenate(build, [last, first], axis)


def _turned(build: Builder, value: Value, shift: int, axis: int) -> Value:
    """Rolled over as many elements as there are at run time: element i comes from place (i − shift) mod length."""
    length = reshape(build, runtime_dims(build, [value.shape[axis]], value), [])
    places = emit(build, Sub(), counted(build, value.shape[axis], value), np.array(shift, np.int32))
    return build(Gather(axis=axis), value, emit(build, FloorMod(), places, length))
