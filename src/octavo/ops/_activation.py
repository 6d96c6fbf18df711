"""The activation that an operation applies to its own result."""

from __future__ import annotations

import numpy as np

from octavo.ir.source import Array
from octavo.schema.enums import Activation

BOUNDS = {
    Activation.NONE: (-np.inf, np.inf),
    Activation.RELU: (0.0, np.inf),
    Activation.RELU_N1_TO_1: (-1.0, 1.0),
    Activation.RELU6: (0.0, 6.0),
}
"""The least and greatest result of each activation that only clips."""


def is_even(activation: Activation) -> bool:
    """Whether `f(s·x) = s·f(x)` for positive s."""
    return activation in (Activation.NONE, Activation.RELU)


def activate(array: Array, activation: Activation) -> Array:
    """The array after the activation, in its own dtype."""
    if activation is Activation.NONE:
        return array
    if activation is Activation.TANH:
        return np.tanh(array)
    if activation is Activation.SIGN_BIT:
        return np.signbit(array).astype(array.dtype)
    low, high = BOUNDS[activation]
    return np.clip(array, array.dtype.type(low), None if high == np.inf else array.dtype.type(high))
