"""A transposed convolution along one axis, as plain ones: each phase of its stride has a filter of its own."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from octavo.ir.source import Array
from octavo.ops._window import same_padding
from octavo.schema.enums import Padding


class Phases(Struct, frozen=True):
    """An axis along which pixel s · q + p of the output is what the filter of phase p gives at place q of the input.

    `window` pixels of the input, from `before` in front of q on, are seen at each of the `places`; `after` pixels are
    missing at the end (negative: left over). `taps` is [stride, window]: which tap of the filter each phase has for
    each of those pixels, or one past the last for none. The output has `length` pixels after `lead` ones to cut off.
    """

    stride: int
    window: int
    before: int
    after: int
    lead: int
    length: int
    places: int
    taps: Array


def phases(size: int, length: int, taps: int, stride: int, padding: Padding) -> Phases:
    """The axis of a filter of `taps` taps: output pixel i reads input pixel q where i + cut = stride · q + tap."""
    cut = same_padding(length, taps, stride, 1)[0] if padding is Padding.SAME else 0
    lead = cut % stride
    one, other = _reach(cut, taps, stride), _reach(cut - lead, taps, stride)
    if one[1] - one[0] <= other[1] - other[0]:
        lead = 0
    first, last = _reach(cut - lead, taps, stride)
    places = -(-(length + lead) // stride)
    chosen = np.arange(stride)[:, None] + (cut - lead) - stride * np.arange(first, last + 1)
    chosen = np.where((chosen >= 0) & (chosen < taps), chosen, taps)
    return Phases(stride, last - first + 1, -first, places - size + last, lead, length, places, chosen)


def _reach(cut: int, taps: int, stride: int) -> tuple[int, int]:
    """The first and the last input place, relative to q, that some phase reads."""
    return -((taps - 1 - cut) // stride), (stride - 1 + cut) // stride
