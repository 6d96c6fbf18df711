"""What depends on what in the function of a branch or loop."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from octavo.ir.source import SourceGraph, SourceRef
from octavo.lower.dataflow.walk import through


def needs(graph: SourceGraph, refs: Iterable[SourceRef]) -> set[int]:
    """The arguments that outputs of a function depend on, by number."""
    numbers = {argument.name: number for number, argument in enumerate(graph.arguments)}
    seen: set[str] = set()
    stack = [ref.node for ref in refs]
    while stack:
        name = stack.pop()
        if name not in seen:
            seen.add(name)
            if name not in numbers and name in graph.nodes:
                stack += [ref.node for ref in graph.nodes[name].inputs]
    return {numbers[name] for name in seen if name in numbers}


def closure(body: SourceGraph, roots: Collection[int], kept: Collection[int]) -> set[int]:
    """The parts of the state that `roots` depend on, over any number of turns."""
    found: set[int] = set()
    stack = list(roots)
    while stack:
        i = stack.pop()
        if i not in found:
            found.add(i)
            if i not in kept:
                stack += needs(body, [body.outputs[i]])
    return found


def hands_on(body: SourceGraph, i: int) -> bool:
    """Whether the body gives its argument `i` back as it was."""
    return through(body, body.outputs[i]) == SourceRef(body.arguments[i].name)
