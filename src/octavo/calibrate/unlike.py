"""Which calibration samples are unlike the others, and pictures that are unlike photographs in red, green, blue."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec import Struct, field

from octavo.ir.source import Array
from octavo.samples import Sample

USUAL = 0.9
"""This part of the samples says what is usual."""
FARTHER = 10.0
"""A sample that reaches this many times as far as is usual stretches the ranges of all that reads it."""
RGB = 3
PICTURES = 16
"""Fewer pictures have a colour by chance."""
SURE = 4.0
"""So many standard errors the last channel must be brighter than the first. Over photographs red is, by as many."""


class Unlike(Struct):
    """What is kept of each sample: how far each input reaches, and the mean of each colour."""

    _reach: dict[str, list[float]] = field(default_factory=dict)
    _colours: dict[str, list[Array]] = field(default_factory=dict)

    def remember(self, inputs: Sample) -> None:
        """Take in one sample."""
        for name, array in inputs.items():
            if array.dtype.kind != "f" or not array.size:
                continue
            reach = max(float(array.max()), -float(array.min()))
            self._reach.setdefault(name, []).append(reach if np.isfinite(reach) else 0.0)
            if array.ndim == 4 and array.shape[-1] == RGB:
                self._colours.setdefault(name, []).append(array.reshape(-1, RGB).mean(axis=0))

    def findings(self) -> Iterator[str]:
        """What is unlike, and what to do about it."""
        for name, every in self._reach.items():
            reach = np.array(every)
            usual = float(np.sort(reach)[int(USUAL * (len(reach) - 1))])
            far = np.flatnonzero(reach > FARTHER * usual)
            if usual > 0 and far.size:
                yield (
                    f"{far.size} of {len(reach)} calibration samples reach up to {reach.max():.4g} in input {name!r}, "
                    f"nine in ten no farther than {usual:.4g}; first sample {far[0]}: leave them out if they are "
                    "broken, because ranges have to hold them"
                )
        for name, means in self._colours.items():
            more = np.array([mean[2] - mean[0] for mean in means])
            if len(more) >= PICTURES and more.mean() > SURE * more.std() / np.sqrt(len(more)) > 0:
                yield (
                    f"the last channel of input {name!r} is brighter than the first, as in pictures whose colours are "
                    "in the order blue, green, red: check that the model takes them so"
                )
