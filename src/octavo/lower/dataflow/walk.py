"""What loops and branches have in common: the operations, orders of nodes, copies of a part of a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from octavo.ir.source import FunctionName, SourceGraph, SourceNode, SourceRef

Nodes = dict[str, SourceNode]
KINDS: Final = frozenset({"Switch", "_SwitchN", "Merge", "Enter", "Exit", "NextIteration", "LoopCond"})
"""The operations of TensorFlow 1's control flow. Each but the second and the last has a form for references, too."""
NAMES: Final = KINDS | {f"Ref{name}" for name in KINDS}
"""All their names."""
HANDING: Final = frozenset({"Identity", "RefIdentity", "StopGradient"})
"""Operations that hand on their only input."""


def kind(node: SourceNode) -> str:
    """Which operation of control flow a node is, whether of values or of references; empty for all others."""
    return node.op.removeprefix("Ref") if node.op in NAMES else ""


class Made(Struct):
    """The functions that were made of parts of graphs, and the names of all."""

    known: Mapping[str, SourceGraph]
    graphs: dict[str, SourceGraph] = field(default_factory=dict)

    def name(self, wanted: str) -> FunctionName:
        """A name that no function has."""
        free = wanted
        while free in self.known or free in self.graphs:
            free += "_"
        return FunctionName(free)


def in_order(nodes: Mapping[str, SourceNode]) -> list[str]:
    """The nodes, each after what it reads and waits for; a loop is entered at its Merge, which waits for no turn."""
    order: list[str] = []
    done: set[str] = set()
    for start in nodes:
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            name, is_ready = stack.pop()
            if is_ready:
                order.append(name)
            elif name not in done and name in nodes:
                done.add(name)
                stack.append((name, True))
                stack += [(before, False) for before in before_of(nodes[name], nodes) if before not in done]
    return order


def before_of(node: SourceNode, nodes: Mapping[str, SourceNode]) -> Iterator[str]:
    """The nodes that come before a node in the first turn of its loop."""
    for ref in node.inputs:
        if ref.node in nodes and not (kind(node) == "Merge" and kind(nodes[ref.node]) == "NextIteration"):
            yield ref.node
    yield from (name for name in node.after if name in nodes)


def through(graph: SourceGraph, ref: SourceRef) -> SourceRef:
    """Where a tensor comes from, looking through operations that only hand on."""
    while (node := graph.nodes.get(ref.node)) is not None and node.op in ("Identity", "StopGradient") and node.inputs:
        if any(argument.name == ref.node for argument in graph.arguments):
            break
        ref = node.inputs[0]
    return ref


Resolve = Callable[[SourceRef], SourceRef]


def copied(nodes: Mapping[str, SourceNode], refs: Iterable[SourceRef], resolve: Resolve, *, after: bool) -> Nodes:
    """The part of a graph that `refs` need, where each tensor is what `resolve` says.

    `resolve` gives a tensor that no node of the graph makes for what comes from outside. With `after`, the nodes that
    these wait for are there, too.
    """
    found: Nodes = {}
    stack = [ref.node for ref in refs]
    while stack:
        name = stack.pop()
        if name in found or name not in nodes:
            continue
        node = nodes[name]
        inputs = tuple(resolve(ref) for ref in node.inputs)
        found[name] = replace(node, inputs=inputs)
        stack += [ref.node for ref in inputs]
        if after:
            stack += [resolve(SourceRef(before)).node for before in node.after]
    return found


def unlike(name: str, nodes: Mapping[str, object]) -> str:
    """The name, lengthened until no node has it."""
    while name in nodes:
        name += "_"
    return name
