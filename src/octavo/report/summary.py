"""What a conversion came to, short enough to read at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from octavo.plan import OpDecision, Plan


class LeftFloat(msgspec.Struct, frozen=True, kw_only=True):
    """Operations of one kind that compute in float although the recipe asked for integers, for one reason."""

    op: str
    reason: str
    layers: tuple[str, ...]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in bytes, how many operations of each kind compute in each precision, and what stayed float and why."""

    size: int
    float_size: int
    ratio: float
    precisions: dict[str, dict[str, int]]
    left_float: tuple[LeftFloat, ...]
    warnings: tuple[str, ...]


def summarize(plan: Plan, *, size: int, float_size: int, warnings: Sequence[str] = ()) -> Summary:
    """The summary of a conversion that made a model of `size` bytes, which in float has `float_size`."""
    decisions = [decision for graph in plan.graphs for decision in graph.ops]
    precisions: dict[str, Counter[str]] = {}
    for decision in decisions:
        precisions.setdefault(decision.precision, Counter())[decision.op] += 1
    most_first = sorted(precisions.items(), key=lambda item: -item[1].total())
    return Summary(
        size=size,
        float_size=float_size,
        ratio=size / float_size,
        precisions={name: dict(counts.most_common()) for name, counts in most_first},
        left_float=_grouped(plan.left_float),
        warnings=tuple(warnings),
    )


def _grouped(decisions: Sequence[OpDecision]) -> tuple[LeftFloat, ...]:
    groups: dict[tuple[str, str], list[str]] = {}
    for decision in decisions:
        groups.setdefault((decision.op, decision.why), []).append(decision.layer)
    return tuple(LeftFloat(op=op, reason=why, layers=tuple(layers)) for (op, why), layers in groups.items())
