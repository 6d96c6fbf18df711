"""Which tensors go into branches and bodies of loops as integers, and come out as these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import numpy as np
from msgspec import Struct, field

from octavo.ir.graph import Graph, Node, Value
from octavo.quantize.precision import INTEGER, Choice


class Slot(Struct):
    """What is one tensor in several graphs, all of them in one integer dtype: each value with its graph.

    The first is one that an operation makes that runs graphs, or that goes into one of them. `given` are others that
    go into it at first, with their graphs: constants, and what other operations read, too. They are converted.
    """

    dtype: Literal["int8", "int16"] = "int8"
    members: dict[Value, Graph] = field(default_factory=dict)
    given: list[tuple[Value, Graph]] = field(default_factory=list)


def handed(graphs: Iterable[Graph], choices: Mapping[Node, Choice]) -> Iterator[Slot]:
    """The tensors that operations hand to the graphs that they run, where these compute with them in integers.

    int16 where any of them does, so that a state that is added to in int16 is kept so.
    """
    slots: dict[Value, Slot] = {}
    for graph in graphs:
        for node in graph:
            if choices[node].precision in INTEGER:
                for tie in node.op.ties(node):
                    if all(value is not None and value.dtype == np.float32 for value in tie):
                        _join(slots, _slot([value for value in tie if value is not None], node, graph))
    for slot in {id(each): each for each in slots.values()}.values():
        found = {dtype for value, graph in slot.members.items() for dtype in _dtypes(value, graph, choices)}
        if found:
            slot.dtype = "int16" if "int16" in found else "int8"
            yield slot


def _slot(tie: list[Value], node: Node, graph: Graph) -> Slot:
    slot = Slot()
    for value in tie:
        homes = [each for each in node.op.graphs if value in each.inputs or value in each.outputs]
        home = homes[0] if homes and value not in node.inputs else graph
        if value.const is not None or (value in node.inputs and (len(value.uses) > 1 or value in graph.outputs)):
            slot.given.append((value, home))
        else:
            slot.members[value] = home
    return slot


def _join(slots: dict[Value, Slot], slot: Slot) -> None:
    """Put the slot together with those that share a value with it."""
    for other in {id(slots[value]): slots[value] for value in slot.members if value in slots}.values():
        slot.members |= other.members
        slot.given += other.given
    for value in slot.members:
        slots[value] = slot


def _dtypes(value: Value, graph: Graph, choices: Mapping[Node, Choice]) -> Iterator[str]:
    """The integers in which operations of a graph that is run make the value, or read it."""
    maker = [] if value.producer is None or value not in graph.outputs else [value.producer]
    readers = value.users if value in graph.inputs else []
    for node in (*maker, *readers):
        if not node.op.ties(node) and choices[node].precision in INTEGER:
            yield INTEGER[choices[node].precision]
