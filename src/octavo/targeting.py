"""A recipe and a finished model, held against the target that the recipe names."""

from __future__ import annotations

from collections.abc import Iterator

from octavo.errors import TargetError, UsageError, did_you_mean
from octavo.ir.graph import Model
from octavo.plan import Plan
from octavo.recipe import Recipe
from octavo.targets.known import TARGETS
from octavo.targets.target import Departure, Target, departures


def target_of(name: str) -> Target:
    """The target of that name.

    Raises:
        UsageError: there is none.
    """
    found = {str(known): target for known, target in TARGETS.items()}.get(name)
    if found is None:
        raise UsageError(f"no target is called {name!r}", hint=did_you_mean(name, [str(known) for known in TARGETS]))
    return found


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


def check_model(model: Model, plan: Plan) -> None:
    """Make sure that the target runs every operation that the recipe does not leave in float.

    Raises:
        TargetError: there are others; each is named with its layer, why, and what to do.
    """
    target = TARGETS[plan.recipe.target]
    left = {row.node for graph in plan.graphs for row in graph.ops if row.asked == "float32" and row.who != "recipe"}
    left |= {row.node for graph in plan.graphs for row in graph.ops if row.why == "the recipe denies it"}
    found = [each for each in leaving(model, target) if not (target.has_fallback and _made_of(each.tensor) in left)]
    if found:
        rows = "\n".join(f"  {each.op} at {each.layer}: {each.why}; {each.cure}" for each in found)
        leave = "leave each in float, for the CPU, by `deny` or a rule; or " if target.has_fallback else ""
        raise TargetError(
            f"{len(found)} operation(s) do not run on {target.name}:\n{rows}",
            where=f"recipe.target; {target.source}",
            hint=f"{leave}choose another target",
        )


def leaving(model: Model, target: Target) -> Iterator[Departure]:
    """The operations of all graphs that would leave the target."""
    for graph in model.graphs:
        yield from departures(graph, target)


def _made_of(tensor: str) -> str:
    """The float model's name of a tensor, or of what a conversion was made from."""
    for suffix in ("/int8", "/int16", "/float32"):
        tensor = tensor.removesuffix(suffix)
    return tensor
