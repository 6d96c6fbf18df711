"""Convolutions in the form that has the fastest kernel."""

from __future__ import annotations

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ops.conv_2d import Conv2D
from octavo.ops.depthwise_conv_2d import DepthwiseConv2D
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import numbers


@rewrites(Conv2D, phase="finish")
def grouped_is_depthwise(node: Node, build: Rewriter) -> Value | None:
    """conv(x, w) in as many groups as channels → depthwise_conv(x, w)

    Before:
        main(%x: float32[batch,5,5,3]) {
          %w = const float32[6,3,3,1]
          %b = const float32[6]
          %y: float32[batch,5,5,6] = CONV_2D(%x, %w, %b) {fused_activation_function=RELU, dilation_h_factor=2}
          return %y
        }

    After:
        main(%x: float32[batch,5,5,3]) {
          %w = const float32[1,3,3,6]
          %b = const float32[6]
          %y: float32[batch,5,5,6] = DEPTHWISE_CONV_2D(%x, %w, %b) {depth_multiplier=2, fused_activation_function=RELU, dilation_h_factor=2}
          return %y
        }

    Unless:
        main(%x: float32[batch,5,5,1]) {
          %w = const float32[6,3,3,1]
          %b = const float32[6]
          %y: float32[batch,5,5,6] = CONV_2D(%x, %w, %b)
          return %y
        }

    Unless:
        main(%x: float32[batch,5,5,4]) {
          %w = const float32[6,3,3,2]
          %b = const float32[6]
          %y: float32[batch,5,5,6] = CONV_2D(%x, %w, %b)
          return %y
        }
    """  # noqa: E501  # a node is one line
    op, (value, weights) = node.op, node.inputs[:2]
    filter = numbers(weights)
    assert isinstance(op, Conv2D)
    if value is None or filter is None or filter.shape[3] != 1 or value.shape[3] == 1:
        return None
    channels = value.shape[3]
    assert isinstance(channels, int)
    depthwise = DepthwiseConv2D(
        padding=op.padding,
        stride_w=op.stride_w,
        stride_h=op.stride_h,
        depth_multiplier=filter.shape[0] // channels,
        fused_activation_function=op.fused_activation_function,
        dilation_w_factor=op.dilation_w_factor,
        dilation_h_factor=op.dilation_h_factor,
    )
    return build(depthwise, value, np.ascontiguousarray(filter.transpose(3, 1, 2, 0)), *node.inputs[2:])
