"""Activations that only clip: one spelling for each, and into the operation in front."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from octavo.ir.graph import Node, Value
from octavo.ir.op import Op
from octavo.ops._activation import BOUNDS
from octavo.ops.activation import Relu, Relu0To1, Relu6, ReluN1To1
from octavo.ops.binary import Add, Div, Maximum, Minimum, Mul, Sub
from octavo.ops.conv_2d import Conv2D
from octavo.ops.depthwise_conv_2d import DepthwiseConv2D
from octavo.ops.fully_connected import FullyConnected
from octavo.ops.pool_2d import AveragePool2D, MaxPool2D
from octavo.ops.transpose_conv import TransposeConv
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import activation, is_alone, is_float, operands, readers, uniform

Bounds = tuple[float, float]
CLIPS: dict[Bounds, Op] = {
    (0.0, float("inf")): Relu(),
    (0.0, 6.0): Relu6(),
    (-1.0, 1.0): ReluN1To1(),
    (0.0, 1.0): Relu0To1(),
}
"""The operations that clip, by the least and greatest result."""
_BOUNDS_OF = {type(op): bounds for bounds, op in CLIPS.items()}
_ACTIVATION_OF = {bounds: kind for kind, bounds in BOUNDS.items()}
FUSING = (Conv2D, DepthwiseConv2D, FullyConnected, TransposeConv, Add, Sub, Mul, Div, AveragePool2D, MaxPool2D)
"""The operations whose kernels apply an activation; CONCATENATION has the field, but its kernel rejects it."""


@rewrites(Relu, Relu6, ReluN1To1)
def fuse_activation(node: Node, build: Rewriter) -> Value | None:
    """relu(conv(x, w)) → conv{relu}(x, w)

    Before:
        main(%x: float32[batch,5,5,3]) {
          %w = const float32[4,3,3,3]
          %b = const float32[4]
          %c: float32[batch,5,5,4] = CONV_2D(%x, %w, %b)
          %y: float32[batch,5,5,4] = RELU6(%c)
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
        main(%a: float32[batch,5], %b: float32[batch,5]) {
          %c: float32[batch,5] = ADD(%a, %b) {fused_activation_function=RELU6}
          %y: float32[batch,5] = RELU(%c)
          return %y
        }

    After:
        main(%a: float32[batch,5], %b: float32[batch,5]) {
          %y: float32[batch,5] = ADD(%a, %b) {fused_activation_function=RELU6}
          return %y
        }

    Unless:
        main(%a: float32[batch,5], %b: float32[batch,5]) {
          %c: float32[batch,5] = ADD(%a, %b)
          %y: float32[batch,5] = RELU(%c)
          return %y, %c
        }

    Unless:
        main(%a: float32[batch,5], %b: float32[batch,5]) {
          %c: float32[batch,5] = ADD(%a, %b) {fused_activation_function=RELU_N1_TO_1}
          %y: float32[batch,5] = RELU(%c)
          return %y
        }
    """
    (value,) = node.inputs
    source = None if value is None else value.producer
    if value is None or source is None or not isinstance(source.op, FUSING) or not is_float(value):
        return None
    inner = BOUNDS.get(activation(source))
    fused = None if inner is None else _ACTIVATION_OF.get(_within(inner, _BOUNDS_OF[type(node.op)]))
    if fused is None:
        return None
    if not is_alone(value, build.graph):
        return build.miss(f"the result before the activation is also read by {readers(value, build.graph)}")
    options: dict[str, Any] = {"fused_activation_function": fused}
    return build(replace(source.op, **options), *source.inputs)


@rewrites(Maximum, Minimum, Relu, Relu6, ReluN1To1, Relu0To1, phase="canonicalize")
def clip_is_relu(node: Node, build: Rewriter) -> Value | None:
    """min(max(x, 0), 6) → relu6(x)

    Likewise with the other bounds that an operation knows: 0 and up, −1 to 1, 0 to 1.

    Before:
        main(%x: float32[batch,5]) {
          %six = const float32[] 6.0
          %zero = const float32[1] [0.0]
          %a: float32[batch,5] = MAXIMUM(%x, %zero)
          %y: float32[batch,5] = MINIMUM(%six, %a)
          return %y
        }

    After:
        main(%x: float32[batch,5]) {
          %y: float32[batch,5] = RELU6(%x)
          return %y
        }

    Before:
        main(%x: float32[batch,5]) {
          %one = const float32[] 1.0
          %minus = const float32[] -1.0
          %a: float32[batch,5] = MINIMUM(%x, %one)
          %y: float32[batch,5] = MAXIMUM(%a, %minus)
          return %y
        }

    After:
        main(%x: float32[batch,5]) {
          %y: float32[batch,5] = RELU_N1_TO_1(%x)
          return %y
        }

    Before:
        main(%x: float32[batch,5]) {
          %a: float32[batch,5] = RELU6(%x)
          %y: float32[batch,5] = RELU(%a)
          return %y
        }

    After:
        main(%x: float32[batch,5]) {
          %y: float32[batch,5] = RELU6(%x)
          return %y
        }

    Unless:
        main(%x: float32[batch,5]) {
          %one = const float32[] 1.0
          %y: float32[batch,5] = MINIMUM(%x, %one)
          return %y
        }

    Unless:
        main(%x: float32[5]) {
          %zero = const float32[1,5] [[0.0, 0.0, 0.0, 0.0, 0.0]]
          %y: float32[1,5] = MAXIMUM(%x, %zero)
          return %y
        }
    """
    found = _clip(node)
    if found is None:
        return None
    value, bounds = found
    inner = None if value.producer is None else _clip(value.producer)
    if inner is not None:
        value, bounds = inner[0], _within(inner[1], bounds)
    op = CLIPS.get(bounds)
    return None if op is None or (inner is None and op == node.op) else build(op, value)


def _clip(node: Node) -> tuple[Value, Bounds] | None:
    """What `node` clips, and the least and greatest result."""
    if (bounds := _BOUNDS_OF.get(type(node.op))) is not None:
        return (node.inputs[0], bounds) if node.inputs[0] is not None else None
    if not isinstance(node.op, Maximum | Minimum):
        return None
    for value, constant in operands(node):
        bound = uniform(constant)
        if bound is not None and value.shape == node.output.shape:
            return value, ((bound, float("inf")) if isinstance(node.op, Maximum) else (-float("inf"), bound))
    return None


def _within(inner: Bounds, outer: Bounds) -> Bounds:
    """The bounds of clipping to `inner` and then to `outer`."""
    low, high = outer
    return min(max(inner[0], low), high), min(max(inner[1], low), high)
