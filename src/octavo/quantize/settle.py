"""Precisions and grids that fit together: what one operation needs may change what others can have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from octavo.errors import InternalError
from octavo.ir.graph import Graph, Model, Node, Value
from octavo.plan import GraphPlan, Plan
from octavo.quantize.carrying import fine_states
from octavo.quantize.interface import Interfaces
from octavo.quantize.joins import joined_in_float
from octavo.quantize.limits import objections
from octavo.quantize.masks import cut_masks
from octavo.quantize.precision import INTEGER, Choice, Raise, Refusal, choose, decision, foreign, takes_float
from octavo.quantize.selecting import Selection
from octavo.quantize.sharing import Shared, readers, shared
from octavo.quantize.singular import near_zero, told_apart
from octavo.quantize.stored import check_ports, store
from octavo.quantize.weights import ScaleOf, constant_grids
from octavo.recipe import Recipe
from octavo.statistics import Statistics
from octavo.targets.known import TARGETS

FLOAT_INSIDE = "nothing that it hands on is computed in integers"


def settled(
    model: Model, recipe: Recipe, statistics: Sequence[Statistics], raised: Mapping[str, Mapping[str, Raise]]
) -> Plan:
    """The plan for a recipe that asks for more than float; see `octavo.quantize.decide.decide`."""
    cut = {
        graph: cut_masks(graph, seen, integers_only=not takes_float(recipe))
        for graph, seen in zip(model.graphs, statistics, strict=True)
    }
    known = {graph: seen for graph, (seen, _) in cut.items()}
    refused = _measured(model, raised) | {node: why for _, found in cut.values() for node, why in found.items()}
    for graph, seen in known.items() if takes_float(recipe) else ():
        floats = {value for value, dtype in Interfaces(model, graph, recipe).outputs.items() if dtype == "float32"}
        refused = joined_in_float(graph, floats, seen) | refused
    choices, tensors = _settled(model, recipe, known, refused)
    return Plan(recipe=recipe, graphs=tuple(_graph(model, graph, (recipe, known), choices, tensors) for graph in known))


def _graph(
    model: Model,
    graph: Graph,
    given: tuple[Recipe, Mapping[Graph, Statistics]],
    settled: Mapping[Node, Choice],
    tensors: Shared,
) -> GraphPlan:
    recipe, known = given
    statistics, choices, grids = known[graph], dict(settled), tensors.grids(graph)
    grids += Interfaces(model, graph, recipe).missing(grids, statistics)
    scales: dict[tuple[str, str, str], float] = {(grid.value, grid.dtype, grid.reader): grid.scale[0] for grid in grids}
    selection = Selection(graph, recipe)
    check_ports(choices, selection)
    for node in graph:
        choice = choices[node]
        lookup = _scale_of(scales, INTEGER.get(choice.precision, ""), node.name)
        rows = list(constant_grids(node, choice, recipe, lookup, statistics))
        choices[node], rows = store(node, choice, rows, selection)
        grids += rows
        if node.op.ties(node) and choice.precision in INTEGER and not any(map(tensors.slot, _given_by(node))):
            choices[node] = replace(choice, precision="float32", who="graph", why=FLOAT_INSIDE)
    return GraphPlan(
        graph=graph.name,
        ops=tuple(decision(node, choices[node]) for node in graph),
        grids=tuple(grids),
        inputs=tuple(tensors.slot(value) for value in graph.inputs) if graph in model.bodies else (),
        outputs=tuple(tensors.slot(value) for value in graph.outputs) if graph in model.bodies else (),
    )


def _measured(model: Model, raised: Mapping[str, Mapping[str, Raise]]) -> dict[Node, Refusal]:
    """The nodes that shall compute more finely than int8."""
    return {
        node: ("measured", why, finer)
        for graph in model.graphs
        for node in graph
        for finer, why in filter(None, [raised.get(graph.name, {}).get(node.name)])
    }


def _given_by(node: Node) -> list[Value]:
    """What goes into the graphs that the node runs, and comes out of them."""
    return [value for graph in node.op.graphs for value in (*graph.inputs, *graph.outputs)]


def _settled(
    model: Model, recipe: Recipe, known: Mapping[Graph, Statistics], beforehand: Mapping[Node, Refusal]
) -> tuple[dict[Node, Choice], Shared]:
    """Precisions and grids on which every kernel is right: a node that is not on its own goes back to float."""
    refused = dict(beforehand)
    strange = foreign(model)
    while True:
        choices: dict[Node, Choice] = {}
        for graph in known:
            choices |= choose(graph, recipe, refused, is_foreign=graph in strange)
        choices |= fine_states(model, choices, recipe)
        tensors = shared(known, choices, ranges=recipe.ranges, moved=TARGETS[recipe.target].on_one_grid)
        if not (found := _refusals(known, choices, tensors, recipe)):
            return choices, tensors
        for node, refusal in found.items():
            if node in refused and refused[node][0] == "measured" and not takes_float(recipe):
                del refused[node]  # int16 was only wished for; if int8 is wrong as well, that is found next
            else:
                refused[node] = refusal


def _refusals(
    known: Mapping[Graph, Statistics], choices: Mapping[Node, Choice], tensors: Shared, recipe: Recipe
) -> dict[Node, Refusal]:
    """The nodes that cannot compute in integers after all: who says so, and why."""
    if unknown := tensors.unknown:
        return {node: ("calibration", why) for node, why in readers(known, choices, unknown).items()}
    found: dict[Node, Refusal] = {}
    for graph, statistics in known.items():
        is_cpu = TARGETS[recipe.target].is_cpu
        reasons = objections(graph, choices, tensors.grids(graph), statistics, is_cpu=is_cpu)
        found |= {node: ("kernel", why) for node, why in reasons.items()}
        found |= near_zero(graph, choices, statistics) | told_apart(graph, choices) if takes_float(recipe) else {}
    return found


def _scale_of(scales: dict[tuple[str, str, str], float], dtype: str, reader: str) -> ScaleOf:
    def scale_of(value: Value) -> float:
        key = (value.name, dtype, reader if value.const is not None else "")
        if key not in scales:
            raise InternalError(f"{value.name!r} has no grid")
        return scales[key]

    return scale_of
