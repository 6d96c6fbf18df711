"""Transposes that merge, and that sink through the graph until they meet their inverse."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ops.activation import Elu, Gelu, HardSwish, LeakyRelu, Logistic, Relu, Relu0To1, Relu6, ReluN1To1, Tanh
from octavo.ops.batch_matmul import BatchMatMul
from octavo.ops.binary import Add, Div, Maximum, Minimum, Mul, SquaredDifference, Sub
from octavo.ops.concatenation import Concatenation
from octavo.ops.pad import Pad
from octavo.ops.reduce import Mean, ReduceMax, ReduceMin, Sum
from octavo.ops.transpose import Transpose, transpose
from octavo.ops.unary import Abs, Exp, Log, Rsqrt, Sqrt
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import integers, is_alone, made_by

ONE_BY_ONE = (
    *(Abs, Elu, Exp, Gelu, HardSwish, LeakyRelu, Log, Logistic),
    *(Relu, Relu0To1, Relu6, ReluN1To1, Rsqrt, Sqrt, Tanh),
)
TWO_BY_TWO = (Add, Sub, Mul, Div, Maximum, Minimum, SquaredDifference)
REDUCTIONS = (Mean, Sum, ReduceMax, ReduceMin)


@rewrites(Transpose, phase="canonicalize")
def transpose_of_transpose(node: Node, build: Rewriter) -> Value | None:
    """transpose(transpose(x, p), q) → transpose(x, p[q])

    Before:
        main(%x: float32[batch,2,3,4]) {
          %p = const int32[4] [0, 2, 3, 1]
          %q = const int32[4] [0, 2, 1, 3]
          %a: float32[batch,3,4,2] = TRANSPOSE(%x, %p)
          %y: float32[batch,4,3,2] = TRANSPOSE(%a, %q)
          return %y
        }

    After:
        main(%x: float32[batch,2,3,4]) {
          %p = const int32[4] [0, 3, 2, 1]
          %y: float32[batch,4,3,2] = TRANSPOSE(%x, %p)
          return %y
        }
    """
    inner = made_by(node.inputs[0], Transpose)
    if inner is None or inner.inputs[0] is None:
        return None
    first, second = integers(inner.inputs[1]), integers(node.inputs[1])
    assert first is not None
    assert second is not None
    return transpose(build, inner.inputs[0], [first[axis] for axis in second])


@rewrites(*ONE_BY_ONE, phase="canonicalize")
def transpose_after_function(node: Node, build: Rewriter) -> Value | None:
    """relu(transpose(x)) → transpose(relu(x))

    Transposes sink until they meet their inverse; a model whose channels come first loses nearly all of them so.

    Before:
        main(%x: float32[batch,2,3,4]) {
          %p = const int32[4] [0, 3, 1, 2]
          %a: float32[batch,4,2,3] = TRANSPOSE(%x, %p)
          %y: float32[batch,4,2,3] = RELU(%a)
          return %y
        }

    After:
        main(%x: float32[batch,2,3,4]) {
          %a: float32[batch,2,3,4] = RELU(%x)
          %p = const int32[4] [0, 3, 1, 2]
          %y: float32[batch,4,2,3] = TRANSPOSE(%a, %p)
          return %y
        }

    Unless:
        main(%x: float32[batch,2,3,4]) {
          %p = const int32[4] [0, 3, 1, 2]
          %a: float32[batch,4,2,3] = TRANSPOSE(%x, %p)
          %y: float32[batch,4,2,3] = RELU(%a)
          return %y, %a
        }
    """
    value = node.inputs[0]
    inner = made_by(value, Transpose)
    if inner is None or value is None or not is_alone(value, build.graph):
        return None
    return build(Transpose(), build(node.op, inner.inputs[0]), inner.inputs[1])


@rewrites(*TWO_BY_TWO, phase="canonicalize")
def transpose_after_pair(node: Node, build: Rewriter) -> Value | None:
    """transpose(x) + transpose(y) → transpose(x + y)

    Constants and scalars are transposed before the model runs.

    Before:
        main(%x: float32[batch,2,3,4], %y: float32[batch,2,3,4]) {
          %p = const int32[4] [0, 3, 1, 2]
          %a: float32[batch,4,2,3] = TRANSPOSE(%x, %p)
          %b: float32[batch,4,2,3] = TRANSPOSE(%y, %p)
          %z: float32[batch,4,2,3] = ADD(%a, %b) {fused_activation_function=RELU}
          return %z
        }

    After:
        main(%x: float32[batch,2,3,4], %y: float32[batch,2,3,4]) {
          %z: float32[batch,2,3,4] = ADD(%x, %y) {fused_activation_function=RELU}
          %p = const int32[4] [0, 3, 1, 2]
          %t: float32[batch,4,2,3] = TRANSPOSE(%z, %p)
          return %t
        }

    Before:
        main(%x: float32[batch,2,3,4]) {
          %p = const int32[4] [0, 3, 1, 2]
          %c = const float32[4,1,1]
          %a: float32[batch,4,2,3] = TRANSPOSE(%x, %p)
          %z: float32[batch,4,2,3] = SUB(%c, %a)
          return %z
        }

    After:
        main(%x: float32[batch,2,3,4]) {
          %c = const float32[1,1,1,4]
          %z: float32[batch,2,3,4] = SUB(%c, %x)
          %p = const int32[4] [0, 3, 1, 2]
          %t: float32[batch,4,2,3] = TRANSPOSE(%z, %p)
          return %t
        }

    Unless:
        main(%x: float32[batch,2,3,4], %y: float32[batch,4,2,3]) {
          %p = const int32[4] [0, 3, 1, 2]
          %a: float32[batch,4,2,3] = TRANSPOSE(%x, %p)
          %z: float32[batch,4,2,3] = ADD(%a, %y)
          return %z
        }
    """
    order = _common_order(node.inputs, build)
    if order is None:
        return None
    inverse = [order.index(axis) for axis in range(len(order))]
    moved: list[Value] = []
    for value in node.inputs:
        assert value is not None
        inner = made_by(value, Transpose)
        if inner is not None and inner.inputs[0] is not None:
            moved.append(inner.inputs[0])
            continue
        array = value.const
        assert array is not None
        shape = (1,) * (len(order) - array.ndim) + array.shape
        moved.append(value if array.ndim == 0 else build.const(array.reshape(shape).transpose(inverse), value.name))
    return transpose(build, build(node.op, *moved), order)


@rewrites(Concatenation, phase="canonicalize")
def transpose_after_concatenation(node: Node, build: Rewriter) -> Value | None:
    """concatenation(transpose(x), transpose(y)) → transpose(concatenation(x, y))

    Before:
        main(%x: float32[batch,2,3,4], %y: float32[batch,2,3,5]) {
          %p = const int32[4] [0, 3, 1, 2]
          %a: float32[batch,4,2,3] = TRANSPOSE(%x, %p)
          %b: float32[batch,5,2,3] = TRANSPOSE(%y, %p)
          %z: float32[batch,9,2,3] = CONCATENATION(%a, %b) {axis=1}
          return %z
        }

    After:
        main(%x: float32[batch,2,3,4], %y: float32[batch,2,3,5]) {
          %z: float32[batch,2,3,9] = CONCATENATION(%x, %y) {axis=3}
          %p = const int32[4] [0, 3, 1, 2]
          %t: float32[batch,9,2,3] = TRANSPOSE(%z, %p)
          return %t
        }
    """
    order = _common_order(node.inputs, build, constants=False)
    if order is None:
        return None
    assert isinstance(node.op, Concatenation)
    sources = [inner.inputs[0] for inner in (made_by(value, Transpose) for value in node.inputs) if inner is not None]
    op = Concatenation(order[node.op.axis % len(order)], node.op.fused_activation_function)
    return transpose(build, build(op, *sources), order)


@rewrites(Pad, phase="canonicalize")
def transpose_after_pad(node: Node, build: Rewriter) -> Value | None:
    """pad(transpose(x)) → transpose(pad(x))

    Before:
        main(%x: float32[batch,2,3,4]) {
          %p = const int32[4] [0, 3, 1, 2]
          %q = const int32[4,2] [[0,0],[0,0],[1,1],[1,2]]
          %a: float32[batch,4,2,3] = TRANSPOSE(%x, %p)
          %z: float32[batch,4,4,6] = PAD(%a, %q)
          return %z
        }

    After:
        main(%x: float32[batch,2,3,4]) {
          %q = const int32[4,2] [[0,0],[1,1],[1,2],[0,0]]
          %z: float32[batch,4,6,4] = PAD(%x, %q)
          %p = const int32[4] [0, 3, 1, 2]
          %t: float32[batch,4,4,6] = TRANSPOSE(%z, %p)
          return %t
        }
    """
    order, around = _common_order(node.inputs[:1], build), node.inputs[1]
    inner = made_by(node.inputs[0], Transpose)
    if order is None or inner is None or around is None or around.const is None:
        return None
    inverse = [order.index(axis) for axis in range(len(order))]
    return transpose(build, build(Pad(), inner.inputs[0], around.const[inverse]), order)


@rewrites(*REDUCTIONS, phase="canonicalize")
def reduce_transposed(node: Node, build: Rewriter) -> Value | None:
    """mean(transpose(x), axes) → mean(x, other axes)

    When the dimensions that are left stand in their old order; with `keep_dims` the transpose stays behind it.

    Before:
        main(%x: float32[batch,2,3,4]) {
          %p = const int32[4] [0, 3, 1, 2]
          %axes = const int32[2] [2, 3]
          %a: float32[batch,4,2,3] = TRANSPOSE(%x, %p)
          %z: float32[batch,4] = MEAN(%a, %axes)
          return %z
        }

    After:
        main(%x: float32[batch,2,3,4]) {
          %axes = const int32[2] [1, 2]
          %z: float32[batch,4] = MEAN(%x, %axes)
          return %z
        }

    Before:
        main(%x: float32[batch,2,3,4]) {
          %p = const int32[4] [0, 3, 1, 2]
          %axes = const int32[2] [2, 3]
          %a: float32[batch,4,2,3] = TRANSPOSE(%x, %p)
          %z: float32[batch,4,1,1] = MEAN(%a, %axes) {keep_dims=True}
          return %z
        }

    After:
        main(%x: float32[batch,2,3,4]) {
          %axes = const int32[2] [1, 2]
          %z: float32[batch,1,1,4] = MEAN(%x, %axes) {keep_dims=True}
          %p = const int32[4] [0, 3, 1, 2]
          %t: float32[batch,4,1,1] = TRANSPOSE(%z, %p)
          return %t
        }
    """
    order, axes, op = _common_order(node.inputs[:1], build), integers(node.inputs[1]), node.op
    inner = made_by(node.inputs[0], Transpose)
    if order is None or inner is None or axes is None:
        return None
    assert isinstance(op, Mean | Sum | ReduceMax | ReduceMin)
    reduced = sorted(order[axis] for axis in axes)
    left = [axis for position, axis in enumerate(order) if position not in {a % len(order) for a in axes}]
    if not op.keep_dims and left != sorted(left):
        return None
    result = build(op, inner.inputs[0], np.array(reduced, np.int32))
    return transpose(build, result, order) if op.keep_dims else result


@rewrites(BatchMatMul)
def transpose_into_matmul(node: Node, build: Rewriter) -> Value | None:
    """batch_matmul(x, transpose(y)) → batch_matmul{adj_y}(x, y)

    Only on the right: the fast kernel knows `adj_y` but not `adj_x`.

    Before:
        main(%x: float32[batch,2,3,4], %y: float32[batch,2,5,4]) {
          %p = const int32[4] [0, 1, 3, 2]
          %t: float32[batch,2,4,5] = TRANSPOSE(%y, %p)
          %z: float32[batch,2,3,5] = BATCH_MATMUL(%x, %t)
          return %z
        }

    After:
        main(%x: float32[batch,2,3,4], %y: float32[batch,2,5,4]) {
          %z: float32[batch,2,3,5] = BATCH_MATMUL(%x, %y) {adj_y=True}
          return %z
        }

    Unless:
        main(%x: float32[batch,2,3,4], %y: float32[batch,5,2,4]) {
          %p = const int32[4] [0, 2, 3, 1]
          %t: float32[batch,2,4,5] = TRANSPOSE(%y, %p)
          %z: float32[batch,2,3,5] = BATCH_MATMUL(%x, %t)
          return %z
        }
    """
    op, inner = node.op, made_by(node.inputs[1], Transpose)
    assert isinstance(op, BatchMatMul)
    order = None if inner is None else integers(inner.inputs[1])
    if inner is None or order is None:
        return None
    rank = len(order)
    if order != (*range(rank - 2), rank - 1, rank - 2):
        return None
    return build(BatchMatMul(op.adj_x, not op.adj_y, op.asymmetric_quantize_inputs), node.inputs[0], inner.inputs[0])


def _common_order(values: Sequence[Value | None], build: Rewriter, *, constants: bool = True) -> tuple[int, ...] | None:
    """The permutation that made every one of `values` that is no constant, when one of them has no other reader."""
    orders, vanishes = set(), False
    for value in values:
        assert value is not None
        inner = made_by(value, Transpose)
        if inner is None:
            if constants and value.const is not None and value.quant is None:
                continue
            return None
        vanishes = vanishes or (len(value.users) == 1 and value not in build.graph.outputs)
        orders.add(integers(inner.inputs[1]))
    if len(orders) != 1 or not vanishes:
        return None
    (order,) = orders
    if order is None or any(v is not None and v.const is not None and v.rank > len(order) for v in values):
        return None
    return order
