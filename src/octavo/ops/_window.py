"""Windows that slide over an image: how far they reach, and the patches that they see."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from octavo.ir.dim import Dim
from octavo.ir.source import Array
from octavo.schema.enums import Padding


def window_output(size: Dim, window: int, stride: int, dilation: int, padding: Padding) -> Dim:
    """How many places a window of `window` taps takes along an axis of length `size`.

    Raises:
        ValueError: the window is larger than the axis, and nothing pads it.
    """
    reach = (window - 1) * dilation + 1
    if padding is Padding.SAME:
        return (size + stride - 1) // stride
    if isinstance(size, int) and size < reach:
        raise ValueError(f"a window that reaches {reach} does not fit into a length of {size}")
    return (size - reach + stride) // stride


def same_padding(size: int, window: int, stride: int, dilation: int) -> tuple[int, int]:
    """The zeros before and after an axis under SAME padding; an odd one goes after."""
    reach = (window - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def patches(
    image: Array,
    window: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: Padding,
    *,
    border: float = 0.0,
) -> Array:
    """A view of the windows of an NHWC image: [batch, rows, columns, window rows, window columns, channels].

    `border` is the number that SAME padding puts around the image.
    """
    if padding is Padding.SAME:
        around = [same_padding(image.shape[1 + i], window[i], stride[i], dilation[i]) for i in range(2)]
        image = np.pad(image, [(0, 0), *around, (0, 0)], constant_values=border)
    reach = [(window[i] - 1) * dilation[i] + 1 for i in range(2)]
    view = np.lib.stride_tricks.sliding_window_view(image, tuple(reach), axis=(1, 2))
    view = view[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
    return np.moveaxis(view, 3, 5)


def some_patches(
    image: Array,
    window: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: Padding,
    *,
    most: int,
) -> Array:
    """At most `most` windows of an NHWC image, evenly spaced: [windows, window rows, window columns, channels].

    Zeros stand where padding would.
    """
    places, outside = _some_places(image.shape[:3], window, stride, dilation, padding, most)
    found: Array = image.reshape(-1, image.shape[3]).take(places, axis=0)
    if outside is not None:
        found[outside] = 0
    return found


@lru_cache(maxsize=1024)  # a model asks for the same ones with every sample
def _some_places(
    shape: tuple[int, int, int],
    window: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: Padding,
    most: int,
) -> tuple[Array, Array | None]:
    """Where each tap of `some_patches` reads, among all places of all images, and which of them are padding."""
    sides = range(2)
    counts = [int(window_output(shape[1 + i], window[i], stride[i], dilation[i], padding)) for i in sides]
    total = shape[0] * counts[0] * counts[1]
    picked = np.arange(total) if total <= most else np.linspace(0, total - 1, most).astype(np.intp)
    which, *places = np.unravel_index(picked, (shape[0], *counts))
    before = [same_padding(shape[1 + i], window[i], stride[i], dilation[i])[0] for i in sides]
    starts = [places[i] * stride[i] - (before[i] if padding is Padding.SAME else 0) for i in sides]
    taps = [starts[i][:, None] + np.arange(window[i]) * dilation[i] for i in sides]
    inside = [(taps[i] >= 0) & (taps[i] < shape[1 + i]) for i in sides]
    rows, columns = (np.clip(taps[i], 0, shape[1 + i] - 1) for i in sides)
    flat = (which[:, None, None] * shape[1] + rows[:, :, None]) * shape[2] + columns[:, None, :]
    if inside[0].all() and inside[1].all():
        return flat, None
    return flat, ~(inside[0][:, :, None] & inside[1][:, None, :])
