"""A recipe and a finished model, held against the target that the recipe names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from octavo.errors import TargetError, UsageError, did_you_mean
from octavo.ir.graph import Model
from octavo.plan import DENIED, GraphPlan, OpDecision, Plan
from octavo.recipe import Recipe
from octavo.targets.known import TARGETS
from octavo.targets.target import CONVERSIONS, Departure, Target, departures


def target_of(name: str) -> Target:
    """The target of that name.

    Raises:
        UsageError: there is none.
    """
    found = {str(known): target for known, target in TARGETS.items()}.get(name)
    if found is None:
        raise UsageError(f"no target is called {name!r}", hint=did_you_mean(name, [str(known) for known in TARGETS]))
    return found


def aimed(recipe: Recipe, target: str | None, plan: Plan | None = None) -> Recipe:
    """The recipe with that target in place of its own, if one is given.

    Raises:
        UsageError: there is no such target, or a plan, which has its own.
    """
    if target is None:
        return recipe
    if plan is not None:
        hint = f"leave target out; the plan is for {plan.recipe.target!r}"
        raise UsageError("a plan has been made for a target already", where=f"target = {target!r}", hint=hint)
    return replace(recipe, target=target_of(target).name)


def check_recipe(recipe: Recipe) -> None:
    """Make sure, before any work, that the target runs the recipe's precision.

    Raises:
        TargetError: it does not.
    """
    target = TARGETS[recipe.target]
    if target.precisions and recipe.precision not in target.precisions:
        raise TargetError(
            f"{target.name} does not run the precision {recipe.precision!r}",
            where=f"recipe.target; {target.source}",
            hint=f"set precision to {' or '.join(map(repr, sorted(target.precisions)))}",
        )


def checked(model: Model, plan: Plan) -> Plan:
    """The plan, in which each operation that the target leaves to the CPU, as the recipe allows, says why.

    Raises:
        TargetError: there are others; each is named with its layer, why, and what to do.
    """
    target = TARGETS[plan.recipe.target]
    departing = [each for each in leaving(model, target) if not (target.has_fallback and each.op in CONVERSIONS)]
    left = {row.node for graph in plan.graphs for row in graph.ops if target.has_fallback and _is_left(row)}
    found = [each for each in departing if _made_of(each.tensor) not in left]
    if found:
        rows = "\n".join(f"  {each.op} at {each.layer}: {each.why}; {each.cure}" for each in found)
        leave = "leave each in float, for the CPU, by `deny` or a rule; or " if target.has_fallback else ""
        raise TargetError(
            f"{len(found)} operation(s) do not run on {target.name}:\n{rows}",
            where=f"recipe.target; {target.source}",
            hint=f"{leave}choose another target",
        )
    why = {_made_of(each.tensor): each.why for each in departing}
    return replace(plan, graphs=tuple(_marked(graph, why) for graph in plan.graphs)) if why else plan


def _is_left(row: OpDecision) -> bool:
    """Whether the recipe says that the operation may stay in float."""
    return row.why == DENIED or (row.asked == "float32" and row.who != "recipe")


def _marked(graph: GraphPlan, why: Mapping[str, str]) -> GraphPlan:
    return replace(graph, ops=tuple(replace(row, off_target=why.get(row.node, "")) for row in graph.ops))


def leaving(model: Model, target: Target) -> Iterator[Departure]:
    """The operations of all graphs that would leave the target."""
    for graph in model.graphs:
        yield from departures(graph, target)


def _made_of(tensor: str) -> str:
    """The float model's name of a tensor, or of what a conversion was made from."""
    for suffix in ("/int8", "/int16", "/float32"):
        tensor = tensor.removesuffix(suffix)
    return tensor
