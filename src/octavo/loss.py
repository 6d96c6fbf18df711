"""How much of what tells samples apart is lost on the way from one model to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from octavo.ir.source import Array
from octavo.statistics import median

SHARED = 1e-3
"""Outputs of which less than this part differs from sample to sample, as of untrained nets, count as a whole."""
USUAL = 0.1
"""The part of the median sample's power that every sample is taken to have: some are like the mean of all."""


def lost_of_all(exact: Sequence[Mapping[str, Array]], found: Sequence[Mapping[str, Array]]) -> float:
    """The mean of what is lost of each output, by name, that holds real numbers."""
    names = [name for name, array in exact[0].items() if array.dtype.kind == "f" and array.size]
    parts = [lost([each[name] for each in exact], [each[name] for each in found]) for name in names]
    return float(np.mean(parts)) if parts else 0.0


def lost(exact: Sequence[Array], found: Sequence[Array]) -> float:
    """The noise over what makes the samples' outputs differ, from 0 to 1 in each, mean over the samples.

    So no sample counts for more than another, as one that is broken would.
    """
    shared = median(np.stack(exact), axis=0) if len({array.shape for array in exact}) == 1 else 0.0
    own, whole, noise = (
        np.array([np.square(array, dtype=np.float64).mean() for array in arrays])
        for arrays in (
            [array - shared for array in exact],
            exact,
            [np.subtract(other, one, dtype=np.float64) for one, other in zip(exact, found, strict=True)],
        )
    )
    if median(own) < SHARED * median(whole):
        own = whole  # the samples do not tell what matters
    signal = np.maximum(own, USUAL * median(own))
    parts = np.minimum(np.where(noise > 0, noise / np.maximum(signal, np.finfo(np.float64).tiny), 0), 1)
    return float(np.where(np.isfinite(noise), parts, 1).mean())
