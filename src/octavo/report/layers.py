"""Plan and models → the layers of a run: what became of each operation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from octavo.ir.graph import Model
from octavo.plan import OpDecision, Plan
from octavo.report.inspection import Inspection, NearMiss, Operation, Rewrite, inspect
from octavo.report.record import Layer, LayerError, MissGroup, RewriteGroup

SUFFIXES = ("", "/int8", "/int16")
"""What the name of a quantized model's tensor bears after that of the float model's."""


def layers_of(
    plan: Plan, reference: Model, candidate: Model, *, origins: Sequence[Mapping[str, tuple[str, ...]]]
) -> tuple[Layer, ...]:
    """One row for each operation of the plan, in the order of work; errors are added by `with_errors`."""
    before, after = (_by_result(inspect(model, size=0)) for model in (reference, candidate))
    rows: list[Layer] = []
    for index, graph in enumerate(plan.graphs):
        made_of = origins[index] if index < len(origins) else {}
        makers: dict[str, int] = {}
        for decision in graph.ops:
            was = before[index].get(decision.node)
            now = next((after[index][key] for key in _names(decision.node) if key in after[index]), was)
            reads = tuple(makers[each.name] for each in (was.inputs if was else ()) if each.name in makers)
            makers |= {each.name: len(rows) for each in (was.outputs if was else ())}
            row = _layer(len(rows), graph.graph, decision, (was, now), made_of.get(decision.node, ()))
            rows.append(msgspec.structs.replace(row, reads=reads))
    return tuple(rows)


def with_errors(layers: Iterable[Layer], errors: Mapping[str, LayerError]) -> tuple[Layer, ...]:
    """The layers with their errors, by the name of the node."""
    return tuple(
        msgspec.structs.replace(layer, error=errors[layer.node]) if layer.node in errors else layer for layer in layers
    )


def grouped_rewrites(rewrites: Iterable[Rewrite]) -> tuple[RewriteGroup, ...]:
    """Rewrites by rule, the most frequent first."""
    found: dict[tuple[str, str], list[str]] = {}
    for made in rewrites:
        found.setdefault((made.rule, made.equation), []).append(made.layer)
    most_first = sorted(found.items(), key=lambda item: -len(item[1]))
    return tuple(RewriteGroup(rule=r, equation=e, layers=tuple(layers)) for (r, e), layers in most_first)


def grouped_misses(misses: Iterable[NearMiss]) -> tuple[MissGroup, ...]:
    """Near misses by rule and reason, the most frequent first."""
    found: dict[tuple[str, str], list[str]] = {}
    for miss in misses:
        found.setdefault((miss.rule, miss.reason), []).append(miss.layer)
    most_first = sorted(found.items(), key=lambda item: -len(item[1]))
    return tuple(MissGroup(rule=r, reason=why, layers=tuple(layers)) for (r, why), layers in most_first)


def _by_result(seen: Inspection) -> list[dict[str, Operation]]:
    """The operations of each graph, by the name of their first result."""
    return [{op.outputs[0].name: op for op in graph.operations if op.outputs} for graph in seen.graphs]


def _names(node: str) -> Iterable[str]:
    """The names that a node's result may have in the quantized model; a converted one stands for the original."""
    return (node + suffix for suffix in reversed(SUFFIXES))


def _layer(
    number: int,
    graph: str,
    decision: OpDecision,
    forms: tuple[Operation | None, Operation | None],
    origin: tuple[str, ...],
) -> Layer:
    was, now = forms
    return Layer(
        number=number,
        graph=graph,
        node=decision.node,
        op=decision.op,
        layer=decision.layer,
        precision=decision.precision,
        asked=decision.asked,
        who=decision.who,
        why=decision.why,
        slow=decision.slow,
        off_target=decision.off_target,
        inputs=tuple(map(str, now.inputs)) if now else (),
        output=", ".join(map(str, now.outputs)) if now else "",
        size=now.weight_bytes if now else 0,
        float_size=was.weight_bytes if was else 0,
        origin=tuple(part for part in origin if not part.startswith("rule:")),
        rules=tuple(part.removeprefix("rule:") for part in origin if part.startswith("rule:")),
    )
