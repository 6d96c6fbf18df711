"""One spelling for arithmetic that can be written in several ways."""

from __future__ import annotations

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ops.binary import Add, Div, Maximum, Minimum, Mul, Pow, SquaredDifference, Sub
from octavo.ops.unary import Neg, Rsqrt, Sqrt, Square
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import activation, is_alone, is_float, made_by, numbers, operands, stretches, uniform
from octavo.schema.enums import Activation


@rewrites(Add, Mul, Maximum, Minimum, phase="canonicalize")
def constant_on_the_right(node: Node, build: Rewriter) -> Value | None:
    """c + x → x + c

    Before:
        main(%x: float32[batch,4]) {
          %c = const float32[4]
          %y: float32[batch,4] = MUL(%c, %x) {fused_activation_function=RELU}
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %c = const float32[4]
          %y: float32[batch,4] = MUL(%x, %c) {fused_activation_function=RELU}
          return %y
        }
    """
    one, other = node.inputs
    if one is None or one.const is None or other is None or other.const is not None:
        return None
    return build(node.op, other, one)


@rewrites(Sub, phase="canonicalize")
def subtract_constant(node: Node, build: Rewriter) -> Value | None:
    """x − c → x + (−c)

    Before:
        main(%x: float32[batch,4]) {
          %c = const float32[4]
          %y: float32[batch,4] = SUB(%x, %c) {fused_activation_function=RELU}
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %c = const float32[4]
          %y: float32[batch,4] = ADD(%x, %c) {fused_activation_function=RELU}
          return %y
        }
    """
    constant = numbers(node.inputs[1])
    if constant is None:
        return None
    return build(Add(fused_activation_function=activation(node)), node.inputs[0], -constant)


@rewrites(Div, phase="canonicalize")
def divide_by_constant(node: Node, build: Rewriter) -> Value | None:
    """x / c → x · (1 / c)

    Multiplying is faster, and off by no more than a unit in the last place.

    Before:
        main(%x: float32[batch,4]) {
          %c = const float32[4]
          %y: float32[batch,4] = DIV(%x, %c)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %c = const float32[4]
          %y: float32[batch,4] = MUL(%x, %c)
          return %y
        }

    Unless:
        main(%x: float32[batch,4]) {
          %c = const float32[2,1] [[1.0], [0.0]]
          %y: float32[2,4] = DIV(%x, %c)
          return %y
        }
    """
    constant = numbers(node.inputs[1])
    tiny = np.finfo(np.float32).tiny
    if constant is None or not np.all((np.abs(constant) > tiny) & (np.abs(constant) < 1 / tiny)):
        return None
    return build(Mul(fused_activation_function=activation(node)), node.inputs[0], np.float32(1) / constant)


@rewrites(Neg, phase="canonicalize")
def negate(node: Node, build: Rewriter) -> Value | None:
    """−x → x · (−1)

    Joins scales around it, and has integer kernels where NEG has none that is right.

    Before:
        main(%x: float32[batch,4]) {
          %y: float32[batch,4] = NEG(%x)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %c = const float32[] -1.0
          %y: float32[batch,4] = MUL(%x, %c)
          return %y
        }

    Unless:
        main(%x: int32[batch,4]) {
          %y: int32[batch,4] = NEG(%x)
          return %y
        }
    """
    return build(Mul(), node.inputs[0], np.float32(-1)) if is_float(node.inputs[0]) else None


@rewrites(Add, phase="canonicalize")
def add_negated(node: Node, build: Rewriter) -> Value | None:
    """x + y · (−1) → x − y

    Before:
        main(%x: float32[batch,4], %y: float32[batch,1]) {
          %c = const float32[] -1.0
          %n: float32[batch,1] = MUL(%y, %c)
          %z: float32[batch,4] = ADD(%n, %x) {fused_activation_function=RELU}
          return %z
        }

    After:
        main(%x: float32[batch,4], %y: float32[batch,1]) {
          %z: float32[batch,4] = SUB(%x, %y) {fused_activation_function=RELU}
          return %z
        }
    """
    for value, other in operands(node):
        if (positive := negated(other)) is not None:
            return build(Sub(fused_activation_function=activation(node)), value, positive)
    return None


@rewrites(Sub, phase="canonicalize")
def subtract_negated(node: Node, build: Rewriter) -> Value | None:
    """x − y · (−1) → x + y

    Before:
        main(%x: float32[batch,4], %y: float32[batch,1]) {
          %c = const float32[] -1.0
          %n: float32[batch,1] = MUL(%y, %c)
          %z: float32[batch,4] = SUB(%x, %n)
          return %z
        }

    After:
        main(%x: float32[batch,4], %y: float32[batch,1]) {
          %z: float32[batch,4] = ADD(%x, %y)
          return %z
        }
    """
    positive = negated(node.inputs[1])
    return (
        None if positive is None else build(Add(fused_activation_function=activation(node)), node.inputs[0], positive)
    )


@rewrites(Square, phase="canonicalize")
def square(node: Node, build: Rewriter) -> Value | None:
    """x² → x · x

    As fast, and MUL has integer kernels.

    Before:
        main(%x: float32[batch,4]) {
          %y: float32[batch,4] = SQUARE(%x)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %y: float32[batch,4] = MUL(%x, %x)
          return %y
        }
    """
    return build(Mul(), node.inputs[0], node.inputs[0])


@rewrites(Pow, phase="canonicalize")
def power(node: Node, build: Rewriter) -> Value | None:
    """pow(x, 2) → x · x

    Likewise the powers 1, 3, ½, −½ and −1: each is exact or faster than a logarithm, and has integer kernels.

    Before:
        main(%x: float32[batch,4], %positive: float32[batch,4]) {
          %half = const float32[] 0.5
          %three = const float32[] 3.0
          %a: float32[batch,4] = POW(%positive, %half)
          %b: float32[batch,4] = POW(%x, %three)
          return %a, %b
        }

    After:
        main(%x: float32[batch,4], %positive: float32[batch,4]) {
          %a: float32[batch,4] = SQRT(%positive)
          %s: float32[batch,4] = MUL(%x, %x)
          %b: float32[batch,4] = MUL(%s, %x)
          return %a, %b
        }

    Unless:
        main(%positive: float32[batch,4]) {
          %c = const float32[] 2.5
          %y: float32[batch,4] = POW(%positive, %c)
          return %y
        }
    """
    base, exponent = node.inputs[0], uniform(node.inputs[1])
    if base is None or base.shape != node.output.shape or not is_float(base):
        return None
    match exponent:
        case 1.0:
            return base
        case 2.0:
            return build(Mul(), base, base)
        case 3.0:
            return build(Mul(), build(Mul(), base, base), base)
        case 0.5:
            return build(Sqrt(), base)
        case -0.5:
            return build(Rsqrt(), base)
        case -1.0:
            return build(Div(), np.float32(1), base)
    return None


@rewrites(Mul, phase="canonicalize")
def squared_difference(node: Node, build: Rewriter) -> Value | None:
    """(x − y) · (x − y) → squared_difference(x, y)

    Before:
        main(%x: float32[batch,4], %y: float32[batch,1]) {
          %d: float32[batch,4] = SUB(%x, %y)
          %z: float32[batch,4] = MUL(%d, %d)
          return %z
        }

    After:
        main(%x: float32[batch,4], %y: float32[batch,1]) {
          %z: float32[batch,4] = SQUARED_DIFFERENCE(%x, %y)
          return %z
        }

    Unless:
        main(%x: float32[batch,4], %y: float32[batch,1]) {
          %d: float32[batch,4] = SUB(%x, %y)
          %z: float32[batch,4] = MUL(%d, %d)
          return %z, %d
        }
    """
    difference = made_by(node.inputs[0], Sub)
    if difference is None or node.inputs[0] is not node.inputs[1] or activation(node) is not Activation.NONE:
        return None
    if len(difference.output.uses) > 2 or difference.output in build.graph.outputs or not is_float(node.output):
        return None
    return build(SquaredDifference(), *difference.inputs)


@rewrites(Div, phase="canonicalize")
def divide_by_root(node: Node, build: Rewriter) -> Value | None:
    """y / √x → y · rsqrt(x)

    A division of the whole tensor becomes a multiplication; 1 / √x becomes one operation.

    Before:
        main(%y: float32[batch,4], %positive: float32[batch,1]) {
          %r: float32[batch,1] = SQRT(%positive)
          %z: float32[batch,4] = DIV(%y, %r)
          return %z
        }

    After:
        main(%y: float32[batch,4], %positive: float32[batch,1]) {
          %r: float32[batch,1] = RSQRT(%positive)
          %z: float32[batch,4] = MUL(%y, %r)
          return %z
        }

    Before:
        main(%positive: float32[batch,4]) {
          %one = const float32[] 1.0
          %r: float32[batch,4] = SQRT(%positive)
          %z: float32[batch,4] = DIV(%one, %r)
          return %z
        }

    After:
        main(%positive: float32[batch,4]) {
          %z: float32[batch,4] = RSQRT(%positive)
          return %z
        }
    """
    dividend, root = node.inputs
    inner = made_by(root, Sqrt)
    if inner is None or dividend is None or root is None or not is_alone(root, build.graph) or not is_float(root):
        return None
    reciprocal = build(Rsqrt(), *inner.inputs)
    if uniform(dividend) == 1 and dividend.rank <= root.rank and activation(node) is Activation.NONE:
        return reciprocal if dividend.const is not None and stretches(dividend.const, root.shape) else None
    return build(Mul(fused_activation_function=activation(node)), dividend, reciprocal)


def negated(value: Value | None) -> Value | None:
    """What `value` is the negative of."""
    multiply = made_by(value, Mul)
    if multiply is None or value is None:
        return None
    for inner, constant in operands(multiply):
        if uniform(constant) == -1 and inner.shape == value.shape:
            return inner
    return None
