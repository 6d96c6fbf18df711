"""Activation functions that were written out."""

from __future__ import annotations

import math

from octavo.ir.graph import Node, Value
from octavo.ir.source import Array
from octavo.ops.activation import Gelu, HardSwish, LeakyRelu, Logistic, Prelu, Relu, Relu6, Tanh
from octavo.ops.binary import Add, Div, Maximum, Mul, Sub
from octavo.ops.source_only.error_function import Erf, Erfc
from octavo.ops.unary import Exp
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import (
    activation,
    factors,
    is_near,
    made_by,
    numbers,
    operands,
    stretches,
    uniform,
)
from octavo.optimize.rules.arithmetic import negated
from octavo.schema.enums import Activation


@rewrites(Mul, phase="recognize")
def hard_swish(node: Node, build: Rewriter) -> Value | None:
    """x · relu6(x + 3) / 6 → hard_swish(x)

    Before:
        main(%x: float32[batch,5]) {
          %three = const float32[] 3.0
          %sixth = const float32[] 0.16666667
          %a: float32[batch,5] = ADD(%x, %three)
          %b: float32[batch,5] = RELU6(%a)
          %c: float32[batch,5] = MUL(%b, %sixth)
          %y: float32[batch,5] = MUL(%c, %x)
          return %y
        }

    After:
        main(%x: float32[batch,5]) {
          %y: float32[batch,5] = HARD_SWISH(%x)
          return %y
        }

    Unless:
        main(%x: float32[batch,5], %y: float32[batch,5]) {
          %three = const float32[] 3.0
          %sixth = const float32[] 0.16666667
          %a: float32[batch,5] = ADD(%x, %three)
          %b: float32[batch,5] = RELU6(%a)
          %c: float32[batch,5] = MUL(%b, %sixth)
          %z: float32[batch,5] = MUL(%c, %y)
          return %z
        }
    """
    scale, parts = factors(node.output)
    if not is_near(scale, 1 / 6) or len(parts) != 2:
        return None
    for value, gate in (parts, parts[::-1]):
        clipped = made_by(gate, Relu6)
        shifted = made_by(clipped.inputs[0], Add) if clipped is not None else None
        for inner, constant in operands(shifted) if shifted is not None else ():
            if inner is value and uniform(constant) == 3 and value.shape == node.output.shape:
                return build(HardSwish(), value)
    return None


@rewrites(Mul, phase="recognize")
def gelu(node: Node, build: Rewriter) -> Value | None:
    """x · ½ · (1 + erf(x / √2)) → gelu(x)

    Likewise with erfc(−x / √2) in place of 1 + erf(x / √2), and with the approximation by tanh.

    Before:
        main(%x: float32[batch,5]) {
          %half = const float32[] 0.5
          %r = const float32[] -0.70710677
          %a: float32[batch,5] = MUL(%x, %half)
          %b: float32[batch,5] = MUL(%x, %r)
          %c: float32[batch,5] = erfc(%b)
          %y: float32[batch,5] = MUL(%a, %c)
          return %y
        }

    After:
        main(%x: float32[batch,5]) {
          %y: float32[batch,5] = GELU(%x)
          return %y
        }

    Before:
        main(%x: float32[batch,5]) {
          %half = const float32[] 0.5
          %one = const float32[] 1.0
          %r = const float32[] 0.70710677
          %b: float32[batch,5] = MUL(%x, %r)
          %c: float32[batch,5] = erf(%b)
          %d: float32[batch,5] = ADD(%c, %one)
          %e: float32[batch,5] = MUL(%d, %half)
          %y: float32[batch,5] = MUL(%x, %e)
          return %y
        }

    After:
        main(%x: float32[batch,5]) {
          %y: float32[batch,5] = GELU(%x)
          return %y
        }

    Before:
        main(%x: float32[batch,5]) {
          %half = const float32[] 0.5
          %one = const float32[] 1.0
          %small = const float32[] 0.044715
          %r = const float32[] 0.7978846
          %s: float32[batch,5] = MUL(%x, %x)
          %t: float32[batch,5] = MUL(%s, %x)
          %u: float32[batch,5] = MUL(%t, %small)
          %v: float32[batch,5] = ADD(%x, %u)
          %w: float32[batch,5] = MUL(%v, %r)
          %c: float32[batch,5] = TANH(%w)
          %d: float32[batch,5] = ADD(%c, %one)
          %e: float32[batch,5] = MUL(%x, %half)
          %y: float32[batch,5] = MUL(%e, %d)
          return %y
        }

    After:
        main(%x: float32[batch,5]) {
          %y: float32[batch,5] = GELU(%x) {approximate=True}
          return %y
        }

    Unless:
        main(%x: float32[batch,5]) {
          %half = const float32[] 0.5
          %r = const float32[] -0.5
          %a: float32[batch,5] = MUL(%x, %half)
          %b: float32[batch,5] = MUL(%x, %r)
          %c: float32[batch,5] = erfc(%b)
          %y: float32[batch,5] = MUL(%a, %c)
          return %y
        }
    """
    scale, parts = factors(node.output)
    if not is_near(scale, 0.5) or len(parts) != 2 or activation(node) is not Activation.NONE:
        return None
    for value, gate in (parts, parts[::-1]):
        if value.shape != node.output.shape:
            continue
        if (complement := made_by(gate, Erfc)) is not None and _is_scaled(complement.inputs[0], value, -math.sqrt(0.5)):
            return build(Gelu(), value)
        inner = _beside_one(gate)
        if (error := made_by(inner, Erf)) is not None and _is_scaled(error.inputs[0], value, math.sqrt(0.5)):
            return build(Gelu(), value)
        if (tangent := made_by(inner, Tanh)) is not None and _is_cubic(tangent.inputs[0], value):
            return build(Gelu(approximate=True), value)
    return None


@rewrites(Maximum, phase="recognize")
def leaky_relu(node: Node, build: Rewriter) -> Value | None:
    """max(x, x · a) → leaky_relu{a}(x) where 0 < a < 1

    Before:
        main(%x: float32[batch,5]) {
          %a = const float32[] 0.25
          %s: float32[batch,5] = MUL(%x, %a)
          %y: float32[batch,5] = MAXIMUM(%s, %x)
          return %y
        }

    After:
        main(%x: float32[batch,5]) {
          %y: float32[batch,5] = LEAKY_RELU(%x) {alpha=0.25}
          return %y
        }

    Unless:
        main(%x: float32[batch,5]) {
          %a = const float32[] 1.5
          %s: float32[batch,5] = MUL(%x, %a)
          %y: float32[batch,5] = MAXIMUM(%s, %x)
          return %y
        }
    """
    for value, other in operands(node):
        slope, parts = factors(other)
        if parts == [value] and 0 < slope < 1 and value.shape == node.output.shape:
            return build(LeakyRelu(alpha=slope), value)
    return None


@rewrites(Add, Sub, phase="recognize")
def prelu(node: Node, build: Rewriter) -> Value | None:
    """relu(x) + relu(−x) · (−a) → prelu(x, a)

    Where one number serves for all, LEAKY_RELU does the same.

    Before:
        main(%x: float32[batch,3,5]) {
          %a = const float32[1,5]
          %c = const float32[] -1.0
          %n: float32[batch,3,5] = MUL(%x, %c)
          %p: float32[batch,3,5] = RELU(%x)
          %q: float32[batch,3,5] = RELU(%n)
          %r: float32[batch,3,5] = MUL(%q, %a)
          %y: float32[batch,3,5] = ADD(%p, %r)
          return %y
        }

    After:
        main(%x: float32[batch,3,5]) {
          %a = const float32[1,5]
          %y: float32[batch,3,5] = PRELU(%x, %a)
          return %y
        }

    Before:
        main(%x: float32[batch,5]) {
          %a = const float32[] 0.25
          %c = const float32[] -1.0
          %n: float32[batch,5] = MUL(%x, %c)
          %p: float32[batch,5] = RELU(%x)
          %q: float32[batch,5] = RELU(%n)
          %r: float32[batch,5] = MUL(%a, %q)
          %y: float32[batch,5] = SUB(%p, %r)
          return %y
        }

    After:
        main(%x: float32[batch,5]) {
          %y: float32[batch,5] = LEAKY_RELU(%x) {alpha=0.25}
          return %y
        }

    Unless:
        main(%x: float32[batch,5], %z: float32[batch,5]) {
          %a = const float32[5]
          %c = const float32[] -1.0
          %n: float32[batch,5] = MUL(%z, %c)
          %p: float32[batch,5] = RELU(%x)
          %q: float32[batch,5] = RELU(%n)
          %r: float32[batch,5] = MUL(%q, %a)
          %y: float32[batch,5] = ADD(%p, %r)
          return %y
        }
    """
    if activation(node) is not Activation.NONE:
        return None
    for positive, negative in operands(node) if isinstance(node.op, Add) else [node.inputs]:
        above, below = made_by(positive, Relu), made_by(negative, Mul)
        value = None if above is None else above.inputs[0]
        if value is None or below is None:
            continue
        for clipped, constant in operands(below):
            slope, inner = numbers(constant), made_by(clipped, Relu)
            if slope is None or inner is None or negated(inner.inputs[0]) is not value:
                continue
            return _leaking(build, value, -slope if isinstance(node.op, Add) else slope)
    return None


@rewrites(Div, phase="recognize")
def logistic(node: Node, build: Rewriter) -> Value | None:
    """1 / (1 + e^(−x)) → logistic(x)

    Before:
        main(%x: float32[batch,5]) {
          %one = const float32[] 1.0
          %c = const float32[] -1.0
          %n: float32[batch,5] = MUL(%x, %c)
          %e: float32[batch,5] = EXP(%n)
          %d: float32[batch,5] = ADD(%e, %one)
          %y: float32[batch,5] = DIV(%one, %d)
          return %y
        }

    After:
        main(%x: float32[batch,5]) {
          %y: float32[batch,5] = LOGISTIC(%x)
          return %y
        }

    Unless:
        main(%x: float32[batch,5]) {
          %one = const float32[] 1.0
          %e: float32[batch,5] = EXP(%x)
          %d: float32[batch,5] = ADD(%e, %one)
          %y: float32[batch,5] = DIV(%one, %d)
          return %y
        }
    """
    powers = made_by(_beside_one(node.inputs[1]), Exp)
    value = None if powers is None else negated(powers.inputs[0])
    if uniform(node.inputs[0]) != 1 or value is None or value.shape != node.output.shape:
        return None
    return build(Logistic(), value) if activation(node) is Activation.NONE else None


def _leaking(build: Rewriter, value: Value, slope: Array) -> Value | None:
    if not stretches(slope, value.shape):
        return None
    if slope.size == 1:
        return build(LeakyRelu(alpha=float(slope.item())), value)
    return build(Prelu(), value, slope)


def _is_scaled(value: Value | None, source: Value, target: float) -> bool:
    """Whether `value` is `source` · target."""
    scale, parts = factors(value)
    return is_near(scale, target) and parts == [source]


def _beside_one(value: Value | None) -> Value | None:
    """What is added to 1."""
    add = made_by(value, Add)
    for part, constant in operands(add) if add is not None else ():
        if uniform(constant) == 1:
            return part
    return None


def _is_cubic(value: Value | None, source: Value) -> bool:
    """Whether `value` is √(2/π) · (x + 0.044715 · x³)."""
    scale, parts = factors(value)
    add = made_by(parts[0], Add) if len(parts) == 1 else None
    if add is None or not is_near(scale, math.sqrt(2 / math.pi)):
        return False
    for linear, cubic in operands(add):
        small, powers = factors(cubic)
        if linear is source and is_near(small, 0.044715) and powers == [source] * 3:
            return True
    return False
