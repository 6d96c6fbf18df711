"""Running a graph in numpy, node by node: slow, and independent of any kernel."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from octavo.ir.graph import Graph, Value
from octavo.ir.source import Array


def interpret(graph: Graph, inputs: Mapping[str, Array]) -> dict[Value, Array]:
    """Every value's numbers for these inputs, by name, in a first run; `graph.outputs` are among the keys.

    Raises:
        KeyError: an input is missing.
        NotImplementedError: an op has no meaning in numpy.
    """
    numbers: dict[Value, Array] = {value: inputs[value.name] for value in graph.inputs}
    numbers.update({value: value.const for value in graph.values if value.const is not None})
    numbers.update({value: np.zeros(_lengths(value), value.dtype) for value in graph.values if value.state})
    for node in graph:
        result = node.op.evaluate(*(None if value is None else numbers[value] for value in node.inputs))
        numbers.update(zip(node.outputs, result if isinstance(result, tuple) else (result,), strict=True))
    return numbers


def _lengths(value: Value) -> list[int]:
    return [int(dim) for dim in value.shape if isinstance(dim, int)]
