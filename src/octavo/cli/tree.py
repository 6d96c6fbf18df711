"""Layers as a tree, as their paths nest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from octavo.showing import shortened

if TYPE_CHECKING:
    from octavo.report.inspection import GraphView, Operation


Line = tuple[str, str, str]
"""What a line begins with, what the lines begin with that it goes on in, and its text."""


def tree_of(graph: GraphView) -> Iterator[Line]:
    """One line for each part of the layers' paths, and one for each operation, in the order of work."""
    rows = [
        (shortened(op.layer or (op.outputs[0].name if op.outputs else op.op)).split("/"), op) for op in graph.operations
    ]
    yield from _branches(rows, "")


def _branches(rows: Sequence[tuple[list[str], Operation]], indent: str) -> Iterator[Line]:
    """The lines of operations whose paths have come this far; neighbours of one name go together."""
    runs: list[list[tuple[list[str], Operation]]] = []
    for path, op in rows:
        if runs and path and runs[-1][0][0][:1] == path[:1]:
            runs[-1].append((path, op))
        else:
            runs.append([(path, op)])
    for place, run in enumerate(runs):
        last = place == len(runs) - 1
        corner, below = ("└─ ", "   ") if last else ("├─ ", "│  ")
        path, op = run[0]
        if len(run) == 1:
            yield f"{indent}{corner}", f"{indent}{below}  ", _operation(path, op)
            continue
        yield f"{indent}{corner}", f"{indent}{below}  ", f"{path[0]}{_total([op for _, op in run])}"
        yield from _branches([(path[1:], op) for path, op in run], indent + below)


def _operation(path: Sequence[str], op: Operation) -> str:
    from octavo.showing import bytes_of

    name = "/".join(path)
    weights = f", weights {bytes_of(op.weight_bytes)}" if op.weight_bytes else ""
    makes = ", ".join(map(str, op.outputs))
    return f"{f'{name}: ' if name else ''}{op.op} {op.precision} → {makes}{weights}"


def _total(operations: Sequence[Operation]) -> str:
    from octavo.showing import bytes_of

    size = sum(op.weight_bytes for op in operations)
    return f"  ({len(operations)} operations{f', {bytes_of(size)}' if size else ''})"
