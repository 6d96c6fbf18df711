"""The error function, where it is not part of anything that LiteRT knows."""

from __future__ import annotations

from octavo.ir.graph import Node, Value
from octavo.ops.source_only.error_function import Erf, Erfc, expand_erf, expand_erfc
from octavo.optimize.rule import Rewriter, rewrites


@rewrites(Erf, Erfc, phase="finish")
def error_function(node: Node, build: Rewriter) -> Value | None:
    """erf(x) → x · P(x²) / Q(x²)

    LiteRT has no such operation; the polynomials are right within 10⁻⁶.

    Before:
        main(%x: float32[batch,9]) {
          %y: float32[batch,9] = erf(%x)
          return %y
        }

    After:
        main(%x: float32[batch,9]) {
          %low = const float32[] -3.925
          %0: float32[batch,9] = MAXIMUM(%x, %low)
          %high = const float32[] 3.925
          %1: float32[batch,9] = MINIMUM(%0, %high)
          %2: float32[batch,9] = MUL(%1, %1)
          %p5 = const float32[]
          %p4 = const float32[]
          %3: float32[batch,9] = MUL(%p5, %2)
          %4: float32[batch,9] = ADD(%3, %p4)
          %5: float32[batch,9] = MUL(%4, %2)
          %p3 = const float32[]
          %6: float32[batch,9] = ADD(%5, %p3)
          %7: float32[batch,9] = MUL(%6, %2)
          %p2 = const float32[]
          %8: float32[batch,9] = ADD(%7, %p2)
          %9: float32[batch,9] = MUL(%8, %2)
          %p1 = const float32[]
          %10: float32[batch,9] = ADD(%9, %p1)
          %11: float32[batch,9] = MUL(%10, %2)
          %p0 = const float32[]
          %12: float32[batch,9] = ADD(%11, %p0)
          %13: float32[batch,9] = MUL(%1, %12)
          %q5 = const float32[]
          %q4 = const float32[]
          %14: float32[batch,9] = MUL(%q5, %2)
          %15: float32[batch,9] = ADD(%14, %q4)
          %16: float32[batch,9] = MUL(%15, %2)
          %q3 = const float32[]
          %17: float32[batch,9] = ADD(%16, %q3)
          %18: float32[batch,9] = MUL(%17, %2)
          %q2 = const float32[]
          %19: float32[batch,9] = ADD(%18, %q2)
          %20: float32[batch,9] = MUL(%19, %2)
          %q1 = const float32[]
          %21: float32[batch,9] = ADD(%20, %q1)
          %22: float32[batch,9] = MUL(%21, %2)
          %q0 = const float32[]
          %23: float32[batch,9] = ADD(%22, %q0)
          %24: float32[batch,9] = DIV(%13, %23)
          return %24
        }
    """
    value = node.inputs[0]
    assert value is not None
    return expand_erf(build, value) if isinstance(node.op, Erf) else expand_erfc(build, value)
