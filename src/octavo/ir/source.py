"""What a reader hands over: the source model, still in the source framework's own terms.

A reader parses bytes; it does not interpret. Function calls are not inlined, nothing is folded,
large arrays are read-only views of the mapped file.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from msgspec import Struct, field

Array = npt.NDArray[Any]
Shape = tuple[int | None, ...] | None
"""A declared shape: `None` for an unknown dimension, and for an unknown rank."""


class SourceRef(NamedTuple):
    """One output of one source node (or argument of a function) in the same graph."""

    node: str
    output: int = 0


class SourceNode(Struct, frozen=True):
    """One operation of the source graph.

    `inputs` are data inputs only. `after` names the nodes of the control inputs: these carry side effects, which
    inference has none of, but tell which branch of TensorFlow 1 a node stands in.
    `attrs` hold plain Python: int, float, bool, str, bytes, numpy dtype, `Shape`, array, `FunctionName`, or a list of
    those. Attributes that the file leaves out have the default of the op's definition. A dtype that numpy
    has no word for (resource, variant) is given as its TensorFlow name, a str.
    """

    name: str
    op: str
    inputs: tuple[SourceRef, ...]
    attrs: Mapping[str, Any]
    after: tuple[str, ...] = ()


class Nodes(Mapping[str, SourceNode]):
    """The nodes of a graph by name, each made when it is first looked up: most of a file's are not for inference."""

    def __init__(self, ops: Mapping[str, str], make: Callable[[str], SourceNode]) -> None:
        """Take the operation of each node, by its name, and what makes a node of its name."""
        self._ops = ops
        self._make = make
        self._made: dict[str, SourceNode] = {}

    def __getitem__(self, name: str) -> SourceNode:
        """The node, or KeyError; what is wrong with a node is raised here."""
        made = self._made.get(name)
        if made is None:
            if name not in self._ops:
                raise KeyError(name)
            made = self._made[name] = self._make(name)
        return made

    def __contains__(self, name: object) -> bool:
        return name in self._ops

    def __iter__(self) -> Iterator[str]:
        return iter(self._ops)

    def __len__(self) -> int:
        return len(self._ops)

    def of(self, ops: Container[str]) -> Iterator[SourceNode]:
        """Those of these operations, in order; no others are made."""
        return (self[name] for name, op in self._ops.items() if op in ops)


class FunctionName(str):
    """The value of an attribute that names a function of the same model."""

    __slots__ = ()


class SourceArgument(Struct, frozen=True):
    """An input of a graph: a function's argument, or a placeholder."""

    name: str
    dtype: np.dtype[Any] | str
    shape: Shape


class SourceGraph(Struct, frozen=True):
    """The main graph, or the body of a function.

    In a function, `SourceRef(argument.name, 0)` refers to an argument. In the main graph the
    placeholders are nodes, and `arguments` and `outputs` are empty: signatures say what goes in and out.
    `attrs` is what a function says about itself (`api_implements`, `go_backwards`, `time_major`, …).
    """

    name: str
    nodes: Mapping[str, SourceNode]
    arguments: tuple[SourceArgument, ...] = ()
    outputs: tuple[SourceRef, ...] = ()
    attrs: Mapping[str, Any] = field(default_factory=dict)

    def of(self, ops: Container[str]) -> Iterator[SourceNode]:
        """The nodes of these operations, in order."""
        if isinstance(self.nodes, Nodes):
            return self.nodes.of(ops)
        return (node for node in self.nodes.values() if node.op in ops)


class SourcePort(Struct, frozen=True):
    """One named input or output of a signature: its tensor in the main graph, dtype and shape."""

    name: str
    ref: SourceRef
    dtype: np.dtype[Any] | str
    shape: Shape

    @property
    def tensor_name(self) -> str:
        """The TensorFlow name of the tensor, such as `serving_default_image:0`."""
        return f"{self.ref.node}:{self.ref.output}"


class SourceSignature(Struct, frozen=True):
    """A named way to call the model. Inputs and outputs are in the order of their names."""

    key: str
    inputs: tuple[SourcePort, ...]
    outputs: tuple[SourcePort, ...]


class Definitions(Protocol):
    """What is known of the operations of the source framework."""

    def results(self, node: SourceNode) -> Sequence[np.dtype[Any] | str] | None:
        """The dtypes of what a node gives; None if nobody defines its operation."""

    def defaults(self, op: str) -> Mapping[str, Any]:
        """The attributes of an operation that have a default."""


class NoDefinitions:
    """Nothing is known of any operation."""

    def results(self, node: SourceNode) -> None:
        """None."""

    def defaults(self, op: str) -> Mapping[str, Any]:  # noqa: ARG002  # as above
        """None."""
        return {}


class SourceModel(Struct, frozen=True):
    """A whole model, as read.

    `functions` may parse a body only when it is asked for. `variables` maps the name of a variable's node in the main
    graph (VarHandleOp, VariableV2, …) to its value; a look-up of a handle that has no value raises
    `Invalid` and names it. `tables` maps the name of a lookup table's node in the main graph to what fills it: an
    operation whose inputs are tensors of the main graph, of which the first is the table. `definitions` knows
    the operations, those included that the model brings along.
    """

    name: str
    path: str
    graph: SourceGraph
    functions: Mapping[str, SourceGraph]
    variables: Mapping[str, Array]
    signatures: tuple[SourceSignature, ...]
    notes: tuple[str, ...] = field(default=())
    tables: Mapping[str, SourceNode] = field(default_factory=dict)
    definitions: Definitions = field(default_factory=NoDefinitions)
