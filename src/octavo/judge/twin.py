"""A quantized graph in which each operation has a float twin beside it, which reads the same inputs.

What the operation and its twin make of the same numbers differs by what this one operation adds to the error, and by
nothing that came before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from octavo.ir.graph import Graph, Node, Value
from octavo.ir.type import Type
from octavo.ops.opaque import Opaque
from octavo.ops.quantize import Dequantize, Quantize

SUFFIXES = ("", "/int8", "/int16")
"""What the name of a tensor bears after that of its original, where an output is converted to float again."""


TWIN = "/twin"
"""What the name of a twin's result bears."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A tensor of the reference, the one that stands for it in the candidate, and its twin.

    `node` makes `reference` in the float graph, and is None for an input; `twin` is the name of what the float
    operation makes of the candidate's inputs, "" where it has no twin.
    """

    node: Node | None
    reference: Value
    candidate: Value
    twin: str = ""


def grow_twins(reference: Graph, candidate: Graph) -> list[Pair]:
    """The tensors that both graphs have, in the order of work; `candidate` gets the float twins.

    An operation has a twin when it reads and makes real numbers, and everything that it reads is in the candidate.
    """
    growth = _Growth(candidate)
    for given, taken in zip(reference.inputs, candidate.inputs, strict=True):
        growth.counterpart[given] = _as_read(taken)
    pairs = [
        Pair(None, given, growth.counterpart[given])
        for given in reference.inputs
        if given.dtype == np.float32 and growth.counterpart[given].quant is not None
    ]
    makers: dict[str, Value] = {v.name: v for node in candidate.nodes for v in node.outputs}
    nodes = reference.nodes
    for node in nodes:
        for value in node.outputs:
            found = _made_as(node, value.name, makers)
            if found is not None:
                growth.counterpart[value] = found
    for node in nodes:
        pairs += growth.pairs(node)
    return pairs


def twins_in(candidate: Graph) -> list[Pair]:
    """The pairs of a graph that has twins already: each twin is the reference of its own."""
    makers: dict[str, Value] = {v.name: v for node in candidate.nodes for v in node.outputs}
    found = []
    for name, value in makers.items():
        node = value.producer
        stands = _made_as(node, name.removesuffix(TWIN), makers) if node is not None and name.endswith(TWIN) else None
        if stands is not None:
            found.append(Pair(node, value, stands, name))
    return found


class _Growth:
    """The candidate on its way to having twins."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.counterpart: dict[Value, Value] = {}
        self._real: dict[Value, Value] = {}
        self._constants: dict[Value, Value] = {}

    def pairs(self, node: Node) -> Iterator[Pair]:
        """The pairs of a reference's node; its twin is made on the way."""
        real = [value for value in node.outputs if value.dtype == np.float32 and value in self.counterpart]
        if not real:
            return
        names = self._twin(node)
        for value in real:
            yield Pair(node, value, self.counterpart[value], names[node.outputs.index(value)] if names else "")

    def _twin(self, node: Node) -> Sequence[str]:
        """The names of what the twin makes; none where it cannot stand in the candidate."""
        read = [value for value in node.inputs if value is not None and value.const is None]
        if not any(value.dtype == np.float32 for value in read) or any(v not in self.counterpart for v in read):
            return ()
        if node.op.graphs or isinstance(node.op, Opaque):  # its graphs are not in the candidate; it may keep states
            return ()
        operands = [None if value is None else self._operand(value) for value in node.inputs]
        types = [value.type for value in node.outputs]
        names = [f"{value.name}{TWIN}" for value in node.outputs]
        made = self.graph.insert(node.op, operands, types, names=names, origin=node.origin)
        return [value.name for value in made.outputs]

    def _operand(self, value: Value) -> Value:
        """What the twin reads: the candidate's numbers, as real ones."""
        if value.const is not None:
            if value not in self._constants:
                self._constants[value] = self.graph.const(value.const, f"{value.name}/twin", value.quant)
            return self._constants[value]
        found = self.counterpart[value]
        if found.dtype == value.dtype:
            return found
        if found not in self._real:
            types = [Type(value.dtype, found.shape)]
            node = self.graph.insert(Dequantize(), [found], types, names=[f"{found.name}/real"])
            self._real[found] = node.output
        return self._real[found]


def _as_read(input: Value) -> Value:
    """An input in the form in which the operations read it: quantized, where a QUANTIZE does that first."""
    first = input.users[0] if input.quant is None and len(input.users) == 1 else None
    return first.output if first is not None and isinstance(first.op, Quantize) else input


def _made_as(node: Node, name: str, makers: dict[str, Value]) -> Value | None:
    """The candidate's tensor for what `node` calls `name`: as the same operation makes it, before any conversion."""
    named = [makers[name + suffix] for suffix in SUFFIXES if name + suffix in makers]
    same = [v for v in named if v.producer is not None and v.producer.op.code == node.op.code]
    other = [v for v in named if v.producer is not None and not isinstance(v.producer.op, Quantize | Dequantize)]
    return next(iter([*same, *other]), None)
