"""Ranges that training or the user has found: they are fixed, and need no samples."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from octavo.errors import RecipeError, did_you_mean
from octavo.ir.graph import Graph, Model, Value
from octavo.ir.source import SourceModel
from octavo.quantize.precision import INTEGER
from octavo.recipe import Recipe

ALL = "*"
"""Stands for every tensor of which nothing else is known."""
ROUNDING = "FakeQuantWithMinMax"
"""How the names of TensorFlow's operations begin that round as integers will."""
Ranges = Mapping[str, tuple[float, float]]


def take_ranges(model: Model, recipe: Recipe) -> None:
    """Erase, in place, operations that only round, and pin the values that they round to their ranges.

    Only where some operation is to compute in integers, which round by themselves.
    """
    if any(wanted in INTEGER for wanted in (recipe.precision, *(rule.precision for rule in recipe.every_rule))):
        for graph in model.graphs:
            _take(graph)


def widen_constants(model: Model, recipe: Recipe) -> None:
    """Put, in place, constants that are stored as float16 in float32, as which they count: to be quantized anew.

    A model that stays as it is keeps them as small as they are.
    """
    if recipe.precision == "float32" and not recipe.rules:
        return
    for graph in model.graphs:
        for node in graph.nodes:
            stored = node.inputs[0].const if node.op.only_widens and node.inputs[0] is not None else None
            if stored is not None and stored.dtype == np.float16:
                wide = graph.const(stored.astype(np.float32), node.output.name)
                graph.replace(node.output, wide, keep_name=node.output in graph.outputs)
                graph.erase(node)


def pin(model: Model, ranges: Ranges) -> None:
    """Pin inputs, by any of their names, to the ranges that the user gives.

    Raises:
        RecipeError: the model has no such input.
    """
    called = [signature.graph for signature in model.signatures] or [model.main]
    inputs: dict[str, list[Value]] = {}
    for graph in called:
        for value in graph.inputs:
            inputs.setdefault(value.name, []).append(value)
    for signature in model.signatures:
        for name, value in zip(signature.inputs, signature.graph.inputs, strict=True):
            inputs.setdefault(name, []).append(value)
    for name, ends in ranges.items():
        if name != ALL and name not in inputs:
            raise RecipeError(f"the model has no input {name!r}", where="ranges", hint=did_you_mean(name, inputs))
        for value in inputs.get(name, ()):
            value.pinned = ends


def is_trained(model: SourceModel | Model) -> bool:
    """Whether a model, as it was read, was trained for integers: some of its operations only round."""
    if isinstance(model, Model):
        return any(node.op.rounds_to is not None for graph in model.graphs for node in graph)
    graphs = [model.graph, *model.functions.values()]
    return any(node.op.startswith(ROUNDING) for graph in graphs for node in graph.nodes.values())


def is_pinned(model: Model) -> bool:
    """Whether anything in the model has a range that is given."""
    return any(value.pinned is not None for graph in model.graphs for value in graph.values)


def _take(graph: Graph) -> None:
    for node in graph.nodes:
        ends, value = node.op.rounds_to, node.inputs[0] if node.inputs else None
        if ends is None or value is None or value.const is not None:
            continue
        known = value.pinned or ends
        value.pinned = min(known[0], ends[0]), max(known[1], ends[1])
        graph.replace(node.output, value, keep_name=node.output in graph.outputs)
        graph.erase(node)
