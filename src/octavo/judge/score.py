"""One model against labels."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np

from octavo.errors import SamplesError, UsageError, did_you_mean
from octavo.ir.source import Array
from octavo.judge.metrics import Metric, metric
from octavo.judge.real import RealRuntime
from octavo.samples import Samples

Progress = Callable[[str, int, int | None], None]


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """A metric's value over `samples` samples; `low` and `high` enclose it with 95 % confidence.

    The interval is Wilson's score interval for shares (accuracy, top-5); for other metrics it is None.
    """

    metric: str
    value: float
    samples: int
    low: float | None = None
    high: float | None = None


def outputs_of(runtime: RealRuntime, samples: Samples, *, progress: Progress | None = None) -> dict[str, Array]:
    """The outputs of every sample, by name, joined along the first dimension."""
    gathered: dict[str, list[Array]] = {}
    for done, sample in enumerate(samples, start=1):
        for name, array in runtime.run(sample).items():
            gathered.setdefault(name, []).append(array)
        if progress is not None:
            progress("evaluating", done, samples.count)
    return {name: np.concatenate(arrays) if arrays[0].ndim else np.stack(arrays) for name, arrays in gathered.items()}


def score(outputs: dict[str, Array], labels: Array | None, chosen: str | Metric, *, output: str | None = None) -> Score:
    """The metric of one output (the only one, unless `output` names it).

    Raises:
        UsageError: no metric or output has that name, or several outputs leave the choice open.
        SamplesError: there are no labels, or not one for each sample.
    """
    if labels is None:
        hint = "store them beside the inputs, as the array `labels` of the .npz"
        raise SamplesError("a metric needs labels, and the samples hold none", hint=hint)
    if output is None and len(outputs) > 1:
        hint = f"say which: output={' or '.join(map(repr, outputs))}"
        raise UsageError(f"the model has {len(outputs)} outputs", hint=hint)
    name = output or next(iter(outputs))
    if name not in outputs:
        raise UsageError(f"the model has no output {name!r}", hint=did_you_mean(name, outputs))
    if len(labels) != len(outputs[name]):
        raise SamplesError(f"there are {len(labels)} labels for {len(outputs[name])} outputs")
    value = metric(chosen)(outputs[name], labels)
    title = chosen if isinstance(chosen, str) else getattr(chosen, "__name__", "metric")
    low, high = _wilson(value, len(labels)) if title in ("accuracy", "top5") else (None, None)
    return Score(metric=title, value=value, samples=len(labels), low=low, high=high)


def _wilson(share: float, count: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson (1927): the shares that would make the one seen not surprising."""
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * float(np.sqrt(share * (1 - share) / count + z * z / (4 * count * count)))
    return centre - reach, centre + reach
