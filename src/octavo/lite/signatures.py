"""Which signatures of a SavedModel are the same function under two names, as Keras' `model.export` writes them."""

from __future__ import annotations

from octavo.ir.source import FunctionName, SourceGraph, SourceModel, SourceRef, SourceSignature

DEFAULT = "serving_default"


def doubled(source: SourceModel, key: str) -> bool:
    """Whether the signature `key` computes what `serving_default` does: the same function, of the same variables."""
    found = {signature.key: signature for signature in source.signatures}
    if key not in found or DEFAULT not in found:
        return False
    one, other = (_what(source, found[name]) for name in (key, DEFAULT))
    return one is not None and one == other


def _what(source: SourceModel, signature: SourceSignature) -> object:
    """The interface, the innermost function that the signature calls, and what it is called with; None if unclear."""
    nodes = {port.ref.node for port in signature.outputs}
    if len(nodes) != 1:
        return None
    call = source.graph.nodes[nodes.pop()]
    function = call.attrs.get("f")
    if not isinstance(function, FunctionName):
        return None
    given = {port.ref: port.name for port in signature.inputs}
    ports = [*signature.inputs, *signature.outputs]
    return (
        [(port.name, str(port.dtype), port.shape) for port in ports],
        [port.ref.output for port in signature.outputs],
        [given.get(ref, ref) for ref in call.inputs],
        _innermost(source, function),
    )


def _innermost(source: SourceModel, function: str) -> tuple[str, tuple[SourceRef, ...]]:
    """The function that does the work, behind those that only pass on; with what the last of these passes on."""
    passed: tuple[SourceRef, ...] = ()
    while (inner := _passes_on(source.functions[function])) is not None:
        function, passed = inner
    return function, passed


def _passes_on(body: SourceGraph) -> tuple[str, tuple[SourceRef, ...]] | None:
    """The function that the body calls, and with what, if the body does nothing else."""
    working = [node for node in body.nodes.values() if node.op not in ("Identity", "NoOp")]
    if len(working) != 1 or not isinstance(working[0].attrs.get("f"), FunctionName):
        return None
    return str(working[0].attrs["f"]), working[0].inputs
