"""Scales and shifts behind an operation that has a filter and a bias move into them."""

from __future__ import annotations

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ops.binary import Add, Mul
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import activation, is_alone, numbers, operands, per_channel, readers
from octavo.optimize.rules._weighted import linear


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
