"""The graph: values, nodes, and the only functions that rewire them.

A graph is in static single assignment form. Nodes form a linked list in topological order, so that a rewrite
costs the same in a graph of ten nodes and of ten thousand. `Value.uses` is never stale, because only `Graph` changes
who reads what.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct, field

from octavo.ir.dim import Dim
from octavo.ir.source import Array
from octavo.ir.type import Quantization, Type

if TYPE_CHECKING:
    from octavo.ir.op import Op


class Value(Struct, eq=False):
    """One tensor: made by one node, or given (an input or a constant); read by any number of nodes.

    `const` holds the numbers of a constant. `dims` holds, for a small integer tensor made at run time, what is known
    of its numbers: an object array of `Dim` (the result of shape arithmetic). A `state` is made by nobody: it is zero
    at first, and the kernel that reads it changes it, so that the next run finds what this one left. `pinned` is the
    range, least and greatest, that training or the user gave to its numbers; what lies outside may be cut off.
    """

    name: str
    type: Type
    const: Array | None = None
    dims: Array | None = None
    quant: Quantization | None = None
    producer: Node | None = None
    state: bool = False
    pinned: tuple[float, float] | None = None
    uses: dict[tuple[Node, int], None] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[Dim, ...]:
        """The shape; dimensions may be symbolic."""
        return self.type.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the stored numbers."""
        return self.type.dtype

    @property
    def rank(self) -> int:
        """The number of dimensions."""
        return len(self.type.shape)

    @property
    def known(self) -> Array | None:
        """What is known of the numbers before the model runs: the constant, or an object array of `Dim`, or None."""
        return self.dims if self.const is None else self.const

    @property
    def users(self) -> list[Node]:
        """The nodes that read this value, each once, in the order in which they began to."""
        return list(dict.fromkeys(node for node, _ in self.uses))

    def __repr__(self) -> str:
        return f"%{self.name}: {self.type}"


class Node(Struct, eq=False):
    """One operation at one place. `origin`: the source layers that it computes, then the rules that made it."""

    op: Op
    inputs: tuple[Value | None, ...]
    outputs: tuple[Value, ...]
    origin: tuple[str, ...] = ()
    earlier: Node | None = None
    later: Node | None = None

    @property
    def output(self) -> Value:
        """The only output. Asking for it on a node with several is a defect."""
        (output,) = self.outputs
        return output

    @property
    def name(self) -> str:
        """What the node is called: as its first output, or by what it reads or runs where it has none."""
        if self.outputs:
            return self.outputs[0].name
        parts = [graph.name for graph in self.op.graphs] + [value.name for value in self.inputs if value is not None]
        return f"{self.op.code.lower()}({', '.join(parts)})"

    def __repr__(self) -> str:
        return f"{', '.join(f'%{v.name}' for v in self.outputs)} = {self.op}"


class Graph:
    """Nodes in topological order between `inputs` and `outputs`.

    A branch or the body of a loop is a graph of its own: the operation that runs it holds it, and hands it all that it
    reads except constants.
    """

    def __init__(self, name: str = "main", *, beside: Graph | None = None) -> None:
        """Start empty. A graph `beside` another gives no name to a value that the other has given."""
        self.name = name
        self.inputs: list[Value] = []
        self.outputs: list[Value] = []
        self._first: Node | None = None
        self._last: Node | None = None
        self._members: set[Node] = set()
        self._names: dict[str, int] = {} if beside is None else beside._names  # noqa: SLF001  # of the same class

    def __iter__(self) -> Iterator[Node]:
        """The nodes in order. Nodes may be inserted and erased meanwhile, except the one after the current."""
        node = self._first
        while node is not None:
            later = node.later
            yield node
            node = later

    def __reversed__(self) -> Iterator[Node]:
        """The nodes in reverse order, under the same terms as iteration."""
        node = self._last
        while node is not None:
            earlier = node.earlier
            yield node
            node = earlier

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, node: Node) -> bool:
        return node in self._members

    @property
    def nodes(self) -> list[Node]:
        """A snapshot of the nodes, in topological order."""
        return list(self)

    @property
    def values(self) -> list[Value]:
        """Every value once: inputs, then each node's constants and outputs in order of first use."""
        seen = dict.fromkeys(self.inputs)
        for node in self:
            seen.update(dict.fromkeys(v for v in node.inputs if v is not None))
            seen.update(dict.fromkeys(node.outputs))
        seen.update(dict.fromkeys(self.outputs))
        return list(seen)

    def unique(self, name: str) -> str:
        """`name`, or `name_1`, `name_2` … when it is taken; from now on taken."""
        name = name or "value"
        count = self._names.get(name)
        self._names[name] = 0 if count is None else count
        if count is None:
            return name
        while (candidate := f"{name}_{count + 1}") in self._names:
            count += 1
        self._names[name] = count + 1
        self._names[candidate] = 0
        return candidate

    def input(self, name: str, type: Type) -> Value:
        """A new input."""
        value = Value(self.unique(name), type)
        self.inputs.append(value)
        return value

    def const(self, array: Array, name: str = "const", quant: Quantization | None = None) -> Value:
        """A constant. The array is shared, not copied, and must not change afterwards."""
        return Value(self.unique(name), Type(array.dtype, array.shape), const=array, quant=quant)

    def state(self, name: str, type: Type) -> Value:
        """A tensor that a kernel keeps from run to run."""
        return Value(self.unique(name), type, state=True)

    def insert(
        self,
        op: Op,
        inputs: Sequence[Value | None],
        types: Sequence[Type],
        *,
        names: Sequence[str],
        origin: tuple[str, ...] = (),
        before: Node | None = None,
    ) -> Node:
        """A new node in front of `before`, or at the end. Its outputs have `types`, and names made unique."""
        outputs = tuple(Value(self.unique(n), t) for n, t in zip(names, types, strict=True))
        node = Node(op, tuple(inputs), outputs, origin)
        for output in outputs:
            output.producer = node
        for index, value in enumerate(node.inputs):
            if value is not None:
                value.uses[node, index] = None
        self._link(node, before)
        return node

    def rewire(self, node: Node, index: int, value: Value | None) -> None:
        """Let `node` read `value` as its operand `index`."""
        old = node.inputs[index]
        if old is not None:
            del old.uses[node, index]
        if value is not None:
            value.uses[node, index] = None
        node.inputs = (*node.inputs[:index], value, *node.inputs[index + 1 :])

    def replace(self, old: Value, new: Value, *, keep_name: bool = True) -> None:
        """Let every reader of `old`, and the graph's outputs, read `new` instead.

        The new value takes the old one's name when it was made by a node (names reach the user), unless `keep_name`
        is off.
        """
        if old is new:
            return
        for node, index in list(old.uses):
            self.rewire(node, index, new)
        new.pinned = new.pinned or old.pinned
        if new.known is None and new.shape == old.shape:
            new.dims = old.dims
        self.outputs = [new if value is old else value for value in self.outputs]
        if keep_name and new.producer is not None:
            old.name, new.name = new.name, old.name

    def erase(self, node: Node) -> None:
        """Take out a node that nobody reads.

        Raises:
            ValueError: somebody still reads one of its outputs.
        """
        if any(value.uses or value in self.outputs for value in node.outputs):
            raise ValueError(f"{node!r} is still read")
        for index in range(len(node.inputs)):
            self.rewire(node, index, None)
        self._members.discard(node)
        if node.earlier is None:
            self._first = node.later
        else:
            node.earlier.later = node.later
        if node.later is None:
            self._last = node.earlier
        else:
            node.later.earlier = node.earlier

    def _link(self, node: Node, before: Node | None) -> None:
        self._members.add(node)
        node.later = before
        node.earlier = self._last if before is None else before.earlier
        if node.earlier is None:
            self._first = node
        else:
            node.earlier.later = node
        if before is None:
            self._last = node
        else:
            before.earlier = node


class Signature(Struct, frozen=True):
    """A named way to call a graph: the names by which the user knows its inputs and outputs, in the graph's order."""

    key: str
    graph: Graph
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Model(Struct):
    """Graphs (main first; others are further signatures, branches and loop bodies), signatures and metadata.

    `notes` are what the user should know of how the model was read.
    """

    graphs: list[Graph]
    signatures: list[Signature] = field(default_factory=list)
    metadata: dict[str, bytes] = field(default_factory=dict)
    description: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def main(self) -> Graph:
        """The first graph."""
        return self.graphs[0]

    @property
    def bodies(self) -> list[Graph]:
        """The graphs that operations run: branches, bodies and conditions of loops; each once."""
        found: dict[Graph, None] = {}
        waiting = list(reversed(self.graphs))
        looked: set[Graph] = set()
        while waiting:
            graph = waiting.pop()
            if graph not in looked:
                looked.add(graph)
                inner = [body for node in graph for body in node.op.graphs]
                found.update(dict.fromkeys(inner))
                waiting += reversed(inner)
        return list(found)

    def gather(self) -> None:
        """Let `graphs` hold, behind those that it holds already, all that their operations run."""
        self.graphs = list(dict.fromkeys([*self.graphs, *self.bodies]))
