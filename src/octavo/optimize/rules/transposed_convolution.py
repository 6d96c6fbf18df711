"""Transposed convolutions whose output shape is computed, as plain convolutions: no shape is needed then."""

from __future__ import annotations

import numpy as np

from octavo.ir.dim import is_static
from octavo.ir.graph import Node, Value
from octavo.ir.source import Array
from octavo.ops._phases import Phases, phases
from octavo.ops._window import same_padding
from octavo.ops.conv_2d import Conv2D
from octavo.ops.depth_to_space import DepthToSpace
from octavo.ops.pad import pad
from octavo.ops.reshape import reshape
from octavo.ops.slice import Slice
from octavo.ops.transpose_conv import TransposeConv
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import activation
from octavo.optimize.rules._weighted import weighted
from octavo.schema.enums import Padding


@rewrites(TransposeConv, phase="finish")
def transposed_is_convolution(node: Node, build: Rewriter) -> Value | None:
    """transpose_conv(x, w) → depth_to_space(conv(x, phases of w))

    Only where the output's shape is computed at run time, as it is with an open batch: a shape that the kernel has to
    read makes the output a dynamic tensor, which the default delegate does not take.

    Before:
        main(%x: float32[batch,4,4,3]) {
          %s: int32[4] = SHAPE(%x)
          %k = const int32[4] [1, 2, 2, 1]
          %o: int32[4] = MUL(%s, %k)
          %w = const float32[3,2,2,3]
          %b = const float32[3]
          %y: float32[batch,8,8,3] = TRANSPOSE_CONV(%o, %w, %x, %b) {padding=SAME, stride_w=2, stride_h=2}
          return %y
        }

    After:
        main(%x: float32[batch,4,4,3]) {
          %w = const float32[12,1,1,3]
          %b = const float32[12]
          %c: float32[batch,4,4,12] = CONV_2D(%x, %w, %b)
          %y: float32[batch,8,8,3] = DEPTH_TO_SPACE(%c) {block_size=2}
          return %y
        }

    Unless:
        main(%x: float32[2,4,4,3]) {
          %o = const int32[4] [2, 8, 8, 3]
          %w = const float32[3,2,2,3]
          %b = const float32[3]
          %y: float32[2,8,8,3] = TRANSPOSE_CONV(%o, %w, %x, %b) {padding=SAME, stride_w=2, stride_h=2}
          return %y
        }
    """
    shape = node.inputs[0]
    found = weighted(node)
    op = node.op
    assert isinstance(op, TransposeConv)
    if shape is None or shape.const is not None:
        return None
    if found is None:
        return build.miss("its filter or bias is not constant")
    sizes, lengths = found.input.shape[1:3], node.output.shape[1:3]
    if not is_static([*sizes, *lengths]):
        return build.miss("the size of its image is known only at run time")
    if op.stride_h not in (1, op.stride_w):
        return build.miss(f"its strides differ: {op.stride_h} and {op.stride_w}")
    rows, columns = (
        phases(int(size), int(length), taps, stride, op.padding)
        for size, length, taps, stride in zip(
            sizes, lengths, found.filter.shape[1:3], (op.stride_h, op.stride_w), strict=True
        )
    )
    mixed = build(
        Conv2D(padding=_padding(rows, columns), fused_activation_function=activation(node)),
        _padded(build, found.input, rows, columns),
        _phases(found.filter, rows, columns),
        np.tile(found.bias, rows.stride * columns.stride),
    )
    return _cropped(build, _joined(build, mixed, rows, columns), rows, columns)


def _same(axis: Phases) -> bool:
    return (axis.before, axis.after) == same_padding(axis.places, axis.window, 1, 1)


def _padding(rows: Phases, columns: Phases) -> Padding:
    return Padding.SAME if _same(rows) and _same(columns) else Padding.VALID


def _padded(build: Rewriter, image: Value, rows: Phases, columns: Phases) -> Value:
    if _padding(rows, columns) is Padding.SAME:
        return image
    return pad(build, image, [(0, 0), (rows.before, rows.after), (columns.before, columns.after), (0, 0)])


def _phases(filter: Array, rows: Phases, columns: Phases) -> Array:
    holed = np.pad(filter, [(0, 0), (0, 1), (0, 1), (0, 0)])
    chosen = holed[:, rows.taps[:, :, None, None], columns.taps]
    return np.ascontiguousarray(chosen.transpose(1, 3, 0, 2, 4, 5)).reshape(
        -1, rows.window, columns.window, filter.shape[3]
    )


def _joined(build: Rewriter, mixed: Value, rows: Phases, columns: Phases) -> Value:
    if rows.stride > 1:
        return build(DepthToSpace(block_size=rows.stride), mixed)
    if columns.stride == 1:
        return mixed
    batch, height, width, channels = mixed.shape
    return reshape(build, mixed, (batch, height, width * columns.stride, channels // columns.stride))


def _cropped(build: Rewriter, image: Value, rows: Phases, columns: Phases) -> Value:
    if image.shape[1:3] == (rows.length, columns.length):
        return image
    begin = np.array([0, rows.lead, columns.lead, 0], np.int32)
    return build(Slice(), image, begin, np.array([-1, rows.length, columns.length, -1], np.int32))
