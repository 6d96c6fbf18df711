"""Whether a model of integers is slower than the float one, as far as the times of its operations tell."""

from __future__ import annotations

from collections import defaultdict

from octavo.ir.graph import Model, Node
from octavo.ir.pace import Pace, fetching
from octavo.plan import Plan
from octavo.targets.known import TARGETS

SLOWER = 1.15
"""Estimates are off by about as much."""
NOTICED = 20.0
"""Microseconds; less is nobody's concern."""
BLAMED = 0.2
"""The share of the time lost from which on a kind of operations is named."""


def slowed(model: Model, plan: Plan) -> str:
    """What makes the planned int8 model slower than float on x86, by how much, and the cure; empty where it is not.

    Bodies of loops and branches count as run once.
    """
    target = TARGETS[plan.recipe.target]
    if not target.is_cpu or target.has_dot_products:
        return ""
    inside = {(graph.graph, op.node) for graph in plan.graphs for op in graph.ops if op.precision == "int8"}
    kinds: dict[str, Pace] = defaultdict(lambda: Pace(0, 0))
    weights = 0
    for graph in model.graphs:
        for node in graph:
            float32, int8 = node.op.duration(node)
            kinds[node.op.code] += Pace(float32, int8 if (graph.name, node.name) in inside else float32)
            weights += _weights(node) if (graph.name, node.name) in inside else 0
    lost = {kind: times.int8 - times.float32 for kind, times in kinds.items()}
    fetched = fetching(weights)
    floats = sum(times.float32 for times in kinds.values()) + fetched.float32
    more = sum(lost.values()) + fetched.int8 - fetched.float32
    if more < max((SLOWER - 1) * floats, NOTICED):
        return ""
    ranked = sorted(lost, key=lambda kind: -lost[kind])
    worst = [kind for kind in ranked if lost[kind] > BLAMED * more] or ranked[:1]
    return (
        f"slower than float on x86, about {1 + more / floats:.1f} times the time, because of {', '.join(worst)} in "
        f"int8; the recipe dynamic, or a rule such as op={worst[0]}, precision=float32, avoids it"
    )


def _weights(node: Node) -> int:
    return sum(value.const.size for value in node.inputs if value is not None and value.const is not None)
