"""Normalization by statistics that are computed at run time."""

from __future__ import annotations

from octavo.ir.graph import Node, Value
from octavo.ops.binary import Add, Div, Maximum, Minimum, Mul, Sub
from octavo.ops.l2_normalization import L2Normalization
from octavo.ops.reduce import ReduceMax, Sum
from octavo.ops.softmax import LogSoftmax, Softmax
from octavo.ops.unary import Exp, Rsqrt
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import activation, integers, is_alone, is_float, is_near, made_by, operands, uniform
from octavo.optimize.rules.arithmetic import negated
from octavo.schema.enums import Activation


@rewrites(Add, Sub, phase="recognize")
def subtract_mean_first(node: Node, build: Rewriter) -> Value | None:
    """x · k + (b − m · k) → (x − m) · k + b

    So Keras writes layer and group normalization. Subtracting first saves two operations and loses no digits to
    cancellation; a constant factor of `k` goes last, where it can join what follows.

    Before:
        main(%x: float32[batch,5,4], %m: float32[batch,5,1], %r: float32[batch,5,1]) {
          %g = const float32[4]
          %b = const float32[4]
          %c = const float32[] -1.0
          %k: float32[batch,5,4] = MUL(%r, %g)
          %n: float32[batch,5,1] = MUL(%m, %c)
          %s: float32[batch,5,4] = MUL(%n, %k)
          %t: float32[batch,5,4] = ADD(%s, %b)
          %u: float32[batch,5,4] = MUL(%x, %k)
          %y: float32[batch,5,4] = ADD(%u, %t) {fused_activation_function=RELU}
          return %y
        }

    After:
        main(%x: float32[batch,5,4], %m: float32[batch,5,1], %r: float32[batch,5,1]) {
          %d: float32[batch,5,4] = SUB(%x, %m)
          %u: float32[batch,5,4] = MUL(%d, %r)
          %g = const float32[4]
          %v: float32[batch,5,4] = MUL(%u, %g)
          %b = const float32[4]
          %y: float32[batch,5,4] = ADD(%v, %b) {fused_activation_function=RELU}
          return %y
        }

    Before:
        main(%x: float32[batch,5,4], %m: float32[batch,5,1], %k: float32[batch,5,1]) {
          %b = const float32[4]
          %s: float32[batch,5,1] = MUL(%m, %k)
          %t: float32[batch,5,4] = SUB(%b, %s)
          %u: float32[batch,5,4] = MUL(%k, %x)
          %y: float32[batch,5,4] = ADD(%t, %u)
          return %y
        }

    After:
        main(%x: float32[batch,5,4], %m: float32[batch,5,1], %k: float32[batch,5,1]) {
          %d: float32[batch,5,4] = SUB(%x, %m)
          %u: float32[batch,5,4] = MUL(%d, %k)
          %b = const float32[4]
          %y: float32[batch,5,4] = ADD(%u, %b)
          return %y
        }

    Before:
        main(%x: float32[batch,5,4], %m: float32[batch,5,1], %k: float32[batch,5,1]) {
          %s: float32[batch,5,1] = MUL(%m, %k)
          %u: float32[batch,5,4] = MUL(%k, %x)
          %y: float32[batch,5,4] = SUB(%u, %s)
          return %y
        }

    After:
        main(%x: float32[batch,5,4], %m: float32[batch,5,1], %k: float32[batch,5,1]) {
          %d: float32[batch,5,4] = SUB(%x, %m)
          %y: float32[batch,5,4] = MUL(%d, %k)
          return %y
        }

    Unless:
        main(%x: float32[batch,5,4], %m: float32[batch,5,1], %k: float32[batch,5,1]) {
          %s: float32[batch,5,1] = MUL(%m, %k)
          %u: float32[batch,5,4] = MUL(%k, %x)
          %y: float32[batch,5,4] = SUB(%u, %s)
          return %y, %u
        }
    """
    pairs = operands(node) if isinstance(node.op, Add) else [node.inputs]
    for scaled, rest in pairs:
        multiply = made_by(scaled, Mul)
        if multiply is None or scaled is None or rest is None or not is_float(scaled, rest):
            continue
        if not is_alone(scaled, build.graph) or not is_alone(rest, build.graph):
            continue
        for value, factor in operands(multiply):
            if factor.const is not None:
                continue
            found = (_mean(rest, factor), None) if isinstance(node.op, Sub) else _mean_and_shift(rest, factor)
            if found[0] is not None:
                return _normalized(build, node, (value, found[0], factor, found[1]))
    return None


@rewrites(Div, phase="recognize")
def softmax(node: Node, build: Rewriter) -> Value | None:
    """e^(x − max x) / Σ e^(x − max x) → softmax(x)

    Over the last dimension, with or without the maximum, which is there only against overflow.

    Before:
        main(%x: float32[batch,5,4]) {
          %axis = const int32[1] [-1]
          %m: float32[batch,5,1] = REDUCE_MAX(%x, %axis) {keep_dims=True}
          %d: float32[batch,5,4] = SUB(%x, %m)
          %e: float32[batch,5,4] = EXP(%d)
          %s: float32[batch,5,1] = SUM(%e, %axis) {keep_dims=True}
          %y: float32[batch,5,4] = DIV(%e, %s)
          return %y
        }

    After:
        main(%x: float32[batch,5,4]) {
          %y: float32[batch,5,4] = SOFTMAX(%x)
          return %y
        }

    Unless:
        main(%x: float32[batch,5,4]) {
          %axis = const int32[1] [1]
          %e: float32[batch,5,4] = EXP(%x)
          %s: float32[batch,1,4] = SUM(%e, %axis) {keep_dims=True}
          %y: float32[batch,5,4] = DIV(%e, %s)
          return %y
        }
    """
    if activation(node) is not Activation.NONE:
        return None
    powers, total = node.inputs
    exponential, summed = made_by(powers, Exp), made_by(total, Sum)
    if exponential is None or summed is None or summed.inputs[0] is not powers or not _is_last(summed):
        return None
    value = exponential.inputs[0]
    return build(Softmax(), _below_greatest(value) or value)


@rewrites(Softmax, LogSoftmax, phase="recognize")
def softmax_of_what_is_below_its_greatest(node: Node, build: Rewriter) -> Value | None:
    """softmax(x − max x) → softmax(x)

    The kernel subtracts the greatest itself. The difference would be one more tensor that integers round.

    Before:
        main(%x: float32[batch,5,4]) {
          %axis = const int32[1] [-1]
          %m: float32[batch,5,1] = REDUCE_MAX(%x, %axis) {keep_dims=True}
          %d: float32[batch,5,4] = SUB(%x, %m)
          %y: float32[batch,5,4] = SOFTMAX(%d) {beta=2.0}
          return %y
        }

    After:
        main(%x: float32[batch,5,4]) {
          %y: float32[batch,5,4] = SOFTMAX(%x) {beta=2.0}
          return %y
        }

    Unless:
        main(%x: float32[batch,5,4]) {
          %axis = const int32[1] [1]
          %m: float32[batch,1,4] = REDUCE_MAX(%x, %axis) {keep_dims=True}
          %d: float32[batch,5,4] = SUB(%x, %m)
          %y: float32[batch,5,4] = SOFTMAX(%d)
          return %y
        }

    Unless:
        main(%x: float32[batch,5,4], %z: float32[batch,5,4]) {
          %axis = const int32[1] [-1]
          %m: float32[batch,5,1] = REDUCE_MAX(%z, %axis) {keep_dims=True}
          %d: float32[batch,5,4] = SUB(%x, %m)
          %y: float32[batch,5,4] = SOFTMAX(%d)
          return %y
        }
    """
    value = _below_greatest(node.inputs[0])
    return None if value is None else build(node.op, value)


def _below_greatest(value: Value | None) -> Value | None:
    """x when `value` is x less the greatest of each row."""
    difference = made_by(value, Sub)
    largest = None if difference is None else made_by(difference.inputs[1], ReduceMax)
    if difference is None or largest is None or not _is_last(largest):
        return None
    return difference.inputs[0] if largest.inputs[0] is difference.inputs[0] else None


@rewrites(Mul, phase="recognize")
def l2_normalization(node: Node, build: Rewriter) -> Value | None:
    """x · rsqrt(max(Σ x², 10⁻¹²)) → l2_normalization(x)

    Over the last dimension. The kernel keeps the root above 10⁻⁶, so another bound is another function. Keras bounds
    the reciprocal instead, at 10¹²: the same but for vectors shorter than 10⁻⁶, which float32 hardly holds.

    Before:
        main(%x: float32[batch,5,4]) {
          %axis = const int32[1] [2]
          %eps = const float32[] 1e-12
          %q: float32[batch,5,4] = MUL(%x, %x)
          %s: float32[batch,5,1] = SUM(%q, %axis) {keep_dims=True}
          %m: float32[batch,5,1] = MAXIMUM(%s, %eps)
          %r: float32[batch,5,1] = RSQRT(%m)
          %y: float32[batch,5,4] = MUL(%x, %r)
          return %y
        }

    After:
        main(%x: float32[batch,5,4]) {
          %y: float32[batch,5,4] = L2_NORMALIZATION(%x)
          return %y
        }

    Before:
        main(%x: float32[batch,4]) {
          %axis = const int32[1] [1]
          %most = const float32[] 1e12
          %q: float32[batch,4] = MUL(%x, %x)
          %s: float32[batch,1] = SUM(%q, %axis) {keep_dims=True}
          %r: float32[batch,1] = RSQRT(%s)
          %m: float32[batch,1] = MINIMUM(%r, %most)
          %y: float32[batch,4] = MUL(%x, %m)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %y: float32[batch,4] = L2_NORMALIZATION(%x)
          return %y
        }

    Unless:
        main(%x: float32[batch,5,4]) {
          %axis = const int32[1] [2]
          %eps = const float32[] 0.001
          %q: float32[batch,5,4] = MUL(%x, %x)
          %s: float32[batch,5,1] = SUM(%q, %axis) {keep_dims=True}
          %m: float32[batch,5,1] = MAXIMUM(%s, %eps)
          %r: float32[batch,5,1] = RSQRT(%m)
          %y: float32[batch,5,4] = MUL(%x, %r)
          return %y
        }
    """
    if activation(node) is not Activation.NONE or node.output.rank > 4:
        return None
    for value, reciprocal in operands(node):
        found = _bounded_below(reciprocal) or _bounded_above(reciprocal)
        if found is None or found[0] is not value:
            continue
        if not is_near(found[1], 1e-12):
            return build.miss(f"the sum of squares is kept above {found[1]:g}, L2_NORMALIZATION keeps it above 1e-12")
        return build(L2Normalization(), value)
    return None


Parts = tuple[Value, Value, Value, Value | None]


def _normalized(build: Rewriter, node: Node, parts: Parts) -> Value:
    """(value − mean) · factor + shift, with the node's activation at the end."""
    value, mean, factor, shift = parts
    last = activation(node)
    product, gain = factor, None
    inner = made_by(factor, Mul)
    for source, constant in operands(inner) if inner is not None else ():
        if constant.const is not None:
            product, gain = source, constant
    result = build(Sub(), value, mean)
    for factor_left in [product] if gain is None else [product, gain]:
        is_last = shift is None and factor_left is (gain or product)
        result = build(Mul(fused_activation_function=last if is_last else Activation.NONE), result, factor_left)
    return result if shift is None else build(Add(fused_activation_function=last), result, shift)


def _mean_and_shift(rest: Value, factor: Value) -> tuple[Value | None, Value | None]:
    """(m, b) when `rest` is b − m · factor; b is None when there is none."""
    add, subtract = made_by(rest, Add), made_by(rest, Sub)
    if subtract is not None and subtract.inputs[0] is not None and subtract.inputs[0].const is not None:
        return _mean(subtract.inputs[1], factor), subtract.inputs[0]
    for part, shift in operands(add) if add is not None else ():
        if shift.const is not None:
            return _negative_mean(part, factor), shift
    return _negative_mean(rest, factor), None


def _negative_mean(part: Value, factor: Value) -> Value | None:
    """The mean m when `part` is −m · factor."""
    if (positive := negated(part)) is not None:
        return _mean(positive, factor)
    return negated(_mean(part, factor))


def _mean(part: Value | None, factor: Value) -> Value | None:
    """The mean m when `part` is m · factor."""
    multiply = made_by(part, Mul)
    for value, other in operands(multiply) if multiply is not None else ():
        if other is factor:
            return value
    return None


def _is_last(reduction: Node) -> bool:
    """Whether the node reduces the last dimension only, and keeps it."""
    value, axes = reduction.inputs[0], integers(reduction.inputs[1])
    assert value is not None
    return getattr(reduction.op, "keep_dims", False) and axes in ((-1,), (value.rank - 1,))


def _bounded_below(value: Value | None) -> tuple[Value, float] | None:
    """(x, bound) when `value` is rsqrt(max(Σ x², bound)) over the last dimension."""
    root = made_by(value, Rsqrt)
    maximum = None if root is None else made_by(root.inputs[0], Maximum)
    for part, constant in operands(maximum) if maximum is not None else ():
        bound, squared = uniform(constant), _squared(part)
        if bound is not None and squared is not None:
            return squared, bound
    return None


def _bounded_above(value: Value | None) -> tuple[Value, float] | None:
    """(x, 1 / bound) when `value` is min(rsqrt(Σ x²), bound) over the last dimension."""
    minimum = made_by(value, Minimum)
    for part, constant in operands(minimum) if minimum is not None else ():
        bound, root = uniform(constant), made_by(part, Rsqrt)
        squared = None if root is None else _squared(root.inputs[0])
        if bound and squared is not None:
            return squared, 1 / bound
    return None


def _squared(value: Value | None) -> Value | None:
    """X when `value` is Σ x² over the last dimension."""
    total = made_by(value, Sum)
    squares = None if total is None or not _is_last(total) else made_by(total.inputs[0], Mul)
    return squares.inputs[0] if squares is not None and squares.inputs[0] is squares.inputs[1] else None
