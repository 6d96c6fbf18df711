"""Loops of TensorFlow 1 as nodes While.

Each variable of a loop is an Enter, a Merge of that and of what NextIteration hands back, a Switch on LoopCond, and an
Exit. What no turn changes is an Enter alone. So the Merges and these Enters are the arguments of both functions: the
condition is what LoopCond reads, the body what the NextIterations read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from octavo.ir.source import SourceArgument, SourceGraph, SourceNode, SourceRef
from octavo.lower.dataflow.walk import HANDING, Made, Nodes, before_of, copied, in_order, kind, unlike

Rewrite = Callable[[SourceGraph, Made], SourceGraph]
ANY = SourceArgument("", "any", None)


class StrangeLoopError(Exception):
    """A loop of another form; the message says which."""


def without_loops(graph: SourceGraph, made: Made, rewrite: Rewrite) -> SourceGraph:
    """The graph with a node While in place of each outermost loop; inner loops become those of its functions.

    A loop that is not understood leaves Exits that read nothing and say why.
    """
    inside, parents = _frames(graph.nodes)
    outermost = {frame: [] for frame, parent in parents.items() if not parent}  # type: dict[str, list[SourceNode]]
    for name, frame in inside.items():
        if frame in outermost:
            outermost[frame].append(graph.nodes[name])
    nodes: Nodes = {name: node for name, node in graph.nodes.items() if not inside[name]}
    for frame, members in outermost.items():
        try:
            loop = _Loop(frame, graph, members)
            nodes |= loop.functional(made, rewrite, unlike(frame.removesuffix("/while_context"), graph.nodes))
        except StrangeLoopError as reason:
            told = {"reason": f"it is of a loop of TensorFlow 1 {reason}"}
            nodes |= {node.name: SourceNode(node.name, "Exit", (), told) for node in members if kind(node) == "Exit"}
    return replace(graph, nodes=nodes)


def _frames(nodes: Mapping[str, SourceNode]) -> tuple[dict[str, str], dict[str, str]]:
    """The innermost loop in which each node stands, and the loop around each loop; empty for none.

    An Exit counts for inside. The first variables of an inner loop may come from constants, which stand nowhere, so
    that a later one tells that the loop is an inner one: then all is looked at again.
    """
    order = in_order(nodes)
    parents: dict[str, str] = {}
    while True:
        inside: dict[str, str] = {}
        known = dict(parents)
        for name in order:
            node = nodes[name]
            read = (before for before in before_of(node, nodes) if before in inside)
            around = [parents[inside[b]] if kind(nodes[b]) == "Exit" and inside[b] else inside[b] for b in read]
            frame = max(around, key=lambda each: _depth(each, parents), default="")
            if kind(node) == "Enter":
                entered = str(node.attrs["frame_name"])
                parents[entered] = max(parents.get(entered, ""), frame, key=lambda each: _depth(each, parents))
                frame = entered
            inside[name] = frame
        if parents == known:
            return inside, parents


def _depth(frame: str, parents: Mapping[str, str]) -> int:
    depth = 0
    while frame:
        frame, depth = parents[frame], depth + 1
    return depth


class _Loop:
    """One outermost loop."""

    def __init__(self, frame: str, graph: SourceGraph, members: Sequence[SourceNode]) -> None:
        self.graph, self.members = graph, members
        conditions = self._of_kind("LoopCond")
        if len(conditions) != 1:
            raise StrangeLoopError(f"with {len(conditions)} conditions")
        self.condition = conditions[0]
        enters = {n.name: n for n in self._of_kind("Enter") if n.attrs["frame_name"] == frame}
        self.variables = [(merge, *parts) for merge, parts in self._merges(enters)]
        begun = {enter.name for _, enter, _ in self.variables}
        self.constant = [node for name, node in enters.items() if name not in begun]
        self.arguments = [merge.name for merge, _, _ in self.variables] + [node.name for node in self.constant]

    def _of_kind(self, wanted: str) -> list[SourceNode]:
        return [node for node in self.members if kind(node) == wanted]

    def _merges(self, enters: Mapping[str, SourceNode]) -> Iterator[tuple[SourceNode, tuple[SourceNode, SourceNode]]]:
        """Each variable's Merge, with its Enter and its NextIteration."""
        for merge in self._of_kind("Merge"):
            read = [self.graph.nodes[ref.node] for ref in merge.inputs]
            begin = [node for node in read if node.name in enters]
            again = [node for node in read if kind(node) == "NextIteration"]
            if len(begin) == len(again) == 1 and len(read) == 2:
                yield merge, (begin[0], again[0])

    def functional(self, made: Made, rewrite: Rewrite, name: str) -> Nodes:
        """The node While, and what reads its results in place of each Exit.

        Raises:
            StrangeLoopError: something leaves the loop that is none of its variables.
        """
        arguments = tuple(replace(ANY, name=argument) for argument in self.arguments)
        nodes = {n: node for n, node in self.graph.nodes.items() if n not in self.arguments}
        attrs = {}
        ends = {
            "cond": [self.condition.inputs[0]],
            "body": [*(again.inputs[0] for _, _, again in self.variables), *(SourceRef(n.name) for n in self.constant)],
        }
        for what, refs in ends.items():
            outputs = tuple(map(self._inside, refs))
            part = copied(nodes, outputs, self._inside, after=True)
            function = attrs[what] = made.name(f"{name}/{what}")
            made.graphs[function] = SourceGraph(function, {}, arguments, outputs)  # keeps the name
            made.graphs[function] = rewrite(SourceGraph(function, part, arguments, outputs), made)
        entered = [enter for _, enter, _ in self.variables] + self.constant
        after = tuple(dict.fromkeys(before for node in entered for before in node.after))
        loop = SourceNode(name, "While", tuple(node.inputs[0] for node in entered), attrs, after)
        exits = {
            node.name: SourceNode(node.name, "Identity", (SourceRef(name, self._left(node)),), node.attrs)
            for node in self._of_kind("Exit")
        }
        return {name: loop, **exits}

    def _inside(self, ref: SourceRef) -> SourceRef:
        """A tensor as the functions see it: a Switch of this loop hands on what it is given."""
        node = self.graph.nodes.get(ref.node)
        if node is None or ref.node in self.arguments:
            return ref
        return self._inside(node.inputs[0]) if self._is_own_switch(node) else ref

    def _is_own_switch(self, node: SourceNode) -> bool:
        if kind(node) != "Switch":
            return False
        return self._through(node.inputs[1]).node == self.condition.name

    def _through(self, ref: SourceRef) -> SourceRef:
        """Where a tensor comes from, looking through what only hands on."""
        while self.graph.nodes[ref.node].op in HANDING:
            ref = self.graph.nodes[ref.node].inputs[0]
        return ref

    def _left(self, exit: SourceNode) -> int:
        """The number of the variable whose last content an Exit gives.

        Raises:
            StrangeLoopError: it is none.
        """
        given = self._through(self._inside(self._through(exit.inputs[0]))).node
        if given not in self.arguments:
            raise StrangeLoopError(f"that ends with {given!r}, which is none of its variables")
        return self.arguments.index(given)
