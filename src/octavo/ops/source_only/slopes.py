"""The slopes of activations: models that were saved with a gradient in them, and training steps."""

from __future__ import annotations

from typing import Final

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import lowers
from octavo.ops._elementwise import like
from octavo.ops._real import require_float32
from octavo.ops.activation import Logistic
from octavo.ops.binary import Add, Div, Mul, Sub
from octavo.ops.comparison import Greater, Less
from octavo.ops.logical import LogicalAnd
from octavo.ops.reduce import Sum
from octavo.ops.select import SelectV2
from octavo.ops.unary import Abs, Neg

_SCALE: Final = 1.0507009873554805
_ALPHA: Final = 1.6732632423543772
"""Those of SELU."""


@lowers("tf.SigmoidGrad", "tf.TanhGrad", "tf.SqrtGrad", "tf.RsqrtGrad", "tf.ReciprocalGrad", "tf.InvGrad")
def of_result(source: Source, build: Builder) -> Value:
    """By the result `y` of the function: `dy · f(y)`."""
    y, slope = source.inputs
    require_float32(y)
    square = build(Mul(), y, y)
    match source.node.op:
        case "SigmoidGrad":
            return build(Mul(), slope, build(Mul(), y, build(Sub(), like(y, 1), y)))
        case "TanhGrad":
            return build(Mul(), slope, build(Sub(), like(y, 1), square))
        case "SqrtGrad":
            return build(Div(), build(Mul(), slope, like(y, 0.5)), y)
        case "RsqrtGrad":
            return build(Mul(), build(Mul(), slope, like(y, -0.5)), build(Mul(), square, y))
    return build(Mul(), build(Neg(), slope), square)


@lowers("tf.ReluGrad", "tf.Relu6Grad", "tf.LeakyReluGrad", "tf.SoftplusGrad", "tf.SoftsignGrad")
def of_operand(source: Source, build: Builder) -> Value:
    """By the operand `x` of the function: `dy · f(x)`."""
    slope, x = source.inputs
    require_float32(x)
    positive = build(Greater(), x, like(x, 0))
    match source.node.op:
        case "SoftplusGrad":
            return build(Mul(), slope, build(Logistic(), x))
        case "SoftsignGrad":
            size = build(Add(), like(x, 1), build(Abs(), x))
            return build(Div(), slope, build(Mul(), size, size))
        case "LeakyReluGrad":
            return build(SelectV2(), positive, slope, build(Mul(), slope, like(x, source.attr("alpha", float))))
        case "Relu6Grad":
            positive = build(LogicalAnd(), positive, build(Less(), x, like(x, 6)))
    return build(SelectV2(), positive, slope, like(x, 0))


@lowers("tf.EluGrad", "tf.SeluGrad")
def of_exponential(source: Source, build: Builder) -> Value:
    """Below zero the result and what it tends to, above the scale."""
    slope, y = source.inputs
    require_float32(y)
    scale, limit = (_SCALE, _SCALE * _ALPHA) if source.node.op == "SeluGrad" else (1.0, 1.0)
    below = build(Mul(), slope, build(Add(), y, like(y, limit)))
    above = slope if scale == 1 else build(Mul(), slope, like(y, scale))
    return build(SelectV2(), build(Less(), y, like(y, 0)), below, above)


@lowers("tf.BiasAddGrad")
def of_bias(source: Source, build: Builder) -> Value:
    """The sum over all but the channels."""
    (slope,) = source.inputs
    first = source.attr("data_format", str).startswith("NC")
    channel = 1 if first else slope.rank - 1
    return build(Sum(), slope, np.array([axis for axis in range(slope.rank) if axis != channel], np.int32))
