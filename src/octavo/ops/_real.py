"""The dtype that LiteRT computes in."""

from __future__ import annotations

import numpy as np

from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError


def require_float32(*values: Value) -> None:
    """Refuse operands for which LiteRT has no kernel, where it has one for float32 only.

    Raises:
        NotLoweredError: an operand has another dtype.
    """
    for value in values:
        if value.dtype != np.float32:
            raise NotLoweredError(f"LiteRT computes it in float32 only, not in {value.dtype.name}")
