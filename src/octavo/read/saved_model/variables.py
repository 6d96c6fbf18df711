"""Which checkpoint tensor is the value of which variable node: two rules, in this order.

1. Object graph (TensorFlow 2). A function lists the objects that it captures; the captures are the last inputs
   of its call in the main graph. The same object in the checkpoint's own graph names the key.
   This rule comes first, since Keras 3 models saved by `tf.saved_model.save` restore into twin handles
   `Variable_N` that no function reads: rule 2 alone would leave the real ones without values.
2. Restore graph (TensorFlow 1, and whatever rule 1 leaves). The op that restores the model assigns outputs of
   RestoreV2, which name key and slice, to the variables.

Source: tensorflow/core/protobuf/saved_object_graph.proto, trackable_object_graph.proto, saver.proto.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from octavo.errors import Invalid
from octavo.ir.source import Array, FunctionName, SourceGraph, SourceNode, SourceRef
from octavo.read.saved_model.bundle import Bundle
from octavo.read.saved_model.ordered_code import Extent
from octavo.read.saved_model.protos import parse

HANDLES = frozenset({"VarHandleOp", "VariableV2", "Variable"})
"""The ops whose node in the main graph is a variable."""

_CALLS = frozenset({"StatefulPartitionedCall", "PartitionedCall"})
_ASSIGNMENTS = frozenset({"AssignVariableOp", "Assign"})
_OBJECT_GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"


class Stored(Struct, frozen=True):
    """Where the value of a variable stands: the key, the slice of that tensor, and whether restoring converts it."""

    key: str
    part: tuple[Extent, ...] = ()
    converts: bool = False


class NoValue(Invalid, KeyError):
    """A variable that the model restores from nowhere."""


class Variables(Mapping[str, Array]):
    """The values by the name of the variable's node, each a read-only view made when it is looked up."""

    def __init__(self, stored: Mapping[str, Stored], *, graph: SourceGraph, bundle: Bundle | None, where: str) -> None:
        """Take what `resolve` gave."""
        self._stored = stored
        self._graph = graph
        self._bundle = bundle
        self._where = where

    def __getitem__(self, name: str) -> Array:
        """The value; raises `Invalid` (a KeyError too) if there is none, or if it contradicts the variable's dtype."""
        stored = self._stored.get(name)
        if stored is None or self._bundle is None:
            raise NoValue(
                f"the variable {name!r} has no value: the model restores it from nowhere",
                where=self._where,
                hint="save the model again with the variable tracked by the saved object, or freeze it",
            )
        value = self._bundle.read(stored.key, stored.part)
        node = self._graph.nodes.get(name)
        return value if node is None else self._as_declared(value, node, stored)

    def __contains__(self, name: object) -> bool:
        return name in self._stored

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)

    def _as_declared(self, value: Array, node: SourceNode, stored: Stored) -> Array:
        dtype, shape = node.attrs.get("dtype"), node.attrs.get("shape")
        if stored.converts and isinstance(dtype, np.dtype):
            value = value.astype(dtype)
            value.flags.writeable = False
        fits = shape is None or (
            len(shape) == value.ndim and all(size in (None, of) for size, of in zip(shape, value.shape, strict=True))
        )
        if not fits or (isinstance(dtype, np.dtype) and dtype != value.dtype):
            raise Invalid(
                f"the variable {node.name!r} is {dtype} {shape}, but {stored.key!r} holds {value.dtype} {value.shape}",
                where=self._where,
                hint="variables and graph are of different models; copy the whole directory again",
            )
        return value


def resolve(
    meta_graph: Any, graph: SourceGraph, functions: Mapping[str, SourceGraph], *, bundle: Bundle, where: str
) -> Mapping[str, Stored]:
    """Where the value of every variable of the main graph stands; one without a value is left out."""
    captured = by_object_graph(meta_graph, graph, bundle, where=where)
    return _Resolved(graph, captured, cache(lambda: by_restore_graph(meta_graph, graph, functions)))


@dataclass(frozen=True, slots=True)
class _Resolved(Mapping[str, Stored]):
    """Rule 1, then rule 2, which is asked only for what rule 1 does not know: variables of the optimizer, as a rule."""

    graph: SourceGraph
    captured: Mapping[str, Stored]
    restored: Callable[[], Mapping[str, Stored]]

    def __getitem__(self, name: str) -> Stored:
        return self.captured[name] if name in self.captured else self.restored()[name]

    def __iter__(self) -> Iterator[str]:
        known = self.restored().keys() | self.captured.keys()
        return (node.name for node in self.graph.of(HANDLES) if node.name in known)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def by_object_graph(meta_graph: Any, graph: SourceGraph, bundle: Bundle, *, where: str) -> dict[str, Stored]:
    """Rule 1. Empty for models without an object graph."""
    if not meta_graph.object_graph_def or _OBJECT_GRAPH_KEY not in bundle:
        return {}
    saved = parse("SavedObjectGraph", meta_graph.object_graph_def, where=f"{where}, object graph")
    serialized: bytes = bundle.read(_OBJECT_GRAPH_KEY).item()
    checkpoint = parse("TrackableObjectGraph", serialized, where=f"{bundle.prefix}, {_OBJECT_GRAPH_KEY}")
    keys = _keys_by_object(saved.nodes, checkpoint.nodes)
    found: dict[str, Stored] = {}
    for node in graph.of(_CALLS):
        function = node.attrs.get("f")
        if function is not None and function in saved.concrete_functions:
            bound = saved.concrete_functions[function].bound_inputs
            captures = node.inputs[len(node.inputs) - len(bound) :]
            found |= {ref.node: Stored(keys[at]) for ref, at in zip(captures, bound, strict=True) if at in keys}
    return found


def by_restore_graph(meta_graph: Any, graph: SourceGraph, functions: Mapping[str, SourceGraph]) -> dict[str, Stored]:
    """Rule 2. Empty for models that restore nothing."""
    node_defs = {node.name: node for node in meta_graph.graph_def.node}
    found: dict[str, Stored] = {}
    for name in _triggered(meta_graph.saver_def.restore_op_name.partition(":")[0], node_defs):
        node = graph.nodes[name]
        if node.op in _ASSIGNMENTS:
            found |= _assigned(graph, [node])
        elif node.op in _CALLS and isinstance(node.attrs["f"], FunctionName):
            body = functions[node.attrs["f"]]
            given = {argument.name: ref for argument, ref in zip(body.arguments, node.inputs, strict=True)}
            inside = _assigned(body, body.of(_ASSIGNMENTS))
            found |= {given[argument].node: stored for argument, stored in inside.items() if argument in given}
    return found


def _keys_by_object(saved: Any, checkpoint: Any) -> dict[int, str]:
    """The checkpoint key of each saved object with a value: both graphs are walked by the names of children."""
    keys: dict[int, str] = {}
    seen = {0}
    pairs = [(0, 0)] if saved and checkpoint else []
    while pairs:
        ours, theirs = pairs.pop()
        for tensor in checkpoint[theirs].attributes:
            if tensor.name == "VARIABLE_VALUE":
                keys[ours] = tensor.checkpoint_key
        children = {child.local_name: child.node_id for child in checkpoint[theirs].children}
        for child in saved[ours].children:
            if child.local_name in children and child.node_id not in seen:
                seen.add(child.node_id)
                pairs.append((child.node_id, children[child.local_name]))
    return keys


def _triggered(start: str, node_defs: Mapping[str, Any]) -> Iterator[str]:
    """The node `start` and all that its control inputs, and theirs, make run."""
    names, seen = [start] if start in node_defs else [], set[str]()
    while names:
        name = names.pop()
        if name not in seen and name in node_defs:
            seen.add(name)
            yield name
            names += [text[1:] for text in node_defs[name].input if text.startswith("^")]


def _assigned(graph: SourceGraph, nodes: Iterable[SourceNode]) -> dict[str, Stored]:
    """What assignments give to variables: the node (or function argument) of each, and where its value stands."""
    found = {}
    for node in nodes:
        if node.op in _ASSIGNMENTS and (stored := restored(graph, node.inputs[1])) is not None:
            found[node.inputs[0].node] = stored
    return found


def restored(graph: SourceGraph, ref: SourceRef) -> Stored | None:
    """Where in the checkpoint a tensor stands that is restored from it; None for any other."""
    node = graph.nodes.get(ref.node)
    if node is None:
        return None
    match node.op:
        case "Identity":
            return restored(graph, node.inputs[0])
        case "Cast":
            stored = restored(graph, node.inputs[0])
            return stored and replace(stored, converts=True)
        case "RestoreV2":
            key, part = (_text(graph, source, ref.output) for source in node.inputs[1:3])
            return Stored(key, _extents(part))
        case _:
            return None


def _text(graph: SourceGraph, ref: SourceRef, index: int) -> str:
    """The string at `index` of a constant."""
    node = graph.nodes.get(ref.node)
    while node is not None and node.op == "Identity":
        node = graph.nodes.get(node.inputs[0].node)
    if node is None or node.op != "Const":
        raise Invalid("the names of the tensors to restore are not constant", where=f"{graph.name}, {ref.node!r}")
    return str(node.attrs["value"][index].decode())


def _extents(text: str) -> tuple[Extent, ...]:
    """The extents in RestoreV2's `shape_and_slices`: "4 3 0,2:-" is rows 0 and 1 of a 4 × 3 tensor."""
    if not text:
        return ()
    extents = [part.partition(",") for part in text.rpartition(" ")[2].split(":")]
    return tuple((0, -1) if start == "-" else (int(start), int(length)) for start, _, length in extents)
