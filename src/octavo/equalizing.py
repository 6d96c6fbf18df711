"""Where channels are equalized on the way through the pipeline: as a plan says, or where that is predicted to gain."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import msgspec

from octavo.equalize.run import equalize, replay
from octavo.given import Given
from octavo.ir.graph import Model
from octavo.plan import Equalized
from octavo.quantize.interface import check_interface
from octavo.quantize.precision import choose
from octavo.quantize.selecting import check_rules
from octavo.quantize.trained import is_pinned
from octavo.recipe import Recipe

EQUALIZED = "octavo_equalized"
"""Metadata of a float model whose channels were equalized, so that its plan does not do it twice."""


def equalized(model: Model, recipe: Recipe, reference: bytes, given: Given) -> tuple[Equalized, ...]:
    """Equalize channels in place where it gains; what was done. `reference` is the model as it is.

    Raises:
        RecipeError: a rule matches nothing, or inputs or outputs cannot have the dtype asked for.
        SamplesError: a sample does not fit.
    """
    if not recipe.equalize or recipe.effort == "fast" or given.are_none or is_pinned(model) or recipe.is_plain:
        return ()
    check_rules(model.graphs, recipe)
    check_interface(model, recipe)
    done: list[Equalized] = []
    for graph, signature in given.called.items():
        integers = {node for node, choice in choose(graph, recipe).items() if choice.precision == "int8"}
        if not integers:
            continue
        samples = given.of(graph)
        done += equalize(graph, samples.running(reference, signature.key or None), samples.first, integers)
    if done:
        model.metadata[EQUALIZED] = _mark(done)
    return tuple(done)


def replayed(model: Model, rows: tuple[Equalized, ...]) -> tuple[Equalized, ...]:
    """Equalize as a plan says, unless the model is the one that came of it; what was done.

    Raises:
        Invalid: the plan is for another model.
    """
    if not rows or model.metadata.get(EQUALIZED) == _mark(rows):
        return ()
    for graph in model.graphs:
        replay(graph, [row for row in rows if row.graph == graph.name])
    model.metadata[EQUALIZED] = _mark(rows)
    return rows


def _mark(rows: Sequence[Equalized]) -> bytes:
    """Short, and another for other rows."""
    return b"%08x" % zlib.crc32(msgspec.json.encode(rows))
