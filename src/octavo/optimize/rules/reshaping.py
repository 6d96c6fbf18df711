"""Reshapes that merge, vanish, or step aside for an operation that fuses."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from octavo.ir.dim import Dim, is_static, product
from octavo.ir.graph import Node, Value
from octavo.ir.source import Array
from octavo.ops.activation import Relu, Relu6, ReluN1To1
from octavo.ops.binary import Add, Mul
from octavo.ops.expand_dims import ExpandDims
from octavo.ops.reduce import Mean, ReduceMax, ReduceMin, ReduceProd, Sum
from octavo.ops.reshape import Reshape, reshape
from octavo.ops.squeeze import Squeeze
from octavo.ops.transpose import Transpose
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import integers, is_alone, made_by, numbers, operands, stretches
from octavo.optimize.rules._weighted import linear


@rewrites(Squeeze, ExpandDims, phase="canonicalize")
def resized_is_reshape(node: Node, build: Rewriter) -> Value | None:
    """squeeze(x) → reshape(x, …)

    One spelling for all, so that they merge. Not where several dimensions are known only at run time: the new shape
    would have to be computed.

    Before:
        main(%x: float32[batch,4,1]) {
          %axis = const int32[] 1
          %a: float32[batch,4] = SQUEEZE(%x) {squeeze_dims=(2,)}
          %y: float32[batch,1,4] = EXPAND_DIMS(%a, %axis)
          return %y
        }

    After:
        main(%x: float32[batch,4,1]) {
          %s = const int32[2] [-1, 4]
          %a: float32[batch,4] = RESHAPE(%x, %s)
          %t = const int32[3] [-1, 1, 4]
          %y: float32[batch,1,4] = RESHAPE(%a, %t)
          return %y
        }

    Unless:
        main(%x: float32[batch,length,1]) {
          %y: float32[batch,length] = SQUEEZE(%x) {squeeze_dims=(2,)}
          return %y
        }
    """
    value = node.inputs[0]
    assert value is not None
    return _reshape(build, value, node.output.shape)


@rewrites(Reshape, phase="canonicalize")
def reshape_of_reshape(node: Node, build: Rewriter) -> Value | None:
    """reshape(reshape(x, s), t) → reshape(x, t)

    Before:
        main(%x: float32[batch,4,6]) {
          %s = const int32[2] [-1, 24]
          %t = const int32[3] [-1, 8, 3]
          %a: float32[batch,24] = RESHAPE(%x, %s)
          %y: float32[batch,8,3] = RESHAPE(%a, %t)
          return %y
        }

    After:
        main(%x: float32[batch,4,6]) {
          %t = const int32[3] [-1, 8, 3]
          %y: float32[batch,8,3] = RESHAPE(%x, %t)
          return %y
        }
    """
    inner = made_by(node.inputs[0], Reshape)
    return None if inner is None or inner.inputs[0] is None else _reshape(build, inner.inputs[0], node.output.shape)


@rewrites(Transpose, phase="canonicalize")
def transpose_is_reshape(node: Node, build: Rewriter) -> Value | None:
    """transpose(x) → reshape(x)

    When only dimensions of length 1 change place: nothing moves in memory.

    Before:
        main(%x: float32[batch,4,1,3]) {
          %p = const int32[4] [0, 2, 1, 3]
          %y: float32[batch,1,4,3] = TRANSPOSE(%x, %p)
          return %y
        }

    After:
        main(%x: float32[batch,4,1,3]) {
          %s = const int32[4] [-1, 1, 4, 3]
          %y: float32[batch,1,4,3] = RESHAPE(%x, %s)
          return %y
        }

    Unless:
        main(%x: float32[batch,4,2,3]) {
          %p = const int32[4] [0, 2, 1, 3]
          %y: float32[batch,2,4,3] = TRANSPOSE(%x, %p)
          return %y
        }
    """
    value, order = node.inputs[0], integers(node.inputs[1])
    if value is None or order is None:
        return None
    moving = [axis for axis in order if value.shape[axis] != 1]
    return _reshape(build, value, node.output.shape) if moving == sorted(moving) else None


@rewrites(Reshape)
def reduce_keeps_dims(node: Node, build: Rewriter) -> Value | None:
    """reshape(mean(x), [batch, 1, 1, c]) → mean{keep_dims}(x)

    Likewise for the other reductions, and in the other direction.

    Before:
        main(%x: float32[batch,5,5,4]) {
          %axes = const int32[2] [1, 2]
          %s = const int32[4] [-1, 1, 1, 4]
          %m: float32[batch,4] = MEAN(%x, %axes)
          %y: float32[batch,1,1,4] = RESHAPE(%m, %s)
          return %y
        }

    After:
        main(%x: float32[batch,5,5,4]) {
          %axes = const int32[2] [1, 2]
          %y: float32[batch,1,1,4] = MEAN(%x, %axes) {keep_dims=True}
          return %y
        }

    Before:
        main(%x: float32[batch,5,4]) {
          %axes = const int32[1] [1]
          %s = const int32[2] [-1, 4]
          %m: float32[batch,1,4] = REDUCE_MAX(%x, %axes) {keep_dims=True}
          %y: float32[batch,4] = RESHAPE(%m, %s)
          return %y
        }

    After:
        main(%x: float32[batch,5,4]) {
          %axes = const int32[1] [1]
          %y: float32[batch,4] = REDUCE_MAX(%x, %axes)
          return %y
        }

    Unless:
        main(%x: float32[batch,5,5,4]) {
          %axes = const int32[2] [1, 2]
          %s = const int32[3] [-1, 1, 4]
          %m: float32[batch,4] = MEAN(%x, %axes)
          %y: float32[batch,1,4] = RESHAPE(%m, %s)
          return %y
        }

    Unless:
        main(%x: float32[batch,5,5,4]) {
          %axes = const int32[2] [1, 2]
          %s = const int32[4] [-1, 1, 1, 4]
          %m: float32[batch,4] = MEAN(%x, %axes)
          %y: float32[batch,1,1,4] = RESHAPE(%m, %s)
          return %y, %m
        }
    """
    inner = made_by(node.inputs[0], Mean, Sum, ReduceMax, ReduceMin, ReduceProd)
    if inner is None or not is_alone(inner.output, build.graph):
        return None
    assert isinstance(inner.op, Mean | Sum | ReduceMax | ReduceMin | ReduceProd)
    reduced = build(replace(inner.op, keep_dims=not inner.op.keep_dims), *inner.inputs)
    return reduced if reduced.shape == node.output.shape else None


@rewrites(Add, Mul)
def constant_before_reshape(node: Node, build: Rewriter) -> Value | None:
    """reshape(conv(x, w)) + c → reshape(conv(x, w) + c)

    When `c` is per channel and the channels stay, or are split: there it joins the bias.

    Before:
        main(%x: float32[batch,1,8,3]) {
          %w = const float32[4,1,3,3]
          %b = const float32[4]
          %c = const float32[4]
          %s = const int32[3] [-1, 8, 4]
          %a: float32[batch,1,8,4] = CONV_2D(%x, %w, %b)
          %r: float32[batch,8,4] = RESHAPE(%a, %s)
          %y: float32[batch,8,4] = ADD(%r, %c)
          return %y
        }

    After:
        main(%x: float32[batch,1,8,3]) {
          %w = const float32[4,1,3,3]
          %b = const float32[4]
          %a: float32[batch,1,8,4] = CONV_2D(%x, %w, %b)
          %c = const float32[4]
          %r: float32[batch,1,8,4] = ADD(%a, %c)
          %s = const int32[3] [-1, 8, 4]
          %y: float32[batch,8,4] = RESHAPE(%r, %s)
          return %y
        }

    Before:
        main(%x: float32[batch,6,8]) {
          %w = const float32[8,8]
          %c = const float32[2,4]
          %s = const int32[4] [-1, 6, 2, 4]
          %a: float32[batch,6,8] = FULLY_CONNECTED(%x, %w, _) {keep_num_dims=True}
          %r: float32[batch,6,2,4] = RESHAPE(%a, %s)
          %y: float32[batch,6,2,4] = ADD(%r, %c)
          return %y
        }

    After:
        main(%x: float32[batch,6,8]) {
          %w = const float32[8,8]
          %a: float32[batch,6,8] = FULLY_CONNECTED(%x, %w, _) {keep_num_dims=True}
          %c = const float32[8]
          %r: float32[batch,6,8] = ADD(%a, %c)
          %s = const int32[4] [-1, 6, 2, 4]
          %y: float32[batch,6,2,4] = RESHAPE(%r, %s)
          return %y
        }

    Unless:
        main(%x: float32[batch,1,8,3]) {
          %w = const float32[4,1,3,3]
          %b = const float32[4]
          %c = const float32[2]
          %s = const int32[3] [-1, 16, 2]
          %a: float32[batch,1,8,4] = CONV_2D(%x, %w, %b)
          %r: float32[batch,16,2] = RESHAPE(%a, %s)
          %y: float32[batch,16,2] = ADD(%r, %c)
          return %y
        }
    """
    for value, constant in operands(node):
        inner = made_by(value, Reshape)
        source = None if inner is None else inner.inputs[0]
        if inner is None or source is None or linear(source) is None:
            continue
        vector = _flat(numbers(constant), value.shape, source.shape[-1])
        if vector is not None and is_alone(value, build.graph) and is_alone(source, build.graph):
            return build(inner.op, build(node.op, source, vector), *inner.inputs[1:])
    return None


@rewrites(Relu, Relu6, ReluN1To1)
def activation_before_reshape(node: Node, build: Rewriter) -> Value | None:
    """relu(reshape(conv(x, w))) → reshape(relu(conv(x, w)))

    There the activation fuses. Likewise for TRANSPOSE.

    Before:
        main(%x: float32[batch,1,8,3]) {
          %w = const float32[4,1,3,3]
          %b = const float32[4]
          %s = const int32[3] [-1, 8, 4]
          %a: float32[batch,1,8,4] = CONV_2D(%x, %w, %b)
          %r: float32[batch,8,4] = RESHAPE(%a, %s)
          %y: float32[batch,8,4] = RELU(%r)
          return %y
        }

    After:
        main(%x: float32[batch,1,8,3]) {
          %w = const float32[4,1,3,3]
          %b = const float32[4]
          %a: float32[batch,1,8,4] = CONV_2D(%x, %w, %b)
          %r: float32[batch,1,8,4] = RELU(%a)
          %s = const int32[3] [-1, 8, 4]
          %y: float32[batch,8,4] = RESHAPE(%r, %s)
          return %y
        }

    Unless:
        main(%x: float32[batch,8,3]) {
          %s = const int32[2] [-1, 24]
          %r: float32[batch,24] = RESHAPE(%x, %s)
          %y: float32[batch,24] = RELU(%r)
          return %y
        }
    """
    value = node.inputs[0]
    inner = made_by(value, Reshape, Transpose)
    source = None if inner is None else inner.inputs[0]
    if inner is None or value is None or linear(source) is None or source is None:
        return None
    if not is_alone(value, build.graph) or not is_alone(source, build.graph):
        return None
    return build(inner.op, build(node.op, source), *inner.inputs[1:])


def _reshape(build: Rewriter, value: Value, shape: tuple[Dim, ...]) -> Value | None:
    """`value` in another shape, unless that shape would have to be computed at run time."""
    if sum(not isinstance(dim, int) for dim in shape) > 1 or math.prod(d for d in shape if isinstance(d, int)) == 0:
        return None
    return reshape(build, value, shape)


def _flat(constant: Array | None, shape: tuple[Dim, ...], channels: Dim) -> Array | None:
    """The constant that meets a tensor of `shape` as one number for each of the channels that its end is made of."""
    if constant is None or not stretches(constant, shape):
        return None
    for start in range(len(shape) - 1, 0, -1):
        end = shape[start:]
        if is_static(end) and product(end) == channels:
            outer = max(constant.ndim - len(end), 0)
            if any(dim != 1 for dim in constant.shape[:outer]):
                return None
            inner = constant.reshape(constant.shape[outer:])
            return np.ascontiguousarray(np.broadcast_to(inner, tuple(int(dim) for dim in end)).reshape(-1))
    return None
