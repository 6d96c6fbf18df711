"""The tables by which int16 kernels compute functions of one number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from octavo.ir.port import Fit

ENTRIES = 512
"""A table spans all of int16 in this many even parts, and the kernel goes straight from one entry to the next."""
COARSE = 32.0
"""An error of this many steps (a thousandth of the range) is more than int16 activations are chosen for."""
PROBES = 4096


def reach(compute: Callable[..., Any], low: float, high: float) -> tuple[float, float]:
    """What an int16 table of a monotonic function holds around inputs from `low` to `high`: an entry more at each end.

    Entries that the output's grid could not hold would be cut, and spoil what lies between them and the next.
    """
    part = max(-low, high) / (ENTRIES / 2)
    with np.errstate(all="ignore"):
        ends = np.asarray(compute(np.array([low - part, low, high, high + part])), np.float64)
    outer = np.where(np.isfinite(ends), ends, [ends[1], ends[1], ends[2], ends[2]])
    return float(outer.min()), float(outer.max())


def coarse(code: str, compute: Callable[..., Any], fits: Mapping[str, Fit]) -> str:
    """Why a table of `compute` is too coarse between the numbers seen; empty when it is not, or there is none.

    int8 kernels have an entry for each of 256 numbers, which is exact.
    """
    input, output = fits.get("input"), fits.get("output")
    if input is None or output is None or input.dtype != "int16" or input.low >= input.high:
        return ""
    reach = output.scale * 32767
    numbers = np.linspace(input.low, input.high, PROBES)
    place = np.clip((numbers / input.scale + 32768) / 65536 * ENTRIES, 0, ENTRIES)
    below = np.minimum(np.floor(place), ENTRIES - 1)
    with np.errstate(all="ignore"):
        first, second = (
            np.nan_to_num(np.clip(compute((end / ENTRIES * 65536 - 32768) * input.scale), -reach, reach))
            for end in (below, below + 1)
        )
        error = np.abs(first + (second - first) * (place - below) - np.clip(compute(numbers), -reach, reach))
    worst = int(np.nanargmax(error))
    steps = float(error[worst] / output.scale)
    if steps <= COARSE:
        return ""
    return f"its int16 table would be off by {steps:.0f} steps where {code} is steep, near {numbers[worst]:.3g}"
