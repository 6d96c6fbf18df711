"""Samples → statistics, in one pass over the samples through the float model."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable

from octavo.errors import InternalError, SamplesError
from octavo.runtime import Runtime
from octavo.samples import Sample
from octavo.statistics import Range, Statistics

Progress = Callable[[str, int, int | None], None]
"""`(what, done, total)`: called after each step; `total` is None where it is not known beforehand."""


def calibrate(
    runtime: Runtime,
    samples: Iterable[Sample],
    names: Collection[str],
    *,
    progress: Progress | None = None,
    count: int | None = None,
) -> Statistics:
    """The range of each value in `names` over all samples. Each sample is used once, and none is kept.

    Raises:
        SamplesError: there is no sample, or the model computes NaN or an infinity from one.
        InternalError: the runtime did not report one of the values.
    """
    ranges: dict[str, Range] = {}
    done = 0
    for done, sample in enumerate(samples, start=1):
        seen = runtime.calibrate(sample)
        missing = [name for name in names if name not in seen]
        if missing:
            raise InternalError(f"the runtime reported no range for {len(missing)} tensors, such as {missing[0]!r}")
        for name in names:
            low, high = seen[name]
            if not (math.isfinite(low) and math.isfinite(high)):
                raise SamplesError(
                    f"the float model computes {low if not math.isfinite(low) else high} in {name!r}",
                    where=f"sample {done - 1}",
                    hint="check the scale of this sample against what the model was trained on",
                )
            known = ranges.get(name)
            fresh = Range(low, high)
            ranges[name] = fresh if known is None else known.merge(fresh)
        if progress is not None:
            progress("calibrating", done, count)
    return Statistics(ranges)
