"""Variables that are assigned while the model runs: LiteRT gets their saved values, and what that changes is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from octavo.ir.source import FunctionName, SourceGraph, SourceNode, SourceRef

WRITERS: Final = frozenset(
    ["AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp", "ResourceStridedSliceAssign"]
    + [f"ResourceScatter{kind}" for kind in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Update")]
    + [f"ResourceScatterNd{kind}" for kind in ("Add", "Sub", "Max", "Min", "Update")]
)
"""Source ops that change the variable that is their first input."""
READERS: Final = frozenset({"ReadVariableOp", "ResourceGather", "ResourceGatherNd"})
"""Source ops that read it."""

Functions = Mapping[str, SourceGraph]


def written_before(graph: SourceGraph, reader: SourceNode, functions: Functions) -> bool:
    """Whether the variable that a node reads has been assigned in the same call by then.

    TensorFlow orders both by control inputs, from what reads to what has written, directly or through others.
    """
    seen: set[str] = set()
    stack = list(reader.after)
    while stack:
        name = stack.pop()
        if name in seen or name not in graph.nodes:
            continue
        seen.add(name)
        node = graph.nodes[name]
        if writes(node, reader.inputs[0], functions):
            return True
        stack += [*node.after, *(ref.node for ref in node.inputs)]
    return False


def writes(node: SourceNode, variable: SourceRef, functions: Functions) -> bool:
    """Whether a node, or a function that it calls, assigns the variable."""
    if variable not in node.inputs:
        return False
    if node.op in WRITERS:
        return node.inputs[0] == variable
    return any(written(function, at, functions) for function, at in _handed(node, variable, functions))


def written(function: SourceGraph, argument: int, functions: Functions) -> bool:
    """Whether a function assigns the variable that is its argument of this number."""
    if argument >= len(function.arguments):
        return False
    variable = SourceRef(function.arguments[argument].name)
    return any(writes(node, variable, functions) for node in function.nodes.values() if variable in node.inputs)


def _handed(node: SourceNode, variable: SourceRef, functions: Functions) -> Iterator[tuple[SourceGraph, int]]:
    """The functions that a node calls, and as which argument each gets the variable."""
    names = [
        name
        for value in node.attrs.values()
        for name in (value if isinstance(value, list) else [value])
        if isinstance(name, FunctionName) and name in functions
    ]
    for name in names:
        function = functions[name]
        lead = len(node.inputs) - len(function.arguments)  # which branch to take comes before what branches get
        for at, ref in enumerate(node.inputs):
            if ref == variable and at >= lead >= 0:
                yield function, at - lead
