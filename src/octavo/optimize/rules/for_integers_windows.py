"""Windows that integer kernels are slow at, as windows that they are fast at."""

from __future__ import annotations

from octavo.ir.graph import Node, Value
from octavo.ops.depthwise_conv_2d import DepthwiseConv2D
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules.wide_window import divided

WORTH = 5_000
"""Multiplications of a sample that every operation more has to stand for: whole, they take 13 µs in int8 (AVX2)."""


@rewrites(DepthwiseConv2D, phase="integers")
def small_wide_window(node: Node, build: Rewriter) -> Value | None:
    """depthwise{7 × 7}(x) → depthwise{rows −3, 0, 3}(x) + depthwise{rows −2, 2}(x) + depthwise{rows −1, 1}(x)

    As in float, but of small layers, too: what XNNPACK has no kernel for takes four times as long again in int8.

    Before:
        main(%x: float32[batch,8,8,64]) {
          %w = const float32[1,7,7,64]
          %b = const float32[64]
          %y: float32[batch,8,8,64] = DEPTHWISE_CONV_2D(%x, %w, %b) {fused_activation_function=RELU}
          return %y
        }

    After:
        main(%x: float32[batch,8,8,64]) {
          %v = const float32[1,3,7,64]
          %b = const float32[64]
          %a: float32[batch,8,8,64] = DEPTHWISE_CONV_2D(%x, %v, %b) {dilation_h_factor=3}
          %u = const float32[1,2,7,64]
          %z = const float32[64]
          %c: float32[batch,8,8,64] = DEPTHWISE_CONV_2D(%x, %u, %z) {dilation_h_factor=4}
          %s: float32[batch,8,8,64] = ADD(%a, %c)
          %t = const float32[1,2,7,64]
          %d: float32[batch,8,8,64] = DEPTHWISE_CONV_2D(%x, %t, %z) {dilation_h_factor=2}
          %y: float32[batch,8,8,64] = ADD(%s, %d) {fused_activation_function=RELU}
          return %y
        }

    Unless:
        main(%x: float32[batch,4,4,16]) {
          %w = const float32[1,7,7,16]
          %b = const float32[16]
          %y: float32[batch,4,4,16] = DEPTHWISE_CONV_2D(%x, %w, %b)
          return %y
        }
    """
    return divided(node, build, worth=WORTH)
