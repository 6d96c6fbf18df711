"""Variables that the runtime keeps from call to call: read at the beginning of a call, assigned at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from octavo.ir.build import Builder
from octavo.ir.graph import Graph, Node, Value
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops.opaque import assignment, handle, reading


class Kept(Struct):
    """The variables of one graph, by name: what a call finds in them, and what assigns them at its end."""

    graph: Graph
    found: dict[str, Value] = field(default_factory=dict)
    left: dict[str, Node] = field(default_factory=dict)

    def read(self, name: str, content: Array) -> Value:
        """What is in the variable when a call begins."""
        build = Builder(self.graph, origin=(name,))
        type = Type(content.dtype, content.shape)
        self.found[name] = build(reading(type), build(handle(name), name=f"{name}/handle"), name=name)
        return self.found[name]

    def assign(self, name: str, value: Value | None) -> None:
        """Leave a value in the variable when a call ends."""
        maker = self.found[name].producer
        assert maker is not None
        Builder(self.graph, origin=(name,)).many(assignment(), maker.inputs[0], value, name=name)
        *_, self.left[name] = self.graph


def settle(graphs: Sequence[Kept], contents: Mapping[str, Array]) -> set[str]:
    """Keep the variables on which outputs depend, in some call, and fill them in the first; the names of the others."""
    needed = {kept.graph: set(_above(kept.graph.outputs)) for kept in graphs}
    live: set[str] = set()
    while more := {name for kept in graphs for name, value in kept.found.items() if value in needed[kept.graph]} - live:
        live |= more
        for kept in graphs:
            ends = [kept.left[name].inputs[1] for name in more if name in kept.left]
            needed[kept.graph] |= set(_above([value for value in ends if value is not None]))
    idle = {name for kept in graphs for name in kept.left} - live
    for kept in graphs:
        for name in idle & kept.left.keys():
            kept.graph.erase(kept.left[name])
    if live:
        from octavo.ops.hashtable import CallOnce  # few models need it

        first = Graph("variables")
        build = Builder(first)
        for name in sorted(live):
            build.many(assignment(), build(handle(name), name=f"{name}/handle"), contents[name], name=name)
        for kept in graphs:
            if live & kept.found.keys():
                Builder(kept.graph, before=next(iter(kept.graph)), origin=("variables",)).many(CallOnce(first))
    return idle


def _above(values: Sequence[Value]) -> dict[Value, None]:
    """The values, and all of which they are made."""
    found: dict[Value, None] = {}
    stack = list(values)
    while stack:
        value = stack.pop()
        if value not in found:
            found[value] = None
            if value.producer is not None:
                stack += [each for each in value.producer.inputs if each is not None]
    return found
