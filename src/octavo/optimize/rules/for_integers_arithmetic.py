"""Arithmetic that has no integer kernel, as arithmetic that has."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ir.source import Array
from octavo.ops.add_n import AddN
from octavo.ops.binary import Add, Mul, Pow, SquaredDifference, Sub
from octavo.ops.cumsum import Cumsum
from octavo.ops.fully_connected import fully_connected
from octavo.ops.pool_2d import AveragePool2D, L2Pool2D
from octavo.ops.unary import Sqrt
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import activation, integers, is_float, uniform
from octavo.schema.enums import Activation

LONGEST = 256
"""Running sums of this many numbers at most become a product with a matrix: its cost grows with the square."""
POWERS = range(1, 9)
"""Powers that at most four products make."""


@rewrites(AddN, phase="integers")
def add_n_as_sums(node: Node, build: Rewriter) -> Value | None:
    """add_n(x, y, z) → (x + y) + z

    Before:
        main(%x: float32[batch,4], %y: float32[batch,4], %z: float32[batch,4]) {
          %s: float32[batch,4] = ADD_N(%x, %y, %z)
          return %s
        }

    After:
        main(%x: float32[batch,4], %y: float32[batch,4], %z: float32[batch,4]) {
          %a: float32[batch,4] = ADD(%x, %y)
          %s: float32[batch,4] = ADD(%a, %z)
          return %s
        }
    """
    total, *rest = node.inputs
    for value in rest:
        total = build(Add(), total, value)
    return total


@rewrites(SquaredDifference, phase="integers")
def squared_difference_as_product(node: Node, build: Rewriter) -> Value | None:
    """squared_difference(x, y) → (x − y) · (x − y)

    Before:
        main(%x: float32[batch,4], %y: float32[batch,1]) {
          %z: float32[batch,4] = SQUARED_DIFFERENCE(%x, %y)
          return %z
        }

    After:
        main(%x: float32[batch,4], %y: float32[batch,1]) {
          %d: float32[batch,4] = SUB(%x, %y)
          %z: float32[batch,4] = MUL(%d, %d)
          return %z
        }
    """
    difference = build(Sub(), *node.inputs)
    return build(Mul(), difference, difference)


@rewrites(Pow, phase="integers")
def power_as_products(node: Node, build: Rewriter) -> Value | None:
    """pow(x, 5) → x · (x · x) · (x · x)

    Before:
        main(%x: float32[batch,4]) {
          %five = const float32[] 5.0
          %y: float32[batch,4] = POW(%x, %five)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %a: float32[batch,4] = MUL(%x, %x)
          %b: float32[batch,4] = MUL(%a, %a)
          %y: float32[batch,4] = MUL(%x, %b)
          return %y
        }

    Unless:
        main(%positive: float32[batch,4]) {
          %c = const float32[] 2.5
          %y: float32[batch,4] = POW(%positive, %c)
          return %y
        }
    """
    base, exponent = node.inputs[0], uniform(node.inputs[1])
    if (
        base is None
        or base.shape != node.output.shape
        or not is_float(base)
        or exponent is None
        or exponent not in POWERS
    ):
        return build.miss("only powers from 1 to 8 are products")
    power, rest, product = base, int(exponent), None
    while rest:
        if rest & 1:
            product = power if product is None else build(Mul(), product, power)
        rest >>= 1
        power = build(Mul(), power, power) if rest else power
    return product


@rewrites(L2Pool2D, phase="integers")
def root_mean_square_as_average(node: Node, build: Rewriter) -> Value | None:
    """l2_pool(x) → sqrt(average_pool(x · x))

    Before:
        main(%x: float32[batch,4,4,2]) {
          %y: float32[batch,2,2,2] = L2_POOL_2D(%x) {filter_width=2, filter_height=2, stride_w=2, stride_h=2}
          return %y
        }

    After:
        main(%x: float32[batch,4,4,2]) {
          %s: float32[batch,4,4,2] = MUL(%x, %x)
          %a: float32[batch,2,2,2] = AVERAGE_POOL_2D(%s) {stride_w=2, stride_h=2, filter_width=2, filter_height=2}
          %y: float32[batch,2,2,2] = SQRT(%a)
          return %y
        }

    Unless:
        main(%x: float32[batch,4,4,2]) {
          %y: float32[batch,4,4,2] = L2_POOL_2D(%x) {filter_width=2, fused_activation_function=RELU6}
          return %y
        }
    """
    if activation(node) not in (Activation.NONE, Activation.RELU):  # no root is negative
        return build.miss("it applies an activation that changes what is positive")
    assert isinstance(node.op, L2Pool2D)
    plain = replace(node.op, fused_activation_function=Activation.NONE)
    average = AveragePool2D(**{field.name: getattr(plain, field.name) for field in fields(plain)})
    return build(Sqrt(), build(average, build(Mul(), node.inputs[0], node.inputs[0])))


@rewrites(Cumsum, phase="integers")
def running_sum_as_matmul(node: Node, build: Rewriter) -> Value | None:
    """cumsum(x) → x · (a triangle of ones)

    Before:
        main(%x: float32[batch,4]) {
          %axis = const int32[] 1
          %y: float32[batch,4] = CUMSUM(%x, %axis)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %w = const float32[4,4]
          %b = const float32[4]
          %y: float32[batch,4] = FULLY_CONNECTED(%x, %w, %b)
          return %y
        }

    Unless:
        main(%x: float32[batch,1000]) {
          %axis = const int32[] 1
          %y: float32[batch,1000] = CUMSUM(%x, %axis)
          return %y
        }
    """
    input, axis = node.inputs[0], integers(node.inputs[1])
    assert input is not None
    assert isinstance(node.op, Cumsum)
    length = input.shape[-1] if input.rank > 1 else None
    if not is_float(input) or axis is None or axis[0] % input.rank != input.rank - 1:
        return build.miss("only running sums along the last dimension are products")
    if not isinstance(length, int) or length > LONGEST:
        return build.miss(f"the product with a matrix costs too much: more than {LONGEST} numbers")
    ones: Array = np.tri(length, k=-1 if node.op.exclusive else 0, dtype=np.float32)
    return fully_connected(build, input, build.const(ones.T.copy() if node.op.reverse else ones, "ones"))
