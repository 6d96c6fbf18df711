"""Branches of TensorFlow 1 as nodes If and Case.

A Switch hands a tensor to one of its outputs, as its predicate says; what reads that output runs only then. A Merge
takes whichever of its inputs was made. So a node has conditions: the predicates that lead to it, and what they must be.
The inputs of a Merge differ in one of these, which is what the If decides; what has that condition is inside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from msgspec.structs import replace

from octavo.ir.source import SourceArgument, SourceGraph, SourceNode, SourceRef
from octavo.lower.dataflow.walk import HANDING, Made, Nodes, copied, in_order, kind, unlike

Conditions = Mapping[SourceRef, int]
"""Which output of the Switches on each predicate must be taken; the outermost predicate first."""
NONE: Final[Conditions] = {}
_LOST: Final = "it is of a branch of TensorFlow 1 of which no predicate decides"


def without_branches(graph: SourceGraph, made: Made) -> SourceGraph:
    """The graph with a node If for each group of Merges that one predicate decides."""
    found = _Branches(graph)
    found.look()
    for group in sorted(found.groups, key=lambda group: -len(group.around)):  # inner ones first
        found.make(group, made)
    return replace(graph, nodes=found.nodes)


@dataclass(slots=True)
class _Group:
    """Merges that a predicate decides: each with its inputs in the order of the predicate's values."""

    predicate: SourceRef
    around: Conditions
    merges: list[tuple[SourceNode, Sequence[int]]] = field(default_factory=list)


class _Branches:
    """The branches of one graph without loops."""

    def __init__(self, graph: SourceGraph) -> None:
        self.graph = graph
        self.nodes: Nodes = dict(graph.nodes)
        self.conditions: dict[str, Conditions] = {}
        self.passed: dict[str, Mapping[SourceRef, int]] = {}
        """How many decisions by each predicate lie before a node: those that follow each other are not one."""
        self.groups: list[_Group] = []
        self.numbered = {ref.node for node in graph.nodes.values() for ref in node.inputs if ref.output}

    def look(self) -> None:
        """Find out the conditions of all nodes, and which Merges belong together."""
        by_key: dict[object, _Group] = {}
        for name in in_order(self.nodes):
            node = self.nodes[name]
            before = [*node.inputs, *map(SourceRef, node.after)]
            self.passed[name] = _joined((self.passed.get(ref.node, NONE) for ref in before), most=True)
            if kind(node) != "Merge":
                self.conditions[name] = _joined(map(self.leading_to, before))
                continue
            decided = self._decided(node)
            if decided is None:
                self.conditions[name] = NONE
                self.nodes[name] = SourceNode(name, "Merge", (), {"reason": _LOST})
                continue
            predicate, order, around = decided
            self.conditions[name] = around
            count = self.passed[name].get(predicate, 0)
            self.passed[name] = {**self.passed[name], predicate: count + 1}
            key = predicate, count, tuple(around.items())
            if key not in by_key:
                by_key[key] = _Group(predicate, around)
                self.groups.append(by_key[key])
            by_key[key].merges.append((node, order))

    def leading_to(self, ref: SourceRef) -> Conditions:
        """The conditions of one output of a node."""
        node = self.nodes.get(ref.node)
        conditions = self.conditions.get(ref.node, NONE)
        if node is None or kind(node) not in ("Switch", "_SwitchN"):
            return conditions
        return {**conditions, self._predicate(node): ref.output}

    def _predicate(self, switch: SourceNode) -> SourceRef:
        """What decides, looking through what only hands on."""
        ref = switch.inputs[1]
        while ref.node in self.nodes and self.nodes[ref.node].op in HANDING:
            ref = self.nodes[ref.node].inputs[0]
        return ref

    def _decided(self, merge: SourceNode) -> tuple[SourceRef, list[int], Conditions] | None:
        """What decides which input is taken, the inputs in the order of its values, and the conditions of the result.

        An input without any condition, such as a constant that another tool has put there, is what is left over.
        """
        all_of = [self.leading_to(ref) for ref in merge.inputs]
        for predicate in dict.fromkeys(each for conditions in all_of for each in conditions):
            values = [conditions.get(predicate) for conditions in all_of]
            free = [value for value in range(len(values)) if value not in values]
            if values.count(None) == len(free) == 1:
                values[values.index(None)] = free[0]
            if sorted(value for value in values if value is not None) == list(range(len(values))):
                told = [conditions for conditions in all_of if predicate in conditions]
                around = {p: v for p, v in told[0].items() if p != predicate and all(c.get(p) == v for c in told)}
                return predicate, [values.index(number) for number in range(len(values))], around
        return None

    def make(self, group: _Group, made: Made) -> None:
        """Put a node If, or Case, in place of the Merges of a group."""
        first = group.merges[0][0]
        name = unlike(f"{first.name}_if", self.nodes)
        arguments: dict[SourceRef, str] = {}
        ways = [_Way(self, group, number, arguments) for number in range(len(group.merges[0][1]))]
        outputs = [way.outputs() for way in ways]
        declared = tuple(SourceArgument(argument, "any", None) for argument in arguments.values())
        functions = []
        for way, refs in zip(ways, outputs, strict=True):
            function = made.name(f"{name}/{way.number}")
            made.graphs[function] = SourceGraph(function, way.nodes, declared, refs)
            functions.append(function)
        is_pair = len(functions) == 2 and all(kind(node) != "_SwitchN" for node in self._switches(group.predicate))
        attrs = {"then_branch": functions[1], "else_branch": functions[0]} if is_pair else {"branches": functions}
        self.nodes[name] = SourceNode(name, "If" if is_pair else "Case", (group.predicate, *arguments), attrs)
        self.conditions[name] = group.around
        for place, (merge, _) in enumerate(group.merges):
            taken = SourceRef(name, 2 * place), SourceRef(name, 2 * place + 1)
            both = merge.name in self.numbered
            given = taken if both else taken[:1]
            self.nodes[merge.name] = SourceNode(merge.name, "IdentityN" if both else "Identity", given, {})

    def _switches(self, predicate: SourceRef) -> Iterable[SourceNode]:
        return (n for n in self.nodes.values() if kind(n) in ("Switch", "_SwitchN") and self._predicate(n) == predicate)


@dataclass(slots=True)
class _Way:
    """What runs for one value of a predicate. `arguments` are what comes from outside, shared by all ways."""

    branches: _Branches
    group: _Group
    number: int
    arguments: dict[SourceRef, str]
    nodes: Nodes = field(default_factory=dict)

    def outputs(self) -> tuple[SourceRef, ...]:
        """What the function gives: for each Merge the tensor, and the number of the input that it is."""
        results: list[SourceRef] = []
        for merge, order in self.group.merges:
            index = order[self.number]
            ref = self.inside(merge.inputs[index])
            self.nodes |= copied(self.branches.nodes, [ref], self.inside, after=False)
            number = f"{merge.name}/value_index"
            self.nodes[number] = SourceNode(number, "Const", (), {"value": np.array(index, np.int32)})
            results += [ref, SourceRef(number)]
        return tuple(results)

    def inside(self, ref: SourceRef) -> SourceRef:
        """A tensor as the function sees it: made inside, or an argument."""
        if ref.node in self.arguments.values():
            return ref
        node, predicate = self.branches.nodes[ref.node], self.group.predicate
        conditions = self.branches.conditions.get(ref.node, NONE)
        if conditions.get(predicate) == self.number:
            return ref
        if kind(node) in ("Switch", "_SwitchN") and self.branches.leading_to(ref).get(predicate) == self.number:
            ref = node.inputs[0]
        return SourceRef(self.arguments.setdefault(ref, f"{ref.node}:{ref.output}"))


def _joined(several: Iterable[Mapping[SourceRef, int]], *, most: bool = False) -> Mapping[SourceRef, int]:
    """All of several mappings; of what several have, the first or the `most`."""
    joined: Mapping[SourceRef, int] = NONE
    for each in several:
        if not joined:
            joined = each
        elif each and each is not joined:
            greatest = {key: max(joined.get(key, 0), each.get(key, 0)) for key in joined} if most else joined
            joined = {**each, **greatest}
    return joined
