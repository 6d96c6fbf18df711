"""Transposed convolutions whose output shape is computed, as plain convolutions: no shape is needed then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from octavo.ir.dim import is_static
from octavo.ir.graph import Node, Value
from octavo.ir.source import Array
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
        _axis(int(size), int(length), taps, stride, op.padding)
        for size, length, taps, stride in zip(
            sizes, lengths, found.filter.shape[1:3], (op.stride_h, op.stride_w), strict=True
        )
    )
    phases = build(
        Conv2D(padding=_padding(rows, columns), fused_activation_function=activation(node)),
        _padded(build, found.input, rows, columns),
        _phases(found.filter, rows, columns),
        np.tile(found.bias, rows.stride * columns.stride),
    )
    return _cropped(build, _joined(build, phases, rows, columns), rows, columns)


@dataclass(frozen=True, slots=True)
class _Axis:
    """An axis along which pixel s · q + p of the output is what the filter of phase p gives at place q of the input.

    The output has `length` pixels after `lead` ones to be cut off.
    """

    stride: int
    window: int
    before: int
    after: int
    lead: int
    length: int
    places: int
    taps: Array


def _axis(size: int, length: int, taps: int, stride: int, padding: Padding) -> _Axis:
    """The axis of a filter of `taps` taps: output pixel i reads input pixel q where i + cut = stride · q + tap."""
    cut = same_padding(length, taps, stride, 1)[0] if padding is Padding.SAME else 0
    lead = cut % stride
    one, other = _reach(cut, taps, stride), _reach(cut - lead, taps, stride)
    if one[1] - one[0] <= other[1] - other[0]:
        lead = 0
    first, last = _reach(cut - lead, taps, stride)
    places = -(-(length + lead) // stride)
    chosen = np.arange(stride)[:, None] + (cut - lead) - stride * np.arange(first, last + 1)
    chosen = np.where((chosen >= 0) & (chosen < taps), chosen, taps)
    return _Axis(stride, last - first + 1, -first, places - size + last, lead, length, places, chosen)


def _reach(cut: int, taps: int, stride: int) -> tuple[int, int]:
    """The first and the last input place, relative to q, that some phase reads."""
    return -((taps - 1 - cut) // stride), (stride - 1 + cut) // stride


def _same(axis: _Axis) -> bool:
    return (axis.before, axis.after) == same_padding(axis.places, axis.window, 1, 1)


def _padding(rows: _Axis, columns: _Axis) -> Padding:
    return Padding.SAME if _same(rows) and _same(columns) else Padding.VALID


def _padded(build: Rewriter, image: Value, rows: _Axis, columns: _Axis) -> Value:
    if _padding(rows, columns) is Padding.SAME:
        return image
    return pad(build, image, [(0, 0), (rows.before, rows.after), (columns.before, columns.after), (0, 0)])


def _phases(filter: Array, rows: _Axis, columns: _Axis) -> Array:
    holed = np.pad(filter, [(0, 0), (0, 1), (0, 1), (0, 0)])
    chosen = holed[:, rows.taps[:, :, None, None], columns.taps]
    return np.ascontiguousarray(chosen.transpose(1, 3, 0, 2, 4, 5)).reshape(
        -1, rows.window, columns.window, filter.shape[3]
    )


def _joined(build: Rewriter, phases: Value, rows: _Axis, columns: _Axis) -> Value:
    if rows.stride > 1:
        return build(DepthToSpace(block_size=rows.stride), phases)
    if columns.stride == 1:
        return phases
    batch, height, width, channels = phases.shape
    return reshape(build, phases, (batch, height, width * columns.stride, channels // columns.stride))


def _cropped(build: Rewriter, image: Value, rows: _Axis, columns: _Axis) -> Value:
    if image.shape[1:3] == (rows.length, columns.length):
        return image
    begin = np.array([0, rows.lead, columns.lead, 0], np.int32)
    return build(Slice(), image, begin, np.array([-1, rows.length, columns.length, -1], np.int32))
