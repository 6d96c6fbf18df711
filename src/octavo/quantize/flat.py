"""Ranges that reach further than what reads them tells apart."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from octavo.ir.graph import Node
from octavo.ir.grid import Interval
from octavo.plan import NOTHING_BEHIND
from octavo.quantize.group import Group, Groups, real_operands, real_results, tensor_of
from octavo.quantize.precision import INTEGER, Choice

PASSES = 8
"""Limits are settled after two or three looks at all operations; what is not after so many stays as it is."""


def cut_flat(nodes: Sequence[tuple[Node, Choice]], groups: Groups) -> None:
    """Cut, in place, ranges of int8 to where their readers still tell numbers apart.

    A logistic function of more than 6.24 is 1 on its grid. So a sum that it bends need not be told beyond, nor
    either term beyond that and the most that the other can take away.
    """
    every = {id(each): each for each in groups.of.values()}
    integers = {node for node, choice in nodes if choice.precision == "int8" or node.op.ties(node)}
    limits = {key: 0.0 if _may_be_cut(group, integers) else math.inf for key, group in every.items()}
    for _ in range(PASSES):
        found = _look(nodes, groups, limits)
        if found == limits:
            break
        limits = found
    else:
        return
    for key, limit in limits.items():
        group = every[key]
        if 0 < limit < math.inf and group.interval is not None:
            cut = Interval(max(group.interval.low, -limit), min(group.interval.high, limit))
            group.clipped = NOTHING_BEHIND if cut != group.interval else ""
            group.interval = cut


def _may_be_cut(group: Group, integers: Collection[Node]) -> bool:
    users = [(user, tensor.value) for tensor in group.members for user in tensor.value.users]
    read = all(user in integers and (len(value.uses) == 1 or not user.op.ties(user)) for user, value in users)
    return read and not group.whole and not group.pinned and group.dictated is None and group.interval is not None


def _look(nodes: Sequence[tuple[Node, Choice]], groups: Groups, before: Mapping[int, float]) -> dict[int, float]:
    """The limits of all groups after one more look at what reads them; they only grow."""
    limits = dict(before)
    for node, choice in reversed(nodes):
        dtype = INTEGER[choice.precision]
        results = [id(groups.of[tensor_of(node, value, dtype)]) for _, value, _ in real_results(node)]
        operands = [groups.of[tensor_of(node, value, dtype)] for _, value, _ in real_operands(node)]
        for at, group in enumerate(operands):
            if (node.op.moves or node.op.divides) and results == [id(group)] * len(results):
                continue  # whoever reads the result says how far
            limit = node.op.flat or math.inf
            if node.op.adds and len(operands) == 2:
                other = operands[1 - at].interval or operands[1 - at].constants
                limit = limits[results[0]] + (max(-other.low, other.high) if other else math.inf)
            limits[id(group)] = max(limits[id(group)], limit if dtype == "int8" else math.inf)
    return limits
