"""What judging finds: scores, their certainty, and what quantization changed."""

from __future__ import annotations

import msgspec

from octavo.ir.source import Array
from octavo.judge.certainty import Difference, interval
from octavo.judge.fidelity import OutputFidelity
from octavo.judge.metric import Metric, Unit
from octavo.showing import Shown, Table, decibels_of, facts


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

    def told(self, value: float) -> str:
        """A value of this metric: a share as a percentage, decibels as such, any other as a number."""
        if self.unit == "share":
            return f"{value:.2%}"
        return f"{value:.2f} dB" if self.unit == "dB" else f"{value:.4g}"

    def row(self, name: str, of: Score | Difference) -> tuple[str, ...]:
        """The metric, a name, and a score or difference with its interval."""
        sign = "+" if isinstance(of, Difference) and of.value > 0 else ""
        return (self.metric, name, f"{sign}{self.told(of.value)}", f"{self.told(of.low)} to {self.told(of.high)}")


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """One metric: the model's score, the reference's, and the difference on the same samples."""

    score: Score
    reference: Score | None = None
    difference: Difference | None = None

    def rows(self, *, model: str, reference: str) -> list[tuple[str, ...]]:
        """The reference's score, the model's, and the difference, each with its interval."""
        parts = ((reference, self.reference), (model, self.score), ("difference", self.difference))
        return [self.score.row(name, of) for name, of in parts if of is not None]

    def verdict(self) -> str:
        """Whether the difference is more than chance, in words; "" without a reference."""
        change = self.difference
        if change is None:
            return ""
        counted = "" if change.better is None else f"{change.better} better and {change.worse} worse; "
        if change.value == 0:
            return f"{counted}no difference"
        good = (change.value > 0) == self.score.higher_is_better
        said = f"{'better' if good else 'worse'} than the reference" if change.is_certain else "may well be chance"
        return f"{counted}{said} (p = {change.p:.2g}, {change.test})"


class Evaluation(Shown, msgspec.Struct, frozen=True, kw_only=True):
    """What one pass over the samples tells: `judgements` in the order of the metrics, `outputs` beside the reference.

    Without labels there are no judgements; without a reference no outputs.
    """

    samples: int
    judgements: tuple[Judgement, ...] = ()
    outputs: tuple[OutputFidelity, ...] = ()

    def tables(self, *, model: str = "model", reference: str = "reference") -> tuple[Table, ...]:
        """The scores under the names of both models, their outputs beside each other, and what that means."""
        scores = [row for judged in self.judgements for row in judged.rows(model=model, reference=reference)]
        columns = ("output", ">SQNR", ">same greatest entry", ">95 % interval", ">KL divergence")
        return (
            Table("", ("metric", "model", ">score", ">95 % interval"), scores),
            Table("Beside the reference", columns, [_output(each) for each in self.outputs]),
            facts(("samples", str(self.samples)), *((each.score.metric, each.verdict()) for each in self.judgements)),
        )

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


def _output(output: OutputFidelity) -> tuple[str, ...]:
    divergence = "" if output.divergence is None else f"{output.divergence:.2e}"
    between = f"{output.low:.2%} to {output.high:.2%}"
    return output.name, decibels_of(output.sqnr), f"{output.agreement:.2%}", between, divergence


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
