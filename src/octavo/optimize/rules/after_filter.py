"""Scales and shifts behind an operation that has a filter and a bias move into them."""

from __future__ import annotations

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ops.batch_matmul import BatchMatMul
from octavo.ops.binary import Add, Mul
from octavo.ops.reshape import Reshape
from octavo.ops.transpose import Transpose
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import activation, is_alone, made_by, numbers, operands, per_channel, readers, uniform
from octavo.optimize.rules._weighted import linear
from octavo.schema.enums import Activation


@rewrites(Mul)
def scale_after_filter(node: Node, build: Rewriter) -> Value | None:
    """conv(x, w, b) · s → conv(x, w · s, b · s)

    `s` is one number, or one per output channel. So batch normalization costs nothing at run time.

    Before:
        main(%x: float32[batch,5,5,3]) {
          %w = const float32[4,3,3,3]
          %b = const float32[4]
          %s = const float32[1,1,1,4]
          %c: float32[batch,5,5,4] = CONV_2D(%x, %w, %b)
          %y: float32[batch,5,5,4] = MUL(%c, %s) {fused_activation_function=RELU}
          return %y
        }

    After:
        main(%x: float32[batch,5,5,3]) {
          %w = const float32[4,3,3,3]
          %b = const float32[4]
          %y: float32[batch,5,5,4] = CONV_2D(%x, %w, %b) {fused_activation_function=RELU}
          return %y
        }

    Before:
        main(%x: float32[batch,5,5,3]) {
          %w = const float32[1,3,3,6]
          %b = const float32[6]
          %s = const float32[6]
          %c: float32[batch,5,5,6] = DEPTHWISE_CONV_2D(%x, %w, %b) {depth_multiplier=2}
          %y: float32[batch,5,5,6] = MUL(%c, %s)
          return %y
        }

    After:
        main(%x: float32[batch,5,5,3]) {
          %w = const float32[1,3,3,6]
          %b = const float32[6]
          %y: float32[batch,5,5,6] = DEPTHWISE_CONV_2D(%x, %w, %b) {depth_multiplier=2}
          return %y
        }

    Before:
        main(%x: float32[batch,4]) {
          %w = const float32[3,4]
          %s = const float32[] 0.5
          %c: float32[batch,3] = FULLY_CONNECTED(%x, %w, _)
          %y: float32[batch,3] = MUL(%c, %s)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %w = const float32[3,4]
          %b = const float32[3]
          %y: float32[batch,3] = FULLY_CONNECTED(%x, %w, %b)
          return %y
        }

    Unless:
        main(%x: float32[batch,5,5,3]) {
          %w = const float32[4,3,3,3]
          %b = const float32[4]
          %s = const float32[4]
          %c: float32[batch,5,5,4] = CONV_2D(%x, %w, %b)
          %y: float32[batch,5,5,4] = MUL(%c, %s)
          return %c, %y
        }

    Unless:
        main(%x: float32[batch,5,5,3]) {
          %w = const float32[1,3,3,3]
          %b = const float32[1]
          %s = const float32[4]
          %c: float32[batch,5,5,1] = CONV_2D(%x, %w, %b)
          %y: float32[batch,5,5,4] = MUL(%c, %s)
          return %y
        }

    Unless:
        main(%x: float32[batch,5,5,3]) {
          %w = const float32[4,3,3,3]
          %b = const float32[4]
          %s = const float32[4]
          %c: float32[batch,5,5,4] = CONV_2D(%x, %w, %b) {fused_activation_function=RELU}
          %y: float32[batch,5,5,4] = MUL(%c, %s)
          return %y
        }
    """
    for value, constant in operands(node):
        target = linear(value)
        scale = per_channel(numbers(constant), value.shape)
        if target is None or scale is None:
            continue
        if not is_alone(value, build.graph):
            return build.miss(f"the result before scaling is also read by {readers(value, build.graph)}")
        return target.emit(
            build,
            filter=target.filter * target.per_output(scale),
            bias=target.bias * scale,
            fused_activation_function=activation(node),
        )
    return None


@rewrites(Add)
def shift_after_filter(node: Node, build: Rewriter) -> Value | None:
    """conv(x, w, b) + c → conv(x, w, b + c)

    `c` is one number, or one per output channel.

    Before:
        main(%x: float32[batch,5,5,3]) {
          %w = const float32[4,3,3,3]
          %b = const float32[4]
          %s = const float32[1,1,4]
          %c: float32[batch,5,5,4] = CONV_2D(%x, %w, %b)
          %y: float32[batch,5,5,4] = ADD(%c, %s) {fused_activation_function=RELU6}
          return %y
        }

    After:
        main(%x: float32[batch,5,5,3]) {
          %w = const float32[4,3,3,3]
          %b = const float32[4]
          %y: float32[batch,5,5,4] = CONV_2D(%x, %w, %b) {fused_activation_function=RELU6}
          return %y
        }

    Before:
        main(%x: float32[batch,4]) {
          %w = const float32[3,4]
          %s = const float32[1,3]
          %c: float32[batch,3] = FULLY_CONNECTED(%x, %w, _)
          %y: float32[batch,3] = ADD(%s, %c)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %w = const float32[3,4]
          %b = const float32[3]
          %y: float32[batch,3] = FULLY_CONNECTED(%x, %w, %b)
          return %y
        }

    Unless:
        main(%x: float32[batch,5,5,3]) {
          %w = const float32[4,3,3,3]
          %b = const float32[4]
          %s = const float32[4]
          %c: float32[batch,5,5,4] = CONV_2D(%x, %w, %b)
          %y: float32[batch,5,5,4] = ADD(%c, %s)
          %z: float32[batch,5,5,4] = ADD(%c, %y)
          return %z
        }

    Unless:
        main(%x: float32[batch,5,5,3]) {
          %w = const float32[4,3,3,3]
          %b = const float32[4]
          %s = const float32[5,5,4]
          %c: float32[batch,5,5,4] = CONV_2D(%x, %w, %b)
          %y: float32[batch,5,5,4] = ADD(%c, %s)
          return %y
        }
    """
    for value, constant in operands(node):
        target = linear(value)
        shift = per_channel(numbers(constant), value.shape)
        if target is None or shift is None:
            continue
        if not is_alone(value, build.graph):
            return build.miss(f"the result before adding is also read by {readers(value, build.graph)}")
        bias = np.asarray(target.bias + shift)
        return target.emit(build, bias=bias, fused_activation_function=activation(node))
    return None


@rewrites(Mul)
def scale_after_matmul(node: Node, build: Rewriter) -> Value | None:
    """batch_matmul(move(fc(x, w)), y) · s → batch_matmul(move(fc(x, w · s)), y)

    Attention scales the scores by one number; the layer that makes the queries can do that, behind whatever moves.

    Before:
        main(%x: float32[batch,6,8], %k: float32[batch,2,6,4]) {
          %w = const float32[8,8]
          %b = const float32[8]
          %s = const float32[] 0.5
          %t = const int32[4] [-1, 6, 2, 4]
          %p = const int32[4] [0, 2, 1, 3]
          %0: float32[batch,6,8] = FULLY_CONNECTED(%x, %w, %b) {keep_num_dims=True}
          %1: float32[batch,6,2,4] = RESHAPE(%0, %t)
          %2: float32[batch,2,6,4] = TRANSPOSE(%1, %p)
          %3: float32[batch,2,6,6] = BATCH_MATMUL(%2, %k) {adj_y=True}
          %4: float32[batch,2,6,6] = MUL(%3, %s)
          return %4
        }

    After:
        main(%x: float32[batch,6,8], %k: float32[batch,2,6,4]) {
          %w = const float32[8,8]
          %b = const float32[8]
          %0: float32[batch,6,8] = FULLY_CONNECTED(%x, %w, %b) {keep_num_dims=True}
          %t = const int32[4] [-1, 6, 2, 4]
          %1: float32[batch,6,2,4] = RESHAPE(%0, %t)
          %p = const int32[4] [0, 2, 1, 3]
          %2: float32[batch,2,6,4] = TRANSPOSE(%1, %p)
          %3: float32[batch,2,6,6] = BATCH_MATMUL(%2, %k) {adj_y=True}
          return %3
        }

    Unless:
        main(%x: float32[batch,6,4], %k: float32[batch,6,4]) {
          %s = const float32[] 0.5
          %3: float32[batch,6,6] = BATCH_MATMUL(%x, %k) {adj_y=True}
          %4: float32[batch,6,6] = MUL(%3, %s)
          return %4
        }
    """
    for value, constant in operands(node):
        scale, product = uniform(constant), made_by(value, BatchMatMul)
        if scale is None or product is None or value.shape != node.output.shape or not is_alone(value, build.graph):
            continue
        left = _scaled(build, product.inputs[0], scale)
        if left is not None and activation(node) is Activation.NONE:
            return build(product.op, left, product.inputs[1])
    return None


def _scaled(build: Rewriter, value: Value | None, scale: float) -> Value | None:
    """`value` · scale, when the filter that it comes from can take the scale."""
    if value is None or not is_alone(value, build.graph):
        return None
    if (target := linear(value)) is not None:
        factor = np.float32(scale)
        return target.emit(build, filter=target.filter * factor, bias=target.bias * factor)
    move = made_by(value, Reshape, Transpose)
    source = None if move is None else _scaled(build, move.inputs[0], scale)
    return None if move is None or source is None else build(move.op, source, *move.inputs[1:])
