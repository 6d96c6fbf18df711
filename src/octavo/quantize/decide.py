"""Graph, recipe and statistics → plan. Pure: nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from octavo.errors import RecipeError, TargetError
from octavo.ir.graph import Graph, Model, Node, Value
from octavo.plan import GraphPlan, Plan
from octavo.quantize.interface import Interfaces, check_interface
from octavo.quantize.precision import INTEGER, Raise, choose, decision, foreign, takes_float
from octavo.quantize.selecting import check_rules
from octavo.recipe import Recipe, Rule
from octavo.statistics import Statistics
from octavo.targets.known import TARGETS


def needs(model: Model, recipe: Recipe) -> list[str]:
    """The names of the values whose ranges `decide` will ask for, over all graphs.

    Raises:
        RecipeError: as `decide`, before any sample is run.
    """
    check_rules(model.graphs, recipe)
    check_interface(model, recipe)
    if recipe.is_plain:
        return []
    from octavo.quantize.group import real_operands, real_results
    from octavo.quantize.singular import told_apart

    wanted: dict[str, None] = {}
    strange = foreign(model)
    for graph in model.graphs:
        choices = choose(graph, recipe, is_foreign=graph in strange)
        # what stays float in any case may hold anything, such as the logarithm of zero
        if takes_float(recipe) and (kept := told_apart(graph, choices)):
            choices = choose(graph, recipe, kept, is_foreign=graph in strange)
        for node in graph:
            if choices[node].precision in INTEGER:
                values = [value for _, value, _ in [*real_operands(node), *real_results(node)]]
                values += [v for tie in node.op.ties(node) for v in tie if v is not None and _is_needed(v, node, graph)]
                wanted.update((value.name, None) for value in values if value.const is None)
        wanted.update((value.name, None) for value, _ in Interfaces(model, graph, recipe).integers)
    return list(wanted)


def _is_needed(value: Value, node: Node, graph: Graph) -> bool:
    """Whether a value that is handed on holds real numbers; results that nobody reads hold anything."""
    idle = value in node.outputs and not value.uses and value not in graph.outputs
    return value.dtype == np.float32 and not idle


def decide(
    model: Model,
    recipe: Recipe,
    statistics: Sequence[Statistics],
    *,
    raised: Mapping[str, Mapping[str, Raise]] = MappingProxyType({}),
) -> Plan:
    """What becomes of each operation and tensor; `statistics` holds those of each graph of the model.

    `raised` has, by graph, the nodes (by their first output) that shall compute more finely, in what, and why.

    Raises:
        RecipeError: a rule matches nothing, or the inputs or outputs cannot have the dtype asked for.
        TargetError: the recipe is strict and something must stay float.
    """
    check_rules(model.graphs, recipe)
    check_interface(model, recipe)
    _check_weights(recipe)
    if recipe.is_plain:
        return _all_float(model, recipe)
    from octavo.quantize.settle import settled

    plan = settled(model, recipe, statistics, raised)
    if recipe.strict and plan.left_float:
        rows = "\n".join(f"  {op.op} at {op.layer}: {op.why}" for op in plan.left_float)
        raise TargetError(
            f"{len(plan.left_float)} operation(s) must stay float:\n{rows}",
            where="recipe.strict",
            hint="allow each by a rule with precision 'float32', or leave strict out",
        )
    return plan


def _all_float(model: Model, recipe: Recipe) -> Plan:
    """The plan that leaves everything as it is."""
    bodies = set(model.bodies)
    graphs = [
        GraphPlan(
            graph=graph.name,
            ops=tuple(decision(node, choice) for node, choice in choose(graph, recipe).items()),
            grids=(),
            inputs=(None,) * len(graph.inputs) if graph in bodies else (),
            outputs=(None,) * len(graph.outputs) if graph in bodies else (),
        )
        for graph in model.graphs
    ]
    return Plan(recipe=recipe, graphs=tuple(graphs))


def _check_weights(recipe: Recipe) -> None:
    """Make sure that blocks are asked for only where a kernel reads them rightly."""
    parts: list[tuple[str, Recipe | Rule]] = [("recipe", recipe)]
    for name, part in parts:
        parts += [(f"{name}, rule {number + 1}", rule) for number, rule in enumerate(part.rules)]
        block, weights = recipe.block if part.block is None else part.block, part.weights or recipe.weights
        target = TARGETS[recipe.target]
        if weights != "int8" and target.dtypes and weights not in target.dtypes:
            raise RecipeError(f"{target.name} takes no weights of {weights}", where=name, hint="leave them at 'int8'")
        if block and weights != "int4":
            raise RecipeError(
                f"blocks of {block} numbers need weights of int4, not {weights}",
                where=f"{name}, block",
                hint="LiteRT reads blocks of other dtypes wrongly: set weights to 'int4', or block to 0",
            )
