"""Calibration of each graph that can be called, as the recipe needs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field

from octavo.errors import SamplesError
from octavo.given import Few, Given
from octavo.ir.graph import Graph, Model, Signature, Value
from octavo.quantize.decide import needs
from octavo.quantize.rounding import Layers, unfolded
from octavo.quantize.trained import ALL, is_pinned
from octavo.recipe import Recipe, is_solved
from octavo.statistics import Range, Statistics

if TYPE_CHECKING:
    from octavo.ledger import Ledger


class Asked(Struct, frozen=True, kw_only=True):
    """What the user asks of calibration: `ranges` that are known beforehand, a `ledger` to go on from."""

    recipe: Recipe
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    progress: Callable[[str, int, int | None], None] | None = None
    ledger: Ledger | None = None


def statistics_of(
    model: Model, reference: bytes, given: Given, asked: Asked
) -> tuple[tuple[Statistics, ...], list[str]]:
    """What calibration learns of each graph, and doubts about the samples; nothing where no range is needed.

    Raises:
        SamplesError: there are none, and ranges are needed.
    """
    wanted = needs(model, asked.recipe)
    layers = {} if given.are_none else {graph: unfolded(graph, asked.recipe) for graph in given.called}
    if not wanted and not any(layers.values()):
        return tuple(Statistics() for _ in model.graphs), []
    if given.are_none and ALL in asked.ranges:
        everywhere = {name: Range(*asked.ranges[ALL]) for name in wanted}
        return tuple(Statistics(everywhere) for _ in model.graphs), []
    if given.are_none and is_pinned(model):
        return tuple(Statistics() for _ in model.graphs), []
    if given.are_none:
        raise SamplesError(
            f"precision {asked.recipe.precision!r} learns activation ranges from data, and there are no samples",
            hint="pass samples: about a hundred inputs such as the model will see (samples=…, or --samples FILE)",
        )
    called = given.called
    found = {
        graph: _calibrate(asked, called[graph], reference, (wanted, layers[graph]), given.of(graph))
        for graph in model.graphs
        if graph in called
    }
    seen = {graph: statistics for graph, (statistics, _) in found.items()}
    every = tuple(seen[graph] if graph in seen else _seen_inside(graph, seen) for graph in model.graphs)
    return every, [doubt for _, doubts in found.values() for doubt in doubts]


def _seen_inside(body: Graph, seen: Mapping[Graph, Statistics]) -> Statistics:
    """What was seen of a branch or the body of a loop while the graphs ran that run it."""
    callers = [statistics for graph, statistics in seen.items() if body in Model([graph]).bodies]
    names = {value.name for value in body.values}
    ranges = Statistics.total(callers).ranges
    return Statistics({name: range for name, range in ranges.items() if name in names})


def _calibrate(
    asked: Asked, signature: Signature, reference: bytes, learnt: tuple[Sequence[str], Layers], samples: Few
) -> tuple[Statistics, list[str]]:
    from octavo.calibrate.lint import Lint  # half of all conversions need no calibration
    from octavo.calibrate.run import Wanted, calibrate

    recipe, (wanted, layers) = asked.recipe, learnt
    names = {value.name for value in signature.graph.values}
    inside = {value.name for body in Model([signature.graph]).bodies for value in body.values}
    handed = {
        v.name for node in signature.graph if node.op.graphs for v in (*node.inputs, *node.outputs) if v is not None
    }
    here = [name for name in wanted if name in names or name in inside]
    spread = [name for name in here if name in names] if recipe.ranges != "minmax" or recipe.correct_bias else []
    values = zip(signature.inputs, signature.graph.inputs, strict=True)
    fit = {name: value.name for name, value in values if value.name in here and recipe.ranges == "least_error"}
    runtime = samples.running(reference, signature.key or None)
    if is_solved(recipe):
        samples.keep_many()
    lint = Lint(runtime, signature.graph, signature.inputs, here)
    likely = [name for name, value in zip(signature.outputs, signature.graph.outputs, strict=True) if _adds_up(value)]
    sought = Wanted(
        ranges=here, spreads=spread, optional=inside | handed, inputs=fit, probabilities=likely, layers=layers
    )
    ledger = asked.ledger
    memory = None if ledger is None else ledger.memory(reference, sought, signature.key, samples.first)
    statistics = calibrate(
        lint, samples.every, sought, progress=asked.progress, count=samples.source.count, memory=memory
    )
    return statistics, lint.findings(samples.source.labels)


def _adds_up(value: Value) -> bool:
    """Whether the elements of a value are probabilities, which a softmax made."""
    return value.producer is not None and value.producer.op.ignores_low
