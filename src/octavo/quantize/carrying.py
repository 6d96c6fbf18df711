"""States of loops that are added to, turn after turn: in int8 each turn would round them anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from octavo.ir.graph import Graph, Model, Node, Value
from octavo.quantize.precision import Choice, objection, weight_of
from octavo.recipe import Recipe
from octavo.targets.known import TARGETS

WHY = "a state of the loop is added to in each turn: int16 keeps what int8 would round away"


def fine_states(model: Model, choices: Mapping[Node, Choice], recipe: Recipe) -> dict[Node, Choice]:
    """The nodes that are to compute in int16, though int8 was asked for, since a state of a loop goes through them.

    A state that comes out of a product with weights, in each turn anew, forgets its rounding errors; one that is the
    state before, scaled, plus something, gathers them, as LSTM's cell does. One that products with weights read has
    to be int8 all the same, for their sake (GRU's). What else reads such a state computes in int16, too.
    """
    allowed = TARGETS[recipe.target].dtypes
    if allowed and "int16" not in allowed:
        return {}
    found: dict[Node, Choice] = {}
    for before, after, body in _carried(model):
        if before is after or after.producer is None or any(weight_of(node) for node in before.users):
            continue
        able = {node for node in body if _is_able(node, choices[node])}
        path = _reached(before.users, able, forward=True) & _reached([after.producer], able, forward=False)
        path |= {user for node in path for value in node.outputs for user in value.users if user in able}
        found |= {node: replace(choices[node], precision="int16x8", who="graph", why=WHY) for node in path}
    return found


def _carried(model: Model) -> Iterator[tuple[Value, Value, Graph]]:
    """The states of loops, before and after a turn, each with the body."""
    for node in (node for graph in model.graphs for node in graph):
        for *_, before, after in node.op.ties(node):
            body = node.op.graphs[-1]
            if before is not None and after is not None and before in body.inputs and after in body.outputs:
                yield before, after, body


def _reached(start: Iterable[Node], able: set[Node], *, forward: bool) -> set[Node]:
    """The able nodes that `start` leads to, or that lead to it, through able nodes only."""
    found: set[Node] = set()
    waiting = [node for node in start if node in able]
    while waiting:
        node = waiting.pop()
        found.add(node)
        makers = [value.producer for value in node.inputs if value is not None and value.producer is not None]
        near = [user for value in node.outputs for user in value.users] if forward else makers
        waiting += [each for each in near if each in able and each not in found]
    return found


def _is_able(node: Node, choice: Choice) -> bool:
    """Whether the node, which was to compute in int8, can in int16, and has no weights."""
    return choice.precision == "int8" and weight_of(node) is None and not objection(node, "int16")
