"""What the loops of recurrent layers are made of."""

from __future__ import annotations

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ops.binary import Add
from octavo.ops.comparison import Less
from octavo.ops.fully_connected import FullyConnected
from octavo.ops.logical import LogicalAnd
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import is_alone, made_by, operands


@rewrites(LogicalAnd, phase="canonicalize")
def one_limit_of_two(node: Node, build: Rewriter) -> Value | None:
    """(i < a) and (i < b) → i < min(a, b)

    Before:
        main(%i: int32[]) {
          %seven = const int32[] 7
          %nine = const int32[] 9
          %a: bool[] = LESS(%i, %seven)
          %b: bool[] = LESS(%i, %nine)
          %y: bool[] = LOGICAL_AND(%a, %b)
          return %y
        }

    After:
        main(%i: int32[]) {
          %seven = const int32[] 7
          %y: bool[] = LESS(%i, %seven)
          return %y
        }

    Unless:
        main(%i: int32[], %j: int32[]) {
          %seven = const int32[] 7
          %a: bool[] = LESS(%i, %seven)
          %b: bool[] = LESS(%j, %seven)
          %y: bool[] = LOGICAL_AND(%a, %b)
          return %y
        }
    """
    tests = [made_by(value, Less) for value in node.inputs]
    (one, a), (other, b) = (test.inputs if test is not None else (None, None) for test in tests)
    if one is None or one is not other or a is None or b is None or a.type != b.type:
        return None
    if a is b:
        return build(Less(), one, a)
    return build(Less(), one, np.minimum(a.const, b.const)) if a.const is not None and b.const is not None else None


@rewrites(LogicalAnd, phase="recognize")
def both_the_same(node: Node, build: Rewriter) -> Value | None:  # noqa: ARG001  # nothing is built
    """x and x = x

    Before:
        main(%i: int32[], %j: int32[]) {
          %a: bool[] = LESS(%i, %j)
          %y: bool[] = LOGICAL_AND(%a, %a)
          return %y
        }

    After:
        main(%i: int32[], %j: int32[]) {
          %y: bool[] = LESS(%i, %j)
          return %y
        }
    """
    one, other = node.inputs
    return one if one is other else None


@rewrites(Add, phase="canonicalize")
def bias_of_one_summand(node: Node, build: Rewriter) -> Value | None:
    """(fully_connected(x) + y) + b → (fully_connected(x) + b) + y

    The bias then becomes one of the FULLY_CONNECTED.

    Before:
        main(%x: float32[batch,4], %h: float32[batch,3]) {
          %w = const float32[2,4]
          %u = const float32[2,3]
          %b = const float32[2]
          %p: float32[batch,2] = FULLY_CONNECTED(%x, %w, _)
          %q: float32[batch,2] = FULLY_CONNECTED(%h, %u, _)
          %s: float32[batch,2] = ADD(%p, %q)
          %y: float32[batch,2] = ADD(%s, %b)
          return %y
        }

    After:
        main(%x: float32[batch,4], %h: float32[batch,3]) {
          %w = const float32[2,4]
          %p: float32[batch,2] = FULLY_CONNECTED(%x, %w, _)
          %u = const float32[2,3]
          %q: float32[batch,2] = FULLY_CONNECTED(%h, %u, _)
          %b = const float32[2]
          %r: float32[batch,2] = ADD(%p, %b)
          %y: float32[batch,2] = ADD(%r, %q)
          return %y
        }

    Unless:
        main(%x: float32[batch,4], %h: float32[batch,2]) {
          %w = const float32[2,4]
          %b = const float32[2]
          %p: float32[batch,2] = FULLY_CONNECTED(%x, %w, _) {fused_activation_function=RELU}
          %s: float32[batch,2] = ADD(%p, %h)
          %y: float32[batch,2] = ADD(%s, %b)
          return %y
        }
    """
    for sum, bias in operands(node):
        inner = made_by(sum, Add)
        if inner is None or bias.const is None or bias.rank > 1 or not is_alone(sum, build.graph):
            continue
        for product, rest in operands(inner):
            if made_by(product, FullyConnected) is not None and is_alone(product, build.graph):
                return build(node.op, build(Add(), product, bias), rest)
    return None
