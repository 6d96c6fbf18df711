"""Variables that are assigned while the model runs, made values that are handed on, from read to write.

A function that gets such a variable gets its value too, and gives the value that it leaves behind. So who reads whose
result says what runs before what else, and calls, branches and loops hand these values on as they do all others. Only
the main graph reads a variable, once, and assigns it, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from msgspec.structs import replace

from octavo.ir.source import FunctionName, SourceArgument, SourceGraph, SourceModel, SourceNode, SourceRef
from octavo.lower.dataflow.walk import copied, in_order, through, unlike
from octavo.lower.item import BRANCHES, LOOPS
from octavo.lower.twins import CALLS, HANDLES

_KINDS: Final = ("Add", "Sub", "Max", "Min", "Update")
_SUMS: Final = {"AssignAddVariableOp": "AddV2", "AssignSubVariableOp": "Sub"}
_ROWS: Final = {f"ResourceScatter{kind}": f"TensorScatter{kind}" for kind in _KINDS}
_PLACES: Final = {f"ResourceScatterNd{kind}": f"TensorScatter{kind}" for kind in _KINDS} | {
    "ResourceStridedSliceAssign": "TensorStridedSliceUpdate"
}
_UNKNOWN: Final = ("ResourceScatterMul", "ResourceScatterDiv")
HANDED_ON: Final = frozenset({"AssignVariableOp", *_SUMS, *_ROWS, *_PLACES})
"""Source ops that change a variable in a way that can be said of values, too."""
WRITERS: Final = HANDED_ON | {*_UNKNOWN}
"""Source ops that change the variable that is their first input."""
_STRUCTURES: Final = CALLS | BRANCHES | LOOPS

Now = dict[SourceRef, SourceRef]
"""The value of each variable at some time."""


@dataclass(frozen=True, slots=True)
class Threaded:
    """A model whose main graph is given what is `before` in variables, and makes what is in them `after`, by name."""

    source: SourceModel
    before: Mapping[str, SourceRef]
    after: Mapping[str, SourceRef]


def assigned(source: SourceModel, refs: Iterable[SourceRef]) -> set[str]:
    """The variables that are assigned on the way to tensors of the main graph, by the names of their nodes."""
    changes = _Changes(source.functions)
    nodes = (source.graph.nodes[name] for name in _before(source.graph, refs))
    changed = (through(source.graph, ref) for node in nodes for ref in changes.of(node))
    return {ref.node for ref in changed if ref.node in source.graph.nodes and _is_variable(source.graph, ref)}


def threaded(source: SourceModel, refs: Iterable[SourceRef], variables: Iterable[str]) -> Threaded:
    """The model with the `variables` handed on as values on the way to tensors of the main graph."""
    work = _Work(source.functions)
    graph = source.graph
    before = {SourceRef(name): SourceRef(unlike(f"{name}/before", graph.nodes)) for name in variables}
    nodes, now = work.rewritten(graph, _before(graph, refs), before)
    rewritten = SourceGraph(graph.name, {**graph.nodes, **nodes})
    after = {ref.node: at for ref, at in now.items() if at != before[ref]}
    known = replace(source, graph=rewritten, functions=_Joined(source.functions, work.made))
    used = {given for node in nodes.values() for given in node.inputs}
    return Threaded(known, {ref.node: at for ref, at in before.items() if at in used or ref.node in after}, after)


def _is_variable(graph: SourceGraph, ref: SourceRef) -> bool:
    return graph.nodes[ref.node].op in HANDLES


def _before(graph: SourceGraph, refs: Iterable[SourceRef]) -> list[str]:
    """The nodes that run before tensors are there, each after those that it waits for."""
    return in_order(copied(graph.nodes, refs, lambda ref: ref, after=True))


@dataclass(slots=True)
class _Changes:
    """Which variables nodes assign, themselves or in what they call."""

    functions: Mapping[str, SourceGraph]
    known: dict[str, set[int]] = field(default_factory=dict)

    def of(self, node: SourceNode) -> Iterator[SourceRef]:
        """The inputs of the node that are variables which it assigns."""
        if node.op in WRITERS:
            yield node.inputs[0]
        for function in _called(node, self.functions):
            lead = len(node.inputs) - len(function.arguments)
            yield from (node.inputs[lead + at] for at in self.inside(function))

    def inside(self, function: SourceGraph) -> set[int]:
        """The arguments of the function that are variables which it assigns, by number."""
        if function.name not in self.known:
            self.known[function.name] = set()  # it may call itself
            numbers = {argument.name: at for at, argument in enumerate(function.arguments)}
            nodes = list(function.of(WRITERS | _STRUCTURES))
            changed = [through(function, ref).node for node in nodes for ref in self.of(node)]
            self.known[function.name] = {numbers[name] for name in changed if name in numbers}
        return self.known[function.name]


@dataclass(frozen=True, slots=True)
class _Joined(Mapping[str, SourceGraph]):
    """The functions of a model, and those that were made of them."""

    read: Mapping[str, SourceGraph]
    made: Mapping[str, SourceGraph]

    def __getitem__(self, name: str) -> SourceGraph:
        return self.made[name] if name in self.made else self.read[name]

    def __iter__(self) -> Iterator[str]:
        yield from (*self.read, *self.made)

    def __len__(self) -> int:
        return len(self.read) + len(self.made)


@dataclass(slots=True)
class _Work:
    """Functions on their way to others that hand values on."""

    functions: Mapping[str, SourceGraph]
    made: dict[str, SourceGraph] = field(default_factory=dict)
    names: dict[tuple[str, tuple[int, ...]], FunctionName] = field(default_factory=dict)

    def rewritten(self, graph: SourceGraph, order: Iterable[str], before: Now) -> tuple[dict[str, SourceNode], Now]:
        """The nodes, which stand in order, with values in place of the variables; and the values at the end."""
        now = dict(before)
        nodes: dict[str, SourceNode] = {}
        for name in order:
            node = graph.nodes[name]
            inputs = [through(graph, ref) for ref in node.inputs]
            if not any(ref in now for ref in inputs) or node.op in ("Identity", "StopGradient"):
                nodes[name] = node
            elif node.op in WRITERS:
                nodes |= {each.name: each for each in _as_value(node, now[inputs[0]], graph.nodes)}
                now[inputs[0]] = node.inputs[1] if node.op == "AssignVariableOp" else SourceRef(name)
            elif node.op in _STRUCTURES:
                nodes[name] = self._call(node, inputs, now)
            else:
                values = tuple(now.get(ref, own) for ref, own in zip(inputs, node.inputs, strict=True))
                nodes[name] = replace(node, inputs=values)
        return nodes, now

    def _call(self, node: SourceNode, inputs: Sequence[SourceRef], now: Now) -> SourceNode:
        """A call, branch or loop that is given the values too; from then on they are what it leaves of them."""
        functions = list(_called(node, self.functions))
        lead = len(node.inputs) - len(functions[0].arguments)
        variables = list(dict.fromkeys(ref for ref in inputs if ref in now))
        places = tuple(inputs.index(ref) - lead for ref in variables)
        given = tuple(now[ref] for ref in variables)
        results = max(len(function.outputs) for function in functions)  # of a loop those of its body
        now |= {ref: SourceRef(node.name, results + at) for at, ref in enumerate(variables)}
        attrs = {key: self._exchanged(value, places) for key, value in node.attrs.items()}
        return replace(node, inputs=(*node.inputs, *given), attrs=attrs)

    def _exchanged(self, value: Any, places: tuple[int, ...]) -> Any:
        """An attribute with the name of the function that hands values on in place of another."""
        if isinstance(value, list):
            return [self._exchanged(each, places) for each in value]
        if not isinstance(value, FunctionName) or value not in self.functions:
            return value
        if (value, places) not in self.names:
            name = FunctionName(unlike(f"{value}/threaded", self.made))
            self.names[value, places] = name
            self.made[name] = SourceGraph(name, {})  # its name is taken
            self.made[name] = self._function(name, self.functions[value], places)
        return self.names[value, places]

    def _function(self, name: str, function: SourceGraph, places: Sequence[int]) -> SourceGraph:
        taken = {**function.nodes, **{argument.name: argument for argument in function.arguments}}
        handles = [function.arguments[at].name for at in places]
        added = [SourceArgument(unlike(f"{handle}/before", taken), "value", None) for handle in handles]
        before = {SourceRef(handle): SourceRef(value.name) for handle, value in zip(handles, added, strict=True)}
        nodes, now = self.rewritten(function, in_order(function.nodes), before)
        after = tuple(now[SourceRef(handle)] for handle in handles)
        return SourceGraph(name, nodes, (*function.arguments, *added), (*function.outputs, *after), function.attrs)


def _called(node: SourceNode, functions: Mapping[str, SourceGraph]) -> Iterator[SourceGraph]:
    """The functions that a call, a branch or a loop runs."""
    if node.op in _STRUCTURES:
        for value in node.attrs.values():
            for name in value if isinstance(value, list) else [value]:
                if isinstance(name, FunctionName) and name in functions:
                    yield functions[name]


def _as_value(node: SourceNode, value: SourceRef, taken: Mapping[str, SourceNode]) -> Iterator[SourceNode]:
    """What gives the value that an assignment leaves; the last node has the name of the assignment."""
    rest = node.inputs[1:]
    if node.op in _SUMS:
        yield SourceNode(node.name, _SUMS[node.op], (value, *rest), {"T": node.attrs["dtype"]})
    elif node.op in _PLACES:
        yield replace(node, op=_PLACES[node.op], inputs=(value, *rest))
    elif node.op in _ROWS:
        axis, column = unlike(f"{node.name}/axis", taken), unlike(f"{node.name}/column", taken)
        yield SourceNode(axis, "Const", (), {"value": np.array(-1, np.int32), "dtype": np.dtype(np.int32)})
        yield SourceNode(column, "ExpandDims", (rest[0], SourceRef(axis)), {})
        yield replace(node, op=_ROWS[node.op], inputs=(value, SourceRef(column), rest[1]))
    elif node.op in _UNKNOWN:
        yield replace(node, inputs=(value, *rest))
