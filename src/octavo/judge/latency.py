"""Times of models beside each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from octavo.ir.source import Array
from octavo.judge.real import RealRuntime
from octavo.samples import Sample


def race(runtimes: Sequence[RealRuntime], sample: Sample, *, rounds: int, warm_up: int = 3) -> list[Array]:
    """The seconds of each of `rounds` calls of each model, float64[rounds].

    The models take turns, so that a machine whose speed drifts treats all alike; the first calls do not count.
    """
    for runtime in runtimes:
        runtime.benchmark(sample, repeats=warm_up)
    times = np.empty((rounds, len(runtimes)))
    for turn in range(rounds):
        for place, runtime in enumerate(runtimes):
            times[turn, place] = runtime.benchmark(sample, repeats=1)[0]
    return list(times.T)
