"""What judging finds: scores, their certainty, and what quantization changed."""

from __future__ import annotations

import msgspec

from octavo.ir.source import Array
from octavo.judge.certainty import Difference, interval
from octavo.judge.fidelity import OutputFidelity
from octavo.judge.metric import Metric, Unit


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """A metric's value over `samples` samples; `low` and `high` enclose the true one with 95 % confidence.

    `interval` names the method: Wilson's for shares of samples, the bootstrap for all else. Values of the `unit` share
    are between 0 and 1.
    """

    metric: str
    value: float
    samples: int
    low: float
    high: float
    interval: str
    unit: Unit = ""
    higher_is_better: bool = True


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """One metric: the model's score, the reference's, and the difference on the same samples."""

    score: Score
    reference: Score | None = None
    difference: Difference | None = None


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What one pass over the samples tells: `judgements` in the order of the metrics, `outputs` beside the reference.

    Without labels there are no judgements; without a reference no outputs.
    """

    samples: int
    judgements: tuple[Judgement, ...] = ()
    outputs: tuple[OutputFidelity, ...] = ()

    @property
    def score(self) -> Score:
        """The model's score by the first metric."""
        return self.judgements[0].score

    @property
    def value(self) -> float:
        """The value of that score."""
        return self.score.value

    @property
    def reference(self) -> Score | None:
        """The reference's score by the first metric."""
        return self.judgements[0].reference

    @property
    def difference(self) -> Difference | None:
        """What separates the two."""
        return self.judgements[0].difference


def score(metric: Metric, rows: Array) -> Score:
    """The score of rows, with its interval."""
    low, high, method = interval(metric, rows)
    return Score(
        metric=metric.name,
        value=metric.of(rows),
        samples=len(rows),
        low=low,
        high=high,
        interval=method,
        unit=metric.unit,
        higher_is_better=metric.higher_is_better,
    )
