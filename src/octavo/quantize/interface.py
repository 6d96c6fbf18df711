"""The dtypes of the model's inputs and outputs, which the recipe gives for all or by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from octavo.errors import RecipeError, did_you_mean
from octavo.ir.graph import Graph, Model, Value
from octavo.ir.grid import Interval, activation_grid
from octavo.plan import Grid
from octavo.quantize.precision import INTEGER
from octavo.recipe import Interface, Recipe, dtype_for
from octavo.statistics import Statistics

STORED: Mapping[Interface, str] = {"int8": "int8", "uint8": "int8", "int16": "int16"}
"""The dtype of the grid: uint8 is int8, shifted."""


class Interfaces:
    """The dtype of each real input and output of a graph that can be called; all others stay as they are."""

    def __init__(self, model: Model, graph: Graph, recipe: Recipe) -> None:
        """Look up every name under which a user may know an input or output."""
        signatures = [signature for signature in model.signatures if signature.graph is graph]
        is_called = graph not in set(model.bodies)
        inputs = _named(graph.inputs, [signature.inputs for signature in signatures]) if is_called else {}
        outputs = _named(graph.outputs, [signature.outputs for signature in signatures]) if is_called else {}
        self.inputs = _dtypes(inputs, recipe.inputs)
        self.outputs = {
            value: dtype for value, dtype in _dtypes(outputs, recipe.outputs).items() if value not in graph.inputs
        }
        self.names = {"inputs": inputs, "outputs": outputs}

    @property
    def integers(self) -> Iterator[tuple[Value, Interface]]:
        """The inputs and outputs that are integers, once for each dtype."""
        pairs = [*self.inputs.items(), *self.outputs.items()]
        return iter(dict.fromkeys(pair for pair in pairs if pair[1] != "float32"))

    def missing(self, rows: Sequence[Grid], statistics: Statistics) -> Iterator[Grid]:
        """The grids of inputs and outputs on which no operation computes."""
        known: dict[tuple[str, str], Grid] = {(row.value, row.dtype): row for row in rows if not row.reader}
        made: set[tuple[str, str]] = set()
        for value, dtype in self.integers:
            key = value.name, STORED[dtype]
            if key not in known and key not in made:
                made.add(key)
                yield _grid(value, dtype, [known.get((value.name, other)) for other in ("int8", "int16")], statistics)


def check_interface(model: Model, recipe: Recipe) -> None:
    """Make sure that the recipe's inputs and outputs are the model's, and that something computes in integers.

    Raises:
        RecipeError: a name is not the model's, or nothing in the recipe computes in integers.
    """
    interfaces = [Interfaces(model, graph, recipe) for graph in model.graphs]
    for side, given in (("inputs", recipe.inputs), ("outputs", recipe.outputs)):
        known = {name for each in interfaces for names in each.names[side].values() for name in names}
        for name in given if isinstance(given, Mapping) else ():
            if name != "*" and name not in known:
                hint = did_you_mean(name, known)
                raise RecipeError(f"the model has no {side[:-1]} {name!r}", where=f"recipe.{side}", hint=hint)
        dtypes = set(given.values() if isinstance(given, Mapping) else [given]) - {"float32"}
        if dtypes and not any(
            p in INTEGER for p in (recipe.precision, *(rule.precision for rule in recipe.every_rule))
        ):
            dtype = min(dtypes)
            raise RecipeError(
                f"{side}={dtype!r} needs operations that compute in {STORED[dtype]}",
                where=f"recipe.{side}",
                hint=f"set precision to {'int16x8' if dtype == 'int16' else 'int8'!r}, or leave {side} at 'float32'",
            )


def _named(values: Sequence[Value], names: Iterable[Sequence[str]]) -> dict[Value, tuple[str, ...]]:
    """The names of each real value: those of the signatures first, then that of its tensor."""
    given = list(names)
    return {
        value: (*(each[place] for each in given), value.name)
        for place, value in enumerate(values)
        if value.dtype == np.float32 and value.const is None
    }


def _dtypes(
    names: Mapping[Value, tuple[str, ...]], interface: Interface | Mapping[str, Interface]
) -> dict[Value, Interface]:
    return {value: dtype_for(interface, known) for value, known in names.items()}


def _grid(value: Value, dtype: Interface, others: Sequence[Grid | None], statistics: Statistics) -> Grid:
    """A grid over the range that another dtype's grid covers, or over what was seen.

    Raises:
        RecipeError: nothing is known of the numbers.
    """
    other = next((row for row in others if row is not None), None)
    seen = statistics.ranges.get(value.name)
    ends = (other.low, other.high) if other is not None else value.pinned
    if ends is None and seen is not None:
        ends = seen.low, seen.high
    if ends is None:
        raise RecipeError(
            f"{value.name!r} cannot be {dtype}: nothing tells its range",
            where="recipe",
            hint="pass samples, or leave it at 'float32'",
        )
    scale, zero_point = activation_grid(Interval.around(*ends), STORED[dtype])
    return Grid(
        value=value.name,
        dtype="int16" if dtype == "int16" else "int8",
        scale=(scale,),
        zero_point=(zero_point,),
        low=ends[0],
        high=ends[1],
        who="recipe",
        why=f"the recipe wants it as {dtype}",
    )
