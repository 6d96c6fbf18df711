"""Reshapes around FULLY_CONNECTED, which sees rows in any shape."""

from __future__ import annotations

from dataclasses import replace

from octavo.ir.graph import Node, Value
from octavo.ops.fully_connected import FullyConnected
from octavo.ops.reshape import Reshape
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import is_alone, made_by


@rewrites(Reshape)
def fully_connected_keeps_dims(node: Node, build: Rewriter) -> Value | None:
    """reshape(fully_connected(x, w), […, m]) → fully_connected{keep_num_dims}(x, w)

    Before:
        main(%x: float32[batch,5,6,4]) {
          %t = const int32[4] [-1, 5, 6, 3]
          %w = const float32[3,4]
          %b: float32[30*batch,3] = FULLY_CONNECTED(%x, %w, _) {fused_activation_function=RELU}
          %y: float32[batch,5,6,3] = RESHAPE(%b, %t)
          return %y
        }

    After:
        main(%x: float32[batch,5,6,4]) {
          %w = const float32[3,4]
          %y: float32[batch,5,6,3] = FULLY_CONNECTED(%x, %w, _) {fused_activation_function=RELU, keep_num_dims=True}
          return %y
        }

    Unless:
        main(%x: float32[batch,5,6,4]) {
          %t = const int32[3] [-1, 30, 3]
          %w = const float32[3,4]
          %b: float32[30*batch,3] = FULLY_CONNECTED(%x, %w, _)
          %y: float32[batch,30,3] = RESHAPE(%b, %t)
          return %y
        }

    Unless:
        main(%x: float32[batch,2,2]) {
          %t = const int32[3] [-1, 1, 3]
          %w = const float32[3,4]
          %b: float32[batch,3] = FULLY_CONNECTED(%x, %w, _)
          %y: float32[batch,1,3] = RESHAPE(%b, %t)
          return %y
        }
    """
    rows = node.inputs[0]
    inner = None if rows is None else rows.producer
    if rows is None or inner is None or not isinstance(inner.op, FullyConnected):
        return None
    value, weights = inner.inputs[:2]
    if value is None or weights is None or value.shape[-1] != weights.shape[1]:
        return None
    if (*value.shape[:-1], weights.shape[0]) != node.output.shape or not is_alone(rows, build.graph):
        return None
    return build(replace(inner.op, keep_num_dims=True), *inner.inputs)


@rewrites(FullyConnected)
def fully_connected_flattens(node: Node, build: Rewriter) -> Value | None:
    """fully_connected(reshape(x, [n, k]), w) → fully_connected(x, w)

    The operation sees rows of length k in any shape whose last dimension is k.

    Before:
        main(%x: float32[batch,1,1,4]) {
          %s = const int32[2] [-1, 4]
          %w = const float32[3,4]
          %a: float32[batch,4] = RESHAPE(%x, %s)
          %y: float32[batch,3] = FULLY_CONNECTED(%a, %w, _)
          return %y
        }

    After:
        main(%x: float32[batch,1,1,4]) {
          %w = const float32[3,4]
          %y: float32[batch,3] = FULLY_CONNECTED(%x, %w, _)
          return %y
        }

    Unless:
        main(%x: float32[batch,2,2]) {
          %s = const int32[2] [-1, 4]
          %w = const float32[3,4]
          %a: float32[batch,4] = RESHAPE(%x, %s)
          %y: float32[batch,3] = FULLY_CONNECTED(%a, %w, _)
          return %y
        }
    """
    op, flat, weights = node.op, made_by(node.inputs[0], Reshape), node.inputs[1]
    assert isinstance(op, FullyConnected)
    if flat is None or flat.inputs[0] is None or weights is None or flat.output.rank != 2 or flat.inputs[0].rank < 2:
        return None
    if flat.inputs[0].shape[-1] != flat.output.shape[-1] or flat.output.shape[-1] != weights.shape[1]:
        return None
    return build(replace(op, keep_num_dims=False), flat.inputs[0], *node.inputs[1:])
