"""What a plan gains from running it: the way from the plan that statistics give to the one that is measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from octavo.given import Given
from octavo.ir.graph import Model
from octavo.plan import Plan
from octavo.recipe import is_solved
from octavo.statistics import Statistics

if TYPE_CHECKING:
    from octavo.raising import Made


def refined(
    model: Model, plan: Plan, statistics: Sequence[Statistics], given: Given
) -> tuple[Plan, list[str], Made | None]:
    """The plan, changed where the recipe lets that be measured, what the user should know, and the model, if made.

    Operations that cost too much are raised out of int8; then narrow weights are solved on quantized inputs.
    """
    told: list[str] = []
    made: Made | None = None
    recipe = plan.recipe
    if recipe.mixed and recipe.effort != "fast" and recipe.needs_samples:
        from octavo.raising import raise_ruinous  # most conversions need none of it

        plan, told, made = raise_ruinous(model, plan, statistics, given)
    if is_solved(recipe):
        from octavo.solving import solve_weights

        plan = solve_weights(model, plan, given)
    return plan, told, made if made is not None and made.plan is plan else None
