"""Activations and normalizations that have no integer kernel, or a slow one, as operations that have."""

from __future__ import annotations

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ops.activation import Elu, HardSwish, Relu, Relu0To1, Relu6, ReluN1To1
from octavo.ops.binary import Add, Maximum, Minimum, Mul, Sub
from octavo.ops.l2_normalization import LEAST_LENGTH, L2Normalization
from octavo.ops.reduce import ReduceMax, Sum
from octavo.ops.softmax import LogSoftmax, Softmax
from octavo.ops.unary import Exp, Log, Rsqrt
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import activation
from octavo.schema.enums import Activation

LAST = np.array([-1], np.int32)


@rewrites(HardSwish, phase="integers")
def hard_swish_as_product(node: Node, build: Rewriter) -> Value | None:
    """hard_swish(x) → x · (relu6(x + 3) · ⅙)

    Before:
        main(%x: float32[batch,4]) {
          %y: float32[batch,4] = HARD_SWISH(%x)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %three = const float32[] 3.0
          %r: float32[batch,4] = ADD(%x, %three) {fused_activation_function=RELU6}
          %sixth = const float32[] 0.16666667
          %g: float32[batch,4] = MUL(%r, %sixth)
          %y: float32[batch,4] = MUL(%x, %g)
          return %y
        }
    """
    gate = build(Add(fused_activation_function=Activation.RELU6), node.inputs[0], np.float32(3))
    return build(Mul(), node.inputs[0], build(Mul(), gate, np.float32(1 / 6)))


@rewrites(Relu, Relu6, phase="integers")
def clip_at_zero_as_sum(node: Node, build: Rewriter) -> Value | None:
    """relu6(x) → relu6(x + 0)

    Before:
        main(%x: float32[batch,4]) {
          %y: float32[batch,4] = RELU6(%x)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %zero = const float32[] 0.0
          %y: float32[batch,4] = ADD(%x, %zero) {fused_activation_function=RELU6}
          return %y
        }
    """
    applied = Activation.RELU if isinstance(node.op, Relu) else Activation.RELU6
    return build(Add(fused_activation_function=applied), node.inputs[0], np.float32(0))


@rewrites(ReluN1To1, phase="integers")
def clip_at_one_as_sum(node: Node, build: Rewriter) -> Value | None:
    """relu_n1_to_1(x) → relu_n1_to_1(x + 0)

    A sum has a grid of its own, whatever the range of x, where MINIMUM and MAXIMUM would share that of x.

    Before:
        main(%x: float32[batch,4]) {
          %y: float32[batch,4] = RELU_N1_TO_1(%x)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %zero = const float32[] 0.0
          %y: float32[batch,4] = ADD(%x, %zero) {fused_activation_function=RELU_N1_TO_1}
          return %y
        }
    """
    return build(Add(fused_activation_function=Activation.RELU_N1_TO_1), node.inputs[0], np.float32(0))


@rewrites(Relu0To1, phase="integers")
def clip_at_zero_and_one_as_sum(node: Node, build: Rewriter) -> Value | None:
    """relu_0_to_1(x) → relu_n1_to_1(relu(x) + 0)

    Before:
        main(%x: float32[batch,4]) {
          %y: float32[batch,4] = RELU_0_TO_1(%x)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %r: float32[batch,4] = RELU(%x)
          %zero = const float32[] 0.0
          %y: float32[batch,4] = ADD(%r, %zero) {fused_activation_function=RELU_N1_TO_1}
          return %y
        }
    """
    positive = build(Relu(), node.inputs[0])
    return build(Add(fused_activation_function=Activation.RELU_N1_TO_1), positive, np.float32(0))


@rewrites(Elu, phase="integers")
def elu_as_exponential(node: Node, build: Rewriter) -> Value | None:
    """elu(x) → relu(x) + (exp(min(x, 0)) − 1)

    Before:
        main(%x: float32[batch,4]) {
          %y: float32[batch,4] = ELU(%x)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %zero = const float32[] 0.0
          %m: float32[batch,4] = MINIMUM(%x, %zero)
          %e: float32[batch,4] = EXP(%m)
          %r: float32[batch,4] = RELU(%x)
          %one = const float32[] -1.0
          %n: float32[batch,4] = ADD(%e, %one)
          %y: float32[batch,4] = ADD(%r, %n)
          return %y
        }
    """
    power = build(Exp(), build(Minimum(), node.inputs[0], np.float32(0)))
    return build(Add(), build(Relu(), node.inputs[0]), build(Add(), power, np.float32(-1)))


@rewrites(LogSoftmax, phase="integers")
def log_softmax_as_softmax(node: Node, build: Rewriter) -> Value | None:
    """log_softmax(x) → (x − max x) + log(max softmax(x))

    The largest part of a softmax is no smaller than one over their number, where the logarithm is tame; and its kernel
    is exact to a step, where a table of exponentials would not be.

    Before:
        main(%x: float32[batch,4]) {
          %y: float32[batch,4] = LOG_SOFTMAX(%x)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %s: float32[batch,4] = SOFTMAX(%x) {beta=1.0}
          %a = const int32[1] [-1]
          %p: float32[batch,1] = REDUCE_MAX(%s, %a) {keep_dims=True}
          %l: float32[batch,1] = LOG(%p)
          %m: float32[batch,1] = REDUCE_MAX(%x, %a) {keep_dims=True}
          %d: float32[batch,4] = SUB(%x, %m)
          %y: float32[batch,4] = ADD(%d, %l)
          return %y
        }
    """
    greatest = build(Log(), build(ReduceMax(keep_dims=True), build(Softmax(), node.inputs[0]), LAST))
    below = build(Sub(), node.inputs[0], build(ReduceMax(keep_dims=True), node.inputs[0], LAST))
    return build(Add(), below, greatest)


@rewrites(L2Normalization, phase="integers")
def l2_normalization_as_product(node: Node, build: Rewriter) -> Value | None:
    """x / ‖x‖ → x · rsqrt(max(Σ x², ε²))

    Before:
        main(%x: float32[batch,4]) {
          %y: float32[batch,4] = L2_NORMALIZATION(%x)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %s: float32[batch,4] = MUL(%x, %x)
          %a = const int32[1] [-1]
          %t: float32[batch,1] = SUM(%s, %a) {keep_dims=True}
          %e = const float32[] 1e-12
          %m: float32[batch,1] = MAXIMUM(%t, %e)
          %r: float32[batch,1] = RSQRT(%m)
          %y: float32[batch,4] = MUL(%x, %r)
          return %y
        }

    Unless:
        main(%x: float32[batch,4]) {
          %y: float32[batch,4] = L2_NORMALIZATION(%x) {fused_activation_function=RELU}
          return %y
        }
    """
    if activation(node) is not Activation.NONE:
        return build.miss("it applies an activation")
    total = build(Sum(keep_dims=True), build(Mul(), node.inputs[0], node.inputs[0]), LAST)
    return build(Mul(), node.inputs[0], build(Rsqrt(), build(Maximum(), total, np.float32(LEAST_LENGTH**2))))
