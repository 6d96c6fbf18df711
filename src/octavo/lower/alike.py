"""Telling, after lowering, that two graphs compute the same."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from octavo.ir.graph import Graph, Value
from octavo.ir.op import Op


def among(graphs: list[Graph], graph: Graph) -> Graph:
    """The one of `graphs` that computes the same as `graph`, which otherwise becomes one of them."""
    twin = next((known for known in graphs if _computes_the_same(known, graph)), None)
    if twin is None:
        graphs.append(graph)
    return graph if twin is None else twin  # a graph without nodes is false


def _computes_the_same(one: Graph, other: Graph) -> bool:
    """Whether two graphs have the same nodes over the same constants: Keras exports each signature twice."""
    if len(one) != len(other) or [v.type for v in one.inputs] != [v.type for v in other.inputs]:
        return False
    twin: dict[Value, Value] = dict(zip(one.inputs, other.inputs, strict=True))
    for a, b in zip(one, other, strict=True):
        if not _do_the_same(a.op, b.op) or len(a.inputs) != len(b.inputs):
            return False
        if not all(_same(x, y, twin) for x, y in zip(a.inputs, b.inputs, strict=True)):
            return False
        twin.update(zip(a.outputs, b.outputs, strict=True))
    return all(_same(x, y, twin) for x, y in zip(one.outputs, other.outputs, strict=True))


def _do_the_same(one: Op, other: Op) -> bool:
    if not one.graphs or len(one.graphs) != len(other.graphs):
        return one == other
    alike = all(map(_computes_the_same, one.graphs, other.graphs))
    return alike and one.with_graphs(dict(zip(one.graphs, other.graphs, strict=True))) == other


def _same(one: Value | None, other: Value | None, twin: Mapping[Value, Value]) -> bool:
    if one is None or other is None or one.const is None or other.const is None:
        return one is other or (one is not None and twin.get(one) is other)
    if one.const is other.const:
        return True
    return one.type == other.type and np.array_equal(one.const, other.const, equal_nan=one.dtype.kind == "f")
