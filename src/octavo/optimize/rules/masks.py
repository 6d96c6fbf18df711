"""Masks in front of a softmax in the one form in which integers can hold them: something finite that is added."""

from __future__ import annotations

import numpy as np

from octavo.ir.graph import Graph, Node, Value
from octavo.ops.binary import Add, Mul, Sub
from octavo.ops.concatenation import Concatenation
from octavo.ops.pad import PadV2
from octavo.ops.select import Select, SelectV2
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import activation, is_alone, made_by, numbers
from octavo.schema.enums import Activation

FAR = np.float32(-1e9)
"""As low as a mask needs to be: no score is as large, and it can be added to any without an infinity."""


@rewrites(Sub, phase="finish")
def subtract_mask(node: Node, build: Rewriter) -> Value | None:
    """softmax(a − b · c) → softmax(a + b · (−c)) for a constant c

    The same to the last bit. A large positive number becomes the least integer in LiteRT's reference kernel, instead of
    the greatest; a large negative one does not.

    Before:
        main(%a: float32[batch,8], %b: float32[batch,8]) {
          %c = const float32[] 1e9
          %hidden = MUL(%b, %c)
          %sum: float32[batch,8] = SUB(%a, %hidden)
          %y: float32[batch,8] = SOFTMAX(%sum) {beta=1.0}
          return %y
        }

    After:
        main(%a: float32[batch,8], %b: float32[batch,8]) {
          %c = const float32[] -1e9
          %hidden: float32[batch,8] = MUL(%b, %c)
          %sum: float32[batch,8] = ADD(%a, %hidden)
          %y: float32[batch,8] = SOFTMAX(%sum) {beta=1.0}
          return %y
        }

    Unless:
        main(%a: float32[batch,8], %b: float32[batch,8]) {
          %c = const float32[] 1e9
          %hidden = MUL(%b, %c)
          %sum: float32[batch,8] = SUB(%a, %hidden)
          return %sum
        }
    """
    minuend, product = node.inputs
    multiply = made_by(product, Mul)
    constant = numbers(multiply.inputs[1]) if multiply is not None else None
    if multiply is None or product is None or constant is None or activation(node) is not Activation.NONE:
        return None
    if not is_alone(product, build.graph) or not _is_for_softmax(node.output, build.graph):
        return None
    return build(Add(), minuend, build(multiply.op, multiply.inputs[0], -constant))


@rewrites(Add, SelectV2, Select, Concatenation, PadV2, phase="finish")
def finite_mask(node: Node, build: Rewriter) -> Value | None:
    """softmax(x + (−∞)) → softmax(x − 10⁹), and the same where −∞ is chosen in place of x

    Equal, unless a whole row is hidden: its weights are numbers then, instead of NaN. Ranges of integers end.

    Before:
        main(%x: float32[batch,2,2]) {
          %mask = const float32[2,2] [0, -inf, 0, 0]
          %sum: float32[batch,2,2] = ADD(%x, %mask)
          %y: float32[batch,2,2] = SOFTMAX(%sum) {beta=1.0}
          return %y
        }

    After:
        main(%x: float32[batch,2,2]) {
          %mask = const float32[2,2] [0, -1e9, 0, 0]
          %sum: float32[batch,2,2] = ADD(%x, %mask)
          %y: float32[batch,2,2] = SOFTMAX(%sum) {beta=1.0}
          return %y
        }

    Before:
        main(%x: float32[2,2], %seen: bool[2,2], %sink: float32[2,1]) {
          %far = const float32[] -inf
          %masked: float32[2,2] = SELECT_V2(%seen, %x, %far)
          %joined: float32[2,3] = CONCATENATION(%masked, %sink) {axis=1}
          %y: float32[2,3] = SOFTMAX(%joined) {beta=1.0}
          return %y
        }

    After:
        main(%x: float32[2,2], %seen: bool[2,2], %sink: float32[2,1]) {
          %far = const float32[] -1e9
          %masked: float32[2,2] = SELECT_V2(%seen, %x, %far)
          %joined: float32[2,3] = CONCATENATION(%masked, %sink) {axis=1}
          %y: float32[2,3] = SOFTMAX(%joined) {beta=1.0}
          return %y
        }

    Unless:
        main(%x: float32[batch,2,2]) {
          %mask = const float32[2,2] [0, -inf, 0, 0]
          %sum: float32[batch,2,2] = ADD(%x, %mask)
          return %sum
        }
    """
    given = [numbers(value) for value in node.inputs]
    if not any(array is not None and np.isneginf(array).any() for array in given):
        return None
    if not _is_for_softmax(node.output, build.graph):
        return build.miss("its infinities go elsewhere than into a softmax")
    operands = [
        value if array is None or not np.isneginf(array).any() else np.where(np.isneginf(array), FAR, array)
        for value, array in zip(node.inputs, given, strict=True)
    ]
    return build(node.op, *operands)


def _is_for_softmax(value: Value, graph: Graph) -> bool:
    """Whether all that comes of a value is the operand of an operation to which low numbers are nothing."""
    if value in graph.outputs or not value.uses:
        return False
    return all(_passes(node, place, graph) for node, place in value.uses)


def _passes(node: Node, place: int, graph: Graph) -> bool:
    if node.op.measures or (node.op.ignores_low and place == 0):
        return True
    chosen = node.op.chooses is not None and place in range(len(node.inputs))[node.op.chooses]
    hands_on = node.op.adds or (node.op.moves and place == 0) or chosen
    return hands_on and _is_for_softmax(node.outputs[0], graph)
