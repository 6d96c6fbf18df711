"""Chains of scales and shifts."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from octavo.ir.graph import Graph, Node, Value
from octavo.ir.source import Array
from octavo.ops.binary import Add, Mul, Sub
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import activation, is_alone, is_float, made_by, numbers, operands, stretches
from octavo.schema.enums import Activation


@rewrites(Add, Mul, Sub, phase="canonicalize")
def affine_chain(node: Node, build: Rewriter) -> Value | None:
    """((x · a) + b) · c → x · ac + bc

    A chain of any length becomes one scale and one shift, where it has more.

    Before:
        main(%x: float32[batch,5,4]) {
          %a = const float32[4]
          %b = const float32[1,1,4]
          %c = const float32[] 3.0
          %0: float32[batch,5,4] = MUL(%x, %a)
          %1: float32[batch,5,4] = ADD(%0, %b)
          %2: float32[batch,5,4] = MUL(%1, %c) {fused_activation_function=RELU}
          return %2
        }

    After:
        main(%x: float32[batch,5,4]) {
          %a = const float32[4]
          %b = const float32[1,1,4]
          %0: float32[batch,5,4] = MUL(%x, %a)
          %1: float32[batch,5,4] = ADD(%0, %b) {fused_activation_function=RELU}
          return %1
        }

    Before:
        main(%x: float32[batch,4]) {
          %a = const float32[4]
          %b = const float32[4]
          %0: float32[batch,4] = ADD(%x, %a)
          %1: float32[batch,4] = SUB(%b, %0)
          return %1
        }

    After:
        main(%x: float32[batch,4]) {
          %a = const float32[4]
          %1: float32[batch,4] = SUB(%a, %x)
          return %1
        }

    Before:
        main(%x: float32[batch,4]) {
          %a = const float32[4]
          %b = const float32[]
          %0: float32[batch,4] = MUL(%x, %a)
          %1: float32[batch,4] = MUL(%0, %b)
          return %1
        }

    After:
        main(%x: float32[batch,4]) {
          %a = const float32[4]
          %1: float32[batch,4] = MUL(%x, %a)
          return %1
        }

    Unless:
        main(%x: float32[batch,4]) {
          %a = const float32[4]
          %b = const float32[]
          %0: float32[batch,4] = MUL(%x, %a)
          %1: float32[batch,4] = MUL(%0, %b)
          return %1, %0
        }

    Unless:
        main(%x: float32[batch,1]) {
          %a = const float32[]
          %b = const float32[4]
          %0: float32[batch,1] = MUL(%x, %a)
          %1: float32[batch,4] = MUL(%0, %b)
          return %1
        }

    Unless:
        main(%x: float32[batch,300,4]) {
          %a = const float32[300,1]
          %b = const float32[4]
          %0: float32[batch,300,4] = MUL(%x, %a)
          %1: float32[batch,300,4] = MUL(%0, %b)
          return %1
        }
    """
    chain = _chain(node, build.graph)
    if chain is None or len(chain.steps) < 2:
        return None
    scales, shifts = bool(np.any(chain.scale != 1)), bool(np.any(chain.shift != 0))
    is_flipped = bool(np.all(chain.scale == -1)) and shifts
    needed = 1 if is_flipped else scales + shifts
    if len(chain.steps) <= needed or max(chain.scale.size, chain.shift.size) > chain.largest:
        return None
    last = activation(node)
    if is_flipped:
        return build(Sub(fused_activation_function=last), chain.shift, chain.input)
    value = chain.input
    if scales or not shifts:
        value = build(Mul(fused_activation_function=Activation.NONE if shifts else last), value, chain.scale)
    return build(Add(fused_activation_function=last), value, chain.shift) if shifts else value


@rewrites(Mul, phase="canonicalize")
def constant_outwards(node: Node, build: Rewriter) -> Value | None:
    """x · (y · c) → (x · y) · c

    Where it costs nothing: the product with `c` is as large as the whole. There `c` can join what follows.

    Before:
        main(%x: float32[batch,5,4], %y: float32[batch,5,1]) {
          %c = const float32[4]
          %k: float32[batch,5,4] = MUL(%y, %c)
          %z: float32[batch,5,4] = MUL(%x, %k) {fused_activation_function=RELU}
          return %z
        }

    After:
        main(%x: float32[batch,5,4], %y: float32[batch,5,1]) {
          %k: float32[batch,5,4] = MUL(%x, %y)
          %c = const float32[4]
          %z: float32[batch,5,4] = MUL(%k, %c) {fused_activation_function=RELU}
          return %z
        }

    Unless:
        main(%x: float32[batch,5,4], %y: float32[batch,1,4]) {
          %c = const float32[4]
          %k: float32[batch,1,4] = MUL(%y, %c)
          %z: float32[batch,5,4] = MUL(%x, %k)
          return %z
        }
    """
    for value, scaled in operands(node):
        inner = made_by(scaled, Mul)
        if inner is None or value.const is not None or scaled.shape != node.output.shape:
            continue
        if not is_alone(scaled, build.graph) or not is_float(value, scaled):
            continue
        for source, constant in operands(inner):
            if constant.const is not None and source.const is None:
                product = build(Mul(), value, source)
                return build(node.op, product, constant) if product.shape == node.output.shape else None
    return None


class _Chain(Struct, frozen=True):
    """input · scale + shift, computed by `steps`, of whose constants the largest has `largest` numbers."""

    input: Value
    scale: Array
    shift: Array
    steps: tuple[Node, ...]
    largest: int


def _chain(node: Node, graph: Graph) -> _Chain | None:
    """The longest chain that ends in `node`."""
    here = _step(node)
    if here is None:
        return None
    source, scale, shift = here
    before = None
    if source.producer is not None and is_alone(source, graph) and activation(source.producer) is Activation.NONE:
        before = _chain(source.producer, graph)
    size = max(scale.size, shift.size)
    if before is None:
        return _Chain(source, scale, shift, (node,), size)
    total = (before.scale * scale, before.shift * scale + shift)
    return _Chain(before.input, *total, (*before.steps, node), max(size, before.largest))


def _step(node: Node) -> tuple[Value, Array, Array] | None:
    """(x, a, b) when `node` computes x · a + b with constants that do not enlarge x."""
    if not isinstance(node.op, Add | Mul | Sub):
        return None
    one, zero = np.ones((), np.float32), np.zeros((), np.float32)
    for index, (value, other) in enumerate(operands(node)):
        constant = numbers(other)
        if constant is None or value.const is not None or not is_float(value):
            continue
        if not stretches(constant, value.shape):
            continue
        if isinstance(node.op, Mul):
            return value, constant, zero
        if isinstance(node.op, Add):
            return value, one, constant
        return (value, one, -constant) if index == 0 else (value, -one, constant)
    return None
