"""What remains of batch norms in front of activations: a scale and a shift of each channel."""

from __future__ import annotations

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ops.binary import Add, Mul
from octavo.ops.depthwise_conv_2d import DepthwiseConv2D
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import activation, is_alone, is_float, made_by, numbers
from octavo.schema.enums import Padding


@rewrites(Add, phase="finish")
def scale_and_shift_at_once(node: Node, build: Rewriter) -> Value | None:
    """x · s + t per channel → depthwise_conv(x, s, t) with a window of one

    One pass over memory instead of two. In integers it also rounds once instead of twice: the convolution keeps the
    scaled number in its accumulator.

    Before:
        main(%x: float32[batch,5,5,3]) {
          %s = const float32[1,1,1,3]
          %t = const float32[3]
          %m: float32[batch,5,5,3] = MUL(%x, %s)
          %y: float32[batch,5,5,3] = ADD(%m, %t) {fused_activation_function=RELU}
          return %y
        }

    After:
        main(%x: float32[batch,5,5,3]) {
          %w = const float32[1,1,1,3]
          %b = const float32[3]
          %y: float32[batch,5,5,3] = DEPTHWISE_CONV_2D(%x, %w, %b) {padding=VALID, fused_activation_function=RELU}
          return %y
        }

    Unless:
        main(%x: float32[batch,5,5,3]) {
          %s = const float32[1,1,1,3]
          %t = const float32[3]
          %m: float32[batch,5,5,3] = MUL(%x, %s)
          %y: float32[batch,5,5,3] = ADD(%m, %t)
          return %y, %m
        }

    Unless:
        main(%x: float32[batch,5,5,3]) {
          %s = const float32[1,5,1,1]
          %t = const float32[3]
          %m: float32[batch,5,5,3] = MUL(%x, %s)
          %y: float32[batch,5,5,3] = ADD(%m, %t)
          return %y
        }
    """
    product = made_by(node.inputs[0], Mul)
    if product is None or not is_alone(product.output, build.graph):
        return None
    value, shift = product.inputs[0], numbers(node.inputs[1])
    scale = numbers(product.inputs[1])
    if value is None or scale is None or shift is None or not is_float(value) or value.rank != 4:
        return None
    channels = value.shape[3]
    if not isinstance(channels, int) or any(array.size not in (1, channels) for array in (scale, shift)):
        return None
    if any(array.ndim and array.shape[-1] != array.size for array in (scale, shift)) or scale.size == shift.size == 1:
        return None
    op = DepthwiseConv2D(padding=Padding.VALID, fused_activation_function=activation(node))
    filter = np.broadcast_to(scale.reshape(-1), (channels,)).reshape(1, 1, 1, channels)
    return build(op, value, np.ascontiguousarray(filter), np.broadcast_to(shift.reshape(-1), (channels,)).copy())
