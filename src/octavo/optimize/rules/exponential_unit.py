"""The exponential linear unit, where it was written out."""

from __future__ import annotations

from octavo.ir.graph import Node, Value
from octavo.ops.activation import Elu, Relu
from octavo.ops.binary import Add, Minimum
from octavo.ops.unary import Exp
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import activation, made_by, operands, uniform
from octavo.schema.enums import Activation


@rewrites(Add, phase="recognize")
def elu(node: Node, build: Rewriter) -> Value | None:
    """relu(x) + (e^min(x, 0) − 1) → elu(x)

    So Keras writes `celu`.

    Before:
        main(%x: float32[batch,5]) {
          %zero = const float32[] 0.0
          %less = const float32[] -1.0
          %a: float32[batch,5] = RELU(%x)
          %b: float32[batch,5] = MINIMUM(%x, %zero)
          %c: float32[batch,5] = EXP(%b)
          %d: float32[batch,5] = ADD(%c, %less)
          %y: float32[batch,5] = ADD(%a, %d)
          return %y
        }

    After:
        main(%x: float32[batch,5]) {
          %y: float32[batch,5] = ELU(%x)
          return %y
        }

    Unless:
        main(%x: float32[batch,5], %z: float32[batch,5]) {
          %zero = const float32[] 0.0
          %less = const float32[] -1.0
          %a: float32[batch,5] = RELU(%z)
          %b: float32[batch,5] = MINIMUM(%x, %zero)
          %c: float32[batch,5] = EXP(%b)
          %d: float32[batch,5] = ADD(%c, %less)
          %y: float32[batch,5] = ADD(%a, %d)
          return %y
        }
    """
    if activation(node) is not Activation.NONE:
        return None
    for first, second in operands(node):
        positive = made_by(first, Relu)
        source = None if positive is None else positive.inputs[0]
        if source is not None and _below(second) is source:
            return build(Elu(), source)
    return None


def _below(value: Value | None) -> Value | None:
    """The `x` of `e^min(x, 0) − 1`."""
    shifted = made_by(value, Add)
    for powers, one in operands(shifted) if shifted is not None else ():
        power = made_by(powers, Exp) if uniform(one) == -1 else None
        least = None if power is None else made_by(power.inputs[0], Minimum)
        for bounded, zero in operands(least) if least is not None else ():
            if uniform(zero) == 0:
                return bounded
    return None
