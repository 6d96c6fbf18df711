"""Rules about ports: how single constants are stored where activations are float."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from octavo.errors import RecipeError
from octavo.ir.graph import Node, Value
from octavo.ir.grid import weight_scale
from octavo.ir.port import Weight
from octavo.plan import Grid
from octavo.quantize.precision import INTEGER, Choice
from octavo.quantize.selecting import Selection
from octavo.recipe import Precision, Rule


def store(node: Node, choice: Choice, rows: Sequence[Grid], selection: Selection) -> tuple[Choice, list[Grid]]:
    """The node's choice and its constants' rows, as rules about ports change them."""
    if choice.precision in INTEGER or choice.precision == "exact":
        return choice, list(rows)
    changed = dict(_changes(node, selection))
    if not changed:
        return choice, list(rows)
    kept = [row for row in rows if row.value not in changed]
    made = [row for value, row in changed.values() if value is not None and row is not None]
    label = next(name for _, _, (_, name) in _ruled(node, selection))
    return _labelled(choice, [*kept, *made], label), [*kept, *made]


def check_ports(choices: Mapping[Node, Choice], selection: Selection) -> None:
    """Make sure that each rule about a port changes something.

    Raises:
        RecipeError: all that it matches computes in integers.
    """
    for number, rule in enumerate(selection.recipe.rules, start=1):
        if not rule.port:
            continue
        matched = [node for node in selection.graph if selection.matches(node, rule)]
        if matched and all(choices[node].precision in INTEGER for node in matched):
            raise RecipeError(
                f"rule {number} has no effect: what it matches computes in integers, its constants too ({rule})",
                where="recipe.rules",
                hint="leave `port` out to keep these operations float, or choose a precision with float activations",
            )


def _ruled(node: Node, selection: Selection) -> Iterator[tuple[str, Value, tuple[Rule, str]]]:
    """The constants for which a rule about their port counts."""
    for name, value in zip(node.op.operands(len(node.inputs)), node.inputs, strict=True):
        if value is None or value.const is None or value.dtype != np.float32:
            continue
        found = selection.rule_for(node, name)
        if found is not None and found[0].port:
            yield name, value, found


def _changes(node: Node, selection: Selection) -> Iterator[tuple[str, tuple[Value, Grid | None]]]:
    """By the name of a constant: the constant and its new row; none where it stays float32."""
    for name, value, (rule, label) in _ruled(node, selection):
        port = node.op.port(name)
        if rule.precision == "weight_only" and not isinstance(port, Weight):
            continue
        yield (
            value.name,
            (value, _row(node, value, rule.precision, port.axis if isinstance(port, Weight) else None, label)),
        )


def _row(node: Node, value: Value, precision: Precision, axis: int | None, label: str) -> Grid | None:
    assert value.const is not None
    reader, why = node.name, f"{label} of the recipe"
    if precision == "float16":
        return Grid(value=value.name, dtype="float16", reader=reader, who="rule", why=why)
    if precision != "weight_only":
        return None
    scale = weight_scale(value.const, axis)
    return Grid(
        value=value.name,
        dtype="int8",
        scale=tuple(scale.tolist()),
        zero_point=(0,) * len(scale),
        axis=axis,
        reader=reader,
        low=float(value.const.min()),
        high=float(value.const.max()),
        who="rule",
        why=why,
    )


def _labelled(choice: Choice, rows: Sequence[Grid], label: str) -> Choice:
    """The choice with the precision that its constants now have."""
    dtypes = {row.dtype for row in rows}
    precision: Precision = (
        "weight_only" if dtypes & {"int8", "int4", "int2"} else "float16" if "float16" in dtypes else "float32"
    )
    if choice.precision == "dynamic" and precision == "weight_only":
        precision = "dynamic"
    return replace(choice, precision=precision, who="rule", why=f"{label} of the recipe, about a port")
