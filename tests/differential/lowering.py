"""Lowering held against TensorFlow: trace a function, lower its nodes one by one, compare the numbers.

Function calls, variables and control flow are not followed: that is the engine's work, and tested there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from kernel import run

from octavo.ir.build import Builder, Source
from octavo.ir.dim import symbol
from octavo.ir.graph import Graph, Value
from octavo.ir.interpret import interpret
from octavo.ir.source import Array, SourceNode, SourceRef
from octavo.ir.type import Type
from octavo.ir.verify import verify
from octavo.ops import registry
from octavo.optimize.engine import sweep
from octavo.read.saved_model.attributes import python_value
from octavo.read.saved_model.protos import parse

tf = pytest.importorskip("tensorflow")


def lower(function: Callable[..., Any], *inputs: Array, dynamic: Sequence[int] = ()) -> Graph:
    """The graph of `function` over inputs of these dtypes and shapes.

    Arrays that the function closes over are constants. The first dimension of the inputs whose index is in
    `dynamic` is the symbol `batch`.
    """
    specs = [
        tf.TensorSpec([None, *array.shape[1:]] if index in dynamic else array.shape, array.dtype, name=f"in{index}")
        for index, array in enumerate(inputs)
    ]
    traced = tf.function(function).get_concrete_function(*specs)
    graph = Graph()
    values: dict[str, Value] = {}
    for operation in traced.graph.get_operations():
        outputs = _lowered(operation, graph, values, dynamic)
        values.update({tensor.name: value for tensor, value in zip(operation.outputs, outputs, strict=False)})
    graph.outputs = [values[tensor.name] for tensor in traced.outputs]
    verify(graph, after="lowering")
    return graph


def agree(function: Callable[..., Any], *inputs: Array, dynamic: Sequence[int] = (), within: float = 1e-5) -> Graph:
    """The lowered graph, after its numbers were compared with TensorFlow's; `within` is relative to the largest."""
    graph = lower(function, *inputs, dynamic=dynamic)
    numbers = interpret(graph, {value.name: array for value, array in zip(graph.inputs, inputs, strict=True)})
    expected = tf.nest.flatten(function(*map(tf.constant, inputs)))
    for value, tensor in zip(graph.outputs, expected, strict=True):
        want = tensor.numpy()
        assert numbers[value].shape == want.shape
        assert numbers[value].dtype == want.dtype == value.dtype
        assert all(d == n for d, n in zip(value.shape, want.shape, strict=True) if isinstance(d, int))
        if want.dtype.kind == "f":
            scale = max(1e-3, np.abs(want[np.isfinite(want)]).max(initial=0))
            np.testing.assert_allclose(numbers[value], want, rtol=0, atol=within * scale)
        else:
            np.testing.assert_array_equal(numbers[value], want)
    _runs_alike(graph, inputs, numbers)
    return graph


def _runs_alike(graph: Graph, inputs: Sequence[Array], numbers: dict[Value, Array]) -> None:
    """The kernels compute what the numbers say, at these shapes: some read beyond a tensor rather than broadcast it."""
    sweep(graph)
    if any(v.producer is None for v in graph.outputs) or any(node.op.code.islower() for node in graph):
        return  # nothing to run, or operations that rules expand first
    results = run(graph, {value.name: array for value, array in zip(graph.inputs, inputs, strict=True)})
    for value, result in zip(graph.outputs, results, strict=True):
        expected = numbers[value]
        assert result.shape == expected.shape
        if expected.dtype.kind == "f":
            scale = max(1e-3, np.abs(expected[np.isfinite(expected)]).max(initial=0))
            np.testing.assert_allclose(result, expected, rtol=0, atol=1e-5 * scale)
        else:
            np.testing.assert_array_equal(result, expected)


def codes(graph: Graph) -> list[str]:
    """The operations of the graph, in order, without those that nobody reads."""
    needed = set(graph.outputs)
    kept: list[str] = []
    for node in reversed(graph):
        if needed & set(node.outputs):
            needed |= {value for value in node.inputs if value is not None}
            kept.append(node.op.code)
    return kept[::-1]


def _lowered(operation: Any, graph: Graph, values: dict[str, Value], dynamic: Sequence[int]) -> Sequence[Value]:
    if operation.type == "Placeholder":
        (tensor,) = operation.outputs
        shape = list(tensor.shape)
        index = len(graph.inputs)
        if index in dynamic:
            shape[0] = symbol("batch")
        return [graph.input(operation.name, Type(np.dtype(tensor.dtype.as_numpy_dtype), tuple(shape)))]
    if operation.type == "Const":
        return [graph.const(np.asarray(tf.make_ndarray(operation.get_attr("value"))), operation.name)]
    if operation.type == "Identity":
        return [values[operation.inputs[0].name]]
    if operation.type == "NoOp":
        return []
    node = SourceNode(
        operation.name,
        operation.type,
        tuple(SourceRef(tensor.op.name, tensor.value_index) for tensor in operation.inputs),
        {name: _attribute(value, operation.name) for name, value in operation.node_def.attr.items()},
    )
    source = Source(node, tuple(values[tensor.name] for tensor in operation.inputs))
    result = registry().lowerings[operation.type](source, Builder(graph, origin=(operation.name,)))
    return result if isinstance(result, tuple) else (result,)


def _attribute(proto: Any, where: str) -> Any:
    """The attribute as a reader would hand it over."""
    return python_value(parse("AttrValue", proto.SerializeToString(), where=where), where=where)
