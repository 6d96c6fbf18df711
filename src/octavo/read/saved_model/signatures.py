"""SignatureDefs as named ways to call the model.

Source: tensorflow/core/protobuf/meta_graph.proto; names that begin with `__saved_model` are TensorFlow's own.
"""

from __future__ import annotations

from typing import Any

from octavo.errors import Invalid
from octavo.ir.source import SourceGraph, SourcePort, SourceSignature
from octavo.read.saved_model.dtypes import dtype_of
from octavo.read.saved_model.graphs import tensor_ref
from octavo.read.saved_model.tensors import shape_of

_RESERVED = "__saved_model"


def signatures_of(meta_graph: Any, graph: SourceGraph) -> tuple[tuple[SourceSignature, ...], tuple[str, ...]]:
    """The signatures in the order of their keys, and a note on each that cannot be offered.

    Inputs and outputs stand in the order of their names, as TensorFlow's loaders give them. A signature with a
    sparse or composite tensor becomes a note. Raises `Invalid` for a tensor that is not in the graph.
    """
    signatures, notes = [], []
    for key, definition in sorted(meta_graph.signature_def.items()):
        if key.startswith(_RESERVED):
            continue
        ports = {**definition.inputs, **definition.outputs}
        composite = sorted(name for name, info in ports.items() if info.WhichOneof("kind") not in (None, "name"))
        if composite:
            notes.append(f"signature {key!r} is left out: {', '.join(composite)} is not a plain tensor")
        else:
            inputs, outputs = _ports(definition.inputs, graph, key), _ports(definition.outputs, graph, key)
            signatures.append(SourceSignature(key, inputs, outputs))
    return tuple(signatures), tuple(notes)


def _ports(infos: Any, graph: SourceGraph, key: str) -> tuple[SourcePort, ...]:
    return tuple(_port(name, info, graph, key) for name, info in sorted(infos.items()))


def _port(name: str, info: Any, graph: SourceGraph, key: str) -> SourcePort:
    ref = tensor_ref(info.name)
    if ref.node not in graph.nodes:
        raise Invalid(
            f"{name!r} is the tensor {info.name!r}, which is not in the graph",
            where=f"signature {key!r}",
            hint="the model file contradicts itself; save it again",
        )
    return SourcePort(name, ref, dtype_of(info.dtype), shape_of(info.tensor_shape))
