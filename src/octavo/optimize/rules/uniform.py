"""A tensor of one number everywhere is that number."""

from __future__ import annotations

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ops.binary import Add, Div, Maximum, Minimum, Mul, Sub
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import uniform


@rewrites(Add, Sub, Mul, Div, Maximum, Minimum, phase="finish")
def one_number(node: Node, build: Rewriter) -> Value | None:
    """x + [c, c, c] → x + c

    XNNPACK repeats a short row of numbers along the others, which takes seven times as long as one number for all.

    Before:
        main(%x: float32[batch,3]) {
          %c = const float32[3] [2.0, 2.0, 2.0]
          %y: float32[batch,3] = ADD(%x, %c)
          return %y
        }

    After:
        main(%x: float32[batch,3]) {
          %c = const float32[] 2.0
          %y: float32[batch,3] = ADD(%x, %c)
          return %y
        }

    Unless:
        main(%x: float32[batch,1]) {
          %c = const float32[3] [2.0, 2.0, 2.0]
          %y: float32[batch,3] = ADD(%x, %c)
          return %y
        }
    """
    for place, other in ((0, 1), (1, 0)):
        constant, given = node.inputs[place], node.inputs[other]
        if constant is None or given is None or given.const is not None or constant.rank == 0:
            continue
        number = uniform(constant)
        if number is not None and given.shape == node.outputs[0].shape:
            operands: list[Value | np.float32] = [given, np.float32(number)]
            return build(node.op, *(operands if place == 1 else operands[::-1]))
    return None
