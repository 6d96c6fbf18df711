"""Telling, before any lowering, that two signatures compute the same.

Keras exports a model under `serve` and `serving_default`: two functions that only call a third with the same
variables. To lower it twice would take twice as long.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Final

from octavo.ir.source import FunctionName, SourceGraph, SourceModel, SourcePort, SourceRef, SourceSignature

CALLS: Final = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
"""Source ops whose attribute `f` names the function that they call."""
HANDLES: Final = frozenset({"VarHandleOp", "VariableV2", "Variable"})
"""Source ops that stand for a variable; only what reads one needs its value."""

_Given = Mapping[SourceRef, Hashable]


def meaning(source: SourceModel, signature: SourceSignature, inputs: Iterable[Hashable]) -> Hashable:
    """Equal for two signatures only if they compute the same of inputs that are the same.

    `inputs` says of each of the signature's inputs all that counts: name, dtype and shape. Signatures may differ here
    and yet compute the same.
    """
    known = tuple(inputs)
    given = {port.ref: (index, input) for index, (port, input) in enumerate(zip(signature.inputs, known, strict=True))}
    return known, tuple(_meaning(source, source.graph, port.ref, given) for port in signature.outputs)


def input_of(port: SourcePort, shapes: Mapping[str, Iterable[int | None]]) -> Hashable:
    """All that counts of an input: its name, dtype and shape, which `shapes` may give instead of the source."""
    shape = shapes.get(port.name, port.shape)
    return port.name, str(port.dtype), None if shape is None else tuple(shape)


def _meaning(source: SourceModel, graph: SourceGraph, ref: SourceRef, given: _Given) -> Hashable:
    """What an output of a graph is: through calls that hand on what the graph was given."""
    node = graph.nodes.get(ref.node)
    if node is not None and node.op == "Identity" and ref not in given:
        ref = node.inputs[0]
        node = graph.nodes.get(ref.node)
    name = node.attrs.get("f") if node is not None and node.op in CALLS else None
    if node is None or ref in given or not isinstance(name, FunctionName) or name not in source.functions:
        return _here(graph, ref, given)
    function = source.functions[name]
    inner = {
        SourceRef(argument.name): _here(graph, input, given)
        for argument, input in zip(function.arguments, node.inputs, strict=True)
    }
    return _meaning(source, function, function.outputs[ref.output], inner)


def _here(graph: SourceGraph, ref: SourceRef, given: _Given) -> Hashable:
    """What a tensor is within a graph: given, a variable, a constant, or a node over all that the graph was given."""
    if ref in given:
        return given[ref]
    node = graph.nodes.get(ref.node)
    if node is not None and node.op in HANDLES:
        return node.name
    return (graph.name, ref) if node is not None and not node.inputs else (graph.name, ref, *given.items())
