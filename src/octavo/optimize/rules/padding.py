"""Zeros around an image that the operation behind them can add itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from octavo.ir.dim import Dim
from octavo.ir.graph import Node, Value
from octavo.ir.source import Array
from octavo.ops._window import same_padding
from octavo.ops.activation import Relu, Relu6
from octavo.ops.conv_2d import Conv2D
from octavo.ops.depthwise_conv_2d import DepthwiseConv2D
from octavo.ops.pad import Pad
from octavo.ops.pool_2d import MaxPool2D
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import activation, made_by
from octavo.schema.enums import Activation, Padding


@rewrites(Conv2D, DepthwiseConv2D)
def pad_into_filter(node: Node, build: Rewriter) -> Value | None:
    """conv{valid}(pad(x), w) → conv{same}(x, w)

    When the zeros are those of SAME padding, an odd one after the image. With stride 1 they do not depend on the
    image's size; otherwise the size must be known.

    Before:
        main(%x: float32[batch,8,8,3]) {
          %p = const int32[4,2] [[0,0],[0,1],[0,1],[0,0]]
          %w = const float32[1,3,3,3]
          %b = const float32[3]
          %a: float32[batch,9,9,3] = PAD(%x, %p)
          %y: float32[batch,4,4,3] = DEPTHWISE_CONV_2D(%a, %w, %b) {padding=VALID, stride_w=2, stride_h=2}
          return %y
        }

    After:
        main(%x: float32[batch,8,8,3]) {
          %w = const float32[1,3,3,3]
          %b = const float32[3]
          %y: float32[batch,4,4,3] = DEPTHWISE_CONV_2D(%x, %w, %b) {stride_w=2, stride_h=2}
          return %y
        }

    Before:
        main(%x: float32[batch,height,8,3]) {
          %p = const int32[4,2] [[0,0],[2,2],[1,1],[0,0]]
          %w = const float32[2,3,3,3]
          %b = const float32[2]
          %a: float32[batch,height+4,10,3] = PAD(%x, %p)
          %y: float32[batch,height,8,2] = CONV_2D(%a, %w, %b) {padding=VALID, dilation_h_factor=2}
          return %y
        }

    After:
        main(%x: float32[batch,height,8,3]) {
          %w = const float32[2,3,3,3]
          %b = const float32[2]
          %y: float32[batch,height,8,2] = CONV_2D(%x, %w, %b) {dilation_h_factor=2}
          return %y
        }

    Unless:
        main(%x: float32[batch,8,8,3]) {
          %p = const int32[4,2] [[0,0],[1,1],[1,1],[0,0]]
          %w = const float32[1,3,3,3]
          %b = const float32[3]
          %a: float32[batch,10,10,3] = PAD(%x, %p)
          %y: float32[batch,4,4,3] = DEPTHWISE_CONV_2D(%a, %w, %b) {padding=VALID, stride_w=2, stride_h=2}
          return %y
        }

    Unless:
        main(%x: float32[batch,height,8,3]) {
          %p = const int32[4,2] [[0,0],[0,1],[0,1],[0,0]]
          %w = const float32[1,3,3,3]
          %b = const float32[3]
          %a: float32[batch,height+1,9,3] = PAD(%x, %p)
          %y = DEPTHWISE_CONV_2D(%a, %w, %b) {padding=VALID, stride_w=2, stride_h=2}
          return %y
        }
    """
    op = node.op
    assert isinstance(op, Conv2D | DepthwiseConv2D)
    padding, filter = made_by(node.inputs[0], Pad), node.inputs[1]
    if padding is None or filter is None or op.padding is not Padding.VALID or padding.inputs[0] is None:
        return None
    image, around = padding.inputs[0], _constant(padding)
    if around is None:
        return None
    height, width = int(filter.shape[1]), int(filter.shape[2])
    rows = _same(image.shape[1], height, op.stride_h, op.dilation_h_factor)
    columns = _same(image.shape[2], width, op.stride_w, op.dilation_w_factor)
    if around != ((0, 0), rows, columns, (0, 0)):
        return build.miss(f"zeros {_words(around)} the image are not those of SAME padding")
    return build(replace(op, padding=Padding.SAME), image, *node.inputs[1:])


@rewrites(MaxPool2D)
def pad_into_max_pool(node: Node, build: Rewriter) -> Value | None:
    """max_pool{valid}(pad(relu(x))) → max_pool{same}(relu(x))

    SAME padding never wins in a pool; zeros never win against what an activation made positive.

    Before:
        main(%x: float32[batch,8,8,3]) {
          %p = const int32[4,2] [[0,0],[0,0],[0,1],[0,0]]
          %r: float32[batch,8,8,3] = RELU(%x)
          %a: float32[batch,8,9,3] = PAD(%r, %p)
          %y: float32[batch,4,4,3] = MAX_POOL_2D(%a) {padding=VALID, stride_w=2, stride_h=2, filter_width=3}
          return %y
        }

    After:
        main(%x: float32[batch,8,8,3]) {
          %r: float32[batch,8,8,3] = RELU(%x)
          %y: float32[batch,4,4,3] = MAX_POOL_2D(%r) {stride_w=2, stride_h=2, filter_width=3}
          return %y
        }

    Unless:
        main(%x: float32[batch,8,8,3]) {
          %p = const int32[4,2] [[0,0],[0,0],[0,1],[0,0]]
          %a: float32[batch,8,9,3] = PAD(%x, %p)
          %y: float32[batch,4,4,3] = MAX_POOL_2D(%a) {padding=VALID, stride_w=2, stride_h=2, filter_width=3}
          return %y
        }
    """
    op = node.op
    assert isinstance(op, MaxPool2D)
    padding = made_by(node.inputs[0], Pad)
    if padding is None or op.padding is not Padding.VALID or padding.inputs[0] is None:
        return None
    image, around = padding.inputs[0], _constant(padding)
    rows = _same(image.shape[1], op.filter_height, op.stride_h, 1)
    columns = _same(image.shape[2], op.filter_width, op.stride_w, 1)
    if around is None or around != ((0, 0), rows, columns, (0, 0)) or not _is_positive(image):
        return None
    return build(replace(op, padding=Padding.SAME), image)


@rewrites(Pad, phase="canonicalize")
def pad_of_pad(node: Node, build: Rewriter) -> Value | None:
    """pad(pad(x, p), q) → pad(x, p + q)

    Before:
        main(%x: float32[batch,8,3]) {
          %p = const int32[3,2] [[0,0],[0,1],[0,0]]
          %q = const int32[3,2] [[0,0],[2,1],[0,1]]
          %a: float32[batch,9,3] = PAD(%x, %p)
          %y: float32[batch,12,4] = PAD(%a, %q)
          return %y
        }

    After:
        main(%x: float32[batch,8,3]) {
          %p = const int32[3,2] [[0,0],[2,2],[0,1]]
          %y: float32[batch,12,4] = PAD(%x, %p)
          return %y
        }
    """
    inner = made_by(node.inputs[0], Pad)
    if inner is None or (one := _constant(inner)) is None or (other := _constant(node)) is None:
        return None
    return build(Pad(), inner.inputs[0], np.add(one, other).astype(np.int32))


Around = tuple[tuple[int, int], ...]


def _constant(padding: Node) -> Around | None:
    """How many zeros stand before and after each dimension, when that is known."""
    array: Array | None = padding.inputs[1].const if padding.inputs[1] is not None else None
    return None if array is None else tuple((int(before), int(after)) for before, after in array)


def _same(size: Dim, taps: int, stride: int, dilation: int) -> tuple[int, int] | None:
    """The zeros of SAME padding, or None when they depend on a size that is known only at run time."""
    if isinstance(size, int):
        return same_padding(size, taps, stride, dilation)
    reach = (taps - 1) * dilation
    return (reach // 2, reach - reach // 2) if stride == 1 else None


def _is_positive(value: Value) -> bool:
    """Whether no number is below zero."""
    source = value.producer
    if source is None:
        return False
    return isinstance(source.op, Relu | Relu6) or activation(source) in (Activation.RELU, Activation.RELU6)


def _words(around: Around) -> str:
    (top, bottom), (left, right) = around[1:3]
    return f"({top} above, {bottom} below, {left} left, {right} right of)"
