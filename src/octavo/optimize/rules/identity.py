"""Operations that change nothing."""

from __future__ import annotations

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ir.source import Array
from octavo.ops.binary import Add, Div, Mul, Sub
from octavo.ops.cast import Cast
from octavo.ops.concatenation import Concatenation
from octavo.ops.pad import Pad, PadV2
from octavo.ops.reshape import Reshape
from octavo.ops.slice import Slice
from octavo.ops.strided_slice import StridedSlice
from octavo.ops.transpose import Transpose
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import activation, integers
from octavo.schema.enums import Activation


@rewrites(Add, Sub, phase="canonicalize")
def add_zero(node: Node, build: Rewriter) -> Value | None:  # noqa: ARG001  # nothing new is built
    """x + 0 → x

    Before:
        main(%x: float32[batch,4]) {
          %z = const float32[4] [0.0, 0.0, -0.0, 0.0]
          %a: float32[batch,4] = ADD(%z, %x)
          %b: float32[batch,4] = SUB(%a, %z)
          %y: float32[batch,4] = ABS(%b)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %y: float32[batch,4] = ABS(%x)
          return %y
        }

    Unless:
        main(%x: float32[batch,1]) {
          %z = const float32[4] [0.0, 0.0, 0.0, 0.0]
          %y: float32[batch,4] = ADD(%x, %z)
          return %y
        }

    Unless:
        main(%x: float32[batch,4]) {
          %z = const float32[] 0.0
          %y: float32[batch,4] = SUB(%z, %x)
          return %y
        }
    """
    return _without(node, 0, commutes=isinstance(node.op, Add))


@rewrites(Mul, Div, phase="canonicalize")
def multiply_by_one(node: Node, build: Rewriter) -> Value | None:  # noqa: ARG001  # nothing new is built
    """x · 1 → x

    Before:
        main(%x: float32[batch,4]) {
          %z = const float32[] 1.0
          %a: float32[batch,4] = MUL(%z, %x)
          %b: float32[batch,4] = DIV(%a, %z)
          %y: float32[batch,4] = ABS(%b)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %y: float32[batch,4] = ABS(%x)
          return %y
        }

    Unless:
        main(%x: float32[batch,4]) {
          %z = const float32[] 1.0
          %y: float32[batch,4] = DIV(%z, %x)
          return %y
        }

    Unless:
        main(%x: float32[batch,4]) {
          %z = const float32[] 1.0
          %y: float32[batch,4] = MUL(%z, %x) {fused_activation_function=RELU}
          return %y
        }
    """
    return _without(node, 1, commutes=isinstance(node.op, Mul))


@rewrites(Reshape, Slice, StridedSlice, phase="canonicalize")
def same_shape(node: Node, build: Rewriter) -> Value | None:  # noqa: ARG001  # nothing new is built
    """reshape(x, shape of x) → x

    Likewise a slice that takes all.

    Before:
        main(%x: float32[batch,4]) {
          %shape = const int32[2] [-1, 4]
          %begin = const int32[2] [0, 0]
          %step = const int32[2] [1, 1]
          %r: float32[batch,4] = RESHAPE(%x, %shape)
          %s: float32[batch,4] = SLICE(%r, %begin, %shape)
          %t: float32[batch,4] = STRIDED_SLICE(%s, %begin, %shape, %step) {begin_mask=3, end_mask=3}
          %y: float32[batch,4] = ABS(%t)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %y: float32[batch,4] = ABS(%x)
          return %y
        }

    Unless:
        main(%x: float32[batch,4]) {
          %begin = const int32[2] [0, 0]
          %step = const int32[2] [1, -1]
          %y: float32[batch,4] = STRIDED_SLICE(%x, %begin, %begin, %step) {begin_mask=3, end_mask=3}
          return %y
        }
    """
    value = node.inputs[0]
    if value is None or value.shape != node.output.shape or value.quant != node.output.quant:
        return None
    if isinstance(node.op, StridedSlice) and set(integers(node.inputs[3]) or (0,)) != {1}:
        return None
    return value


@rewrites(Transpose, phase="canonicalize")
def same_order(node: Node, build: Rewriter) -> Value | None:  # noqa: ARG001  # nothing new is built
    """transpose(x, [0, 1, …]) → x

    Before:
        main(%x: float32[batch,4]) {
          %order = const int32[2] [0, 1]
          %t: float32[batch,4] = TRANSPOSE(%x, %order)
          %y: float32[batch,4] = ABS(%t)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %y: float32[batch,4] = ABS(%x)
          return %y
        }
    """
    order = integers(node.inputs[1])
    return node.inputs[0] if order == tuple(range(len(order or ()))) else None


@rewrites(Pad, PadV2, phase="canonicalize")
def pad_nothing(node: Node, build: Rewriter) -> Value | None:  # noqa: ARG001  # nothing new is built
    """pad(x, zeros) → x

    Before:
        main(%x: float32[batch,4]) {
          %p = const int32[2,2] [[0, 0], [0, 0]]
          %t: float32[batch,4] = PAD(%x, %p)
          %y: float32[batch,4] = ABS(%t)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %y: float32[batch,4] = ABS(%x)
          return %y
        }
    """
    around = integers(node.inputs[1])
    return node.inputs[0] if around is not None and not any(around) else None


@rewrites(Concatenation, phase="canonicalize")
def concatenate_one(node: Node, build: Rewriter) -> Value | None:  # noqa: ARG001  # nothing new is built
    """concatenation([x]) → x

    Before:
        main(%x: float32[batch,4]) {
          %t: float32[batch,4] = CONCATENATION(%x) {axis=1}
          %y: float32[batch,4] = ABS(%t)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %y: float32[batch,4] = ABS(%x)
          return %y
        }
    """
    return node.inputs[0] if len(node.inputs) == 1 and activation(node) is Activation.NONE else None


@rewrites(Cast, phase="canonicalize")
def same_dtype(node: Node, build: Rewriter) -> Value | None:  # noqa: ARG001  # nothing new is built
    """cast(x, dtype of x) → x

    Before:
        main(%x: float32[batch,4]) {
          %t: float32[batch,4] = CAST(%x) {in_data_type=FLOAT32, out_data_type=FLOAT32}
          %y: float32[batch,4] = ABS(%t)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %y: float32[batch,4] = ABS(%x)
          return %y
        }
    """
    value = node.inputs[0]
    return value if value is not None and value.dtype == node.output.dtype else None


def _without(node: Node, neutral: float, *, commutes: bool) -> Value | None:
    """The other operand when one holds `neutral` everywhere and the result is not changed in any other way."""
    one, other = node.inputs
    for value, constant in ((one, other), (other, one))[: 2 if commutes else 1]:
        array: Array | None = None if constant is None else constant.const
        if value is None or array is None or constant is None or constant.quant is not None:
            continue
        if np.all(array == neutral) and value.type == node.output.type and activation(node) is Activation.NONE:
            return value
    return None
