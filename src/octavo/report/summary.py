"""What a conversion came to, short enough to read at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from octavo.plan import OpDecision, Plan
from octavo.showing import Shown, Table, bytes_of, counted, facts


class LeftFloat(msgspec.Struct, frozen=True, kw_only=True):
    """Operations that compute in float although the recipe asked for something else, for one reason.

    `operations` counts them by kind; `layers` names each layer once.
    """

    reason: str
    operations: dict[str, int]
    layers: tuple[str, ...]


class Summary(Shown, msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in bytes, how many operations of each kind compute in each precision, and what stayed float and why."""

    size: int
    float_size: int
    ratio: float
    precisions: dict[str, dict[str, int]]
    left_float: tuple[LeftFloat, ...]
    warnings: tuple[str, ...]

    def tables(self) -> tuple[Table, ...]:
        """The size, what computes in which precision, what stayed float and why, and the warnings."""
        share = "" if self.size == self.float_size else f", {self.ratio:.1%} of the float model's"
        computes = [(name, str(sum(counts.values())), counted(counts)) for name, counts in self.precisions.items()]
        return (
            facts(("size", f"{bytes_of(self.size)}{share}")),
            Table("", ("computes in", ">operations", "which"), computes),
            Table("Left in float", ("why", "operations", "where"), [_left_float(each) for each in self.left_float]),
            facts(*(("warning:", warning) for warning in self.warnings)),
        )


def _left_float(group: LeftFloat) -> tuple[str, str, str]:
    more = f" and {len(group.layers) - 3} more" if len(group.layers) > 3 else ""
    return group.reason, counted(group.operations), ", ".join(group.layers[:3]) + more


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
    groups: dict[str, list[OpDecision]] = {}
    for decision in decisions:
        groups.setdefault(decision.why, []).append(decision)
    return tuple(
        LeftFloat(
            reason=why,
            operations=dict(Counter(decision.op for decision in group).most_common()),
            layers=tuple(dict.fromkeys(decision.layer for decision in group if decision.layer)),
        )
        for why, group in groups.items()
    )
