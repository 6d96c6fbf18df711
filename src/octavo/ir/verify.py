"""What must hold of every graph between any two stages."""

from __future__ import annotations

from octavo.errors import InternalError
from octavo.ir.graph import Graph, Node, Value


def verify(graph: Graph, *, after: str) -> None:
    """Raise when the graph broke a promise; `after` names the stage or rule that ran last.

    Raises:
        InternalError: a value is read before it is made, a use is stale, two values share a name, a node has
            operands that its op does not know, or a type differs from what the op infers.
    """
    seen = set(graph.inputs)
    for node in graph:
        for problem in _problems(node, seen):
            raise InternalError(f"{problem}: {node!r}", where=f"graph {graph.name!r} after {after}")
        seen.update(node.outputs)
    for value in graph.outputs:
        if value not in seen and value.const is None:
            raise InternalError(f"output {value!r} is never made", where=f"graph {graph.name!r} after {after}")
    names: dict[str, Value] = {}
    for value in graph.values:
        if names.setdefault(value.name, value) is not value:
            raise InternalError(f"two values are called {value.name!r}", where=f"graph {graph.name!r} after {after}")


def _problems(node: Node, seen: set[Value]) -> list[str]:
    problems = []
    for index, value in enumerate(node.inputs):
        if value is None:
            continue
        if value not in seen and value.const is None and not value.state:
            problems.append(f"operand {index} ({value!r}) is read before it is made")
        if (node, index) not in value.uses:
            problems.append(f"the use of operand {index} ({value!r}) is not recorded")
    if any(output.producer is not node for output in node.outputs):
        problems.append("an output does not know its producer")
    try:
        inferred = node.op.infer(*node.inputs)
    except ValueError as error:
        return [*problems, str(error)]
    types = inferred if isinstance(inferred, tuple) else (inferred,)
    if any(v.quant is None and v.type.shape != t.shape for v, t in zip(node.outputs, types, strict=True)):
        problems.append(f"its type should be {', '.join(map(str, types))}")
    return problems
