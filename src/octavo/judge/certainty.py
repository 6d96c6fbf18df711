"""How sure a score is, and whether two models differ on the same samples. Draws have a fixed seed."""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec
import numpy as np

from octavo.ir.source import Array
from octavo.judge.metric import Metric, ratio_of_sums

LEVEL = 1.96
"""Standard deviations on each side that hold 95 % of a normal distribution."""
_AT_ONCE = 1 << 22
"""Weights that are held in memory at a time."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """The candidate's score minus the reference's, on the same samples; `low` and `high` enclose it with 95 %.

    `better` and `worse` count the samples on which the candidate is better and worse, where samples have scores of
    their own. `p` is the chance to see a difference this large between models that are equally good, by `test`.
    """

    value: float
    low: float
    high: float
    p: float
    test: str
    better: int | None = None
    worse: int | None = None

    @property
    def is_certain(self) -> bool:
        """Whether chance alone would show this less than once in twenty times."""
        return self.p < 0.05


def interval(metric: Metric, rows: Array) -> tuple[float, float, str]:
    """What encloses the true score with 95 %, and the method: Wilson's for shares of samples, else the bootstrap.

    Wilson, JASA 22 (1927); Efron, Annals of Statistics 7 (1979), percentiles of draws.
    """
    if _is_share(metric, rows):
        return *wilson(metric.of(rows), len(rows)), "Wilson"
    drawn = np.concatenate([metric.value(rows, weights) for weights in _draws(len(rows), metric.resamples)])
    return *_middle(drawn), "bootstrap"


def difference(metric: Metric, reference: Array, candidate: Array) -> Difference:
    """The paired comparison of two models' rows.

    Shares of samples: McNemar's exact test (Psychometrika 12, 1947) and the interval of Bonett & Price (Journal of
    Educational and Behavioral Statistics 37, 2012). Else: the sign test, where samples have scores of their own, and
    the paired bootstrap.
    """
    value = metric.of(candidate) - metric.of(reference)
    if _is_share(metric, reference) and _is_share(metric, candidate):
        change = (candidate[:, 0] - reference[:, 0]) * (1 if metric.higher_is_better else -1)
        better, worse = int((change > 0).sum()), int((change < 0).sum())
        low, high = _bonett_price(value, better, worse, len(change))
        p = sign_test(better, worse)
        return Difference(value=value, low=low, high=high, p=p, test="McNemar", better=better, worse=worse)
    drawn = np.concatenate([
        metric.value(candidate, weights) - metric.value(reference, weights)
        for weights in _draws(len(reference), metric.resamples)
    ])  # fmt: skip
    low, high = _middle(drawn)
    if reference.shape[1] == 1 and reference.dtype != object:
        change = (candidate[:, 0] - reference[:, 0]) * (1 if metric.higher_is_better else -1)
        better, worse = int((change > 0).sum()), int((change < 0).sum())
        p = sign_test(better, worse)
        return Difference(value=value, low=low, high=high, p=p, test="sign test", better=better, worse=worse)
    return Difference(value=value, low=low, high=high, p=_chance(drawn, value), test="paired bootstrap")


def wilson(share: float, count: int) -> tuple[float, float]:
    """The shares that would make the one seen in `count` samples not surprising."""
    z = LEVEL
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return centre - reach, centre + reach


def sign_test(better: int, worse: int) -> float:
    """The chance that fair coins, one for each sample that changed, fall at least as unevenly; exact, two-sided."""
    count, least = better + worse, min(better, worse)
    logs = [math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1) for k in range(least + 1)]
    tail = sum(math.exp(log - count * math.log(2)) for log in logs)
    return min(1.0, 2 * tail)


def _is_share(metric: Metric, rows: Array) -> bool:
    """Whether each sample is one right or wrong answer."""
    return metric.value is ratio_of_sums and bool((rows[:, 1] == 1).all()) and bool(np.isin(rows[:, 0], (0, 1)).all())


def _bonett_price(value: float, better: int, worse: int, count: int) -> tuple[float, float]:
    up, down = (better + 1) / (count + 2), (worse + 1) / (count + 2)
    reach = LEVEL * math.sqrt(max(up + down - (up - down) ** 2, 0) / (count + 2))
    sign = 1 if value * (better - worse) >= 0 else -1  # of an error rate, more is worse
    centre = sign * (up - down)
    return centre - reach, centre + reach


def _draws(count: int, resamples: int) -> Iterator[Array]:
    """Weights [draws, samples]: how often each sample is drawn, `count` times in all, in each draw."""
    random = np.random.default_rng(0)
    at_once = max(1, min(resamples, _AT_ONCE // count))
    even = np.full(count, 1 / count)
    for start in range(0, resamples, at_once):
        yield random.multinomial(count, even, size=min(at_once, resamples - start)).astype(np.float64)


def _middle(drawn: Array) -> tuple[float, float]:
    """The middle 95 %; draws without a value (a class was not drawn) do not count."""
    low, high = np.percentile(drawn[np.isfinite(drawn)], (2.5, 97.5))
    return float(low), float(high)


def _chance(drawn: Array, value: float) -> float:
    """How often draws fall on the other side of zero, on both sides."""
    if value == 0:
        return 1.0
    drawn = drawn[np.isfinite(drawn)]
    across = ((drawn <= 0) if value > 0 else (drawn >= 0)).sum()
    return float(min(1.0, 2 * (across + 1) / (len(drawn) + 1)))
