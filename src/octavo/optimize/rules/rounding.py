"""Operations that round to the steps of a grid."""

from __future__ import annotations

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ops.fake_quant import FakeQuant, rounded
from octavo.optimize.rule import Rewriter, rewrites


@rewrites(FakeQuant, phase="finish")
def narrow_fake_quant(node: Node, build: Rewriter) -> Value | None:
    """fake_quant(x, narrow_range) → floor((clip(x) − low) / step + ½) · step + low

    The kernel leaves narrow ranges to weights, which are folded.

    Before:
        main(%x: float32[batch,4]) {
          %y: float32[batch,4] = FAKE_QUANT(%x) {min=-63.5, max=63.5, num_bits=8, narrow_range=True}
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %low = const float32[] -63.5
          %a: float32[batch,4] = MAXIMUM(%x, %low)
          %high = const float32[] 63.5
          %b: float32[batch,4] = MINIMUM(%a, %high)
          %c: float32[batch,4] = SUB(%b, %low)
          %steps = const float32[] 2.0
          %d: float32[batch,4] = MUL(%c, %steps)
          %half = const float32[] 0.5
          %e: float32[batch,4] = ADD(%d, %half)
          %f: float32[batch,4] = FLOOR(%e)
          %g: float32[batch,4] = MUL(%f, %half)
          %y: float32[batch,4] = ADD(%g, %low)
          return %y
        }

    Unless:
        main(%x: float32[batch,4]) {
          %y: float32[batch,4] = FAKE_QUANT(%x) {min=-64.0, max=63.5, num_bits=8, narrow_range=False}
          return %y
        }
    """
    (x,) = node.inputs
    if not isinstance(node.op, FakeQuant) or not node.op.narrow_range or x is None:
        return None
    return rounded(build, x, *map(np.asarray, node.op.grid()))
