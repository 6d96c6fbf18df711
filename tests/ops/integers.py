"""One node on integers, as its ports ask for: the smallest quantizer that can test a kernel.

It shares no code with the product, so that the two can check each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import ml_dtypes
import numpy as np

from octavo.ir.graph import Graph, Node, Value
from octavo.ir.port import Bias, Fit, Fixed, Grid, Observed, Plain, SameAs, Weight
from octavo.ir.source import Array
from octavo.ir.type import Quantization, Type
from octavo.schema.enums import TensorType

LIMITS = {"int8": (-128, 127), "int16": (-32768, 32767), "int4": (-7, 7), "int2": (-1, 1)}
DTYPES = {"int4": np.dtype(ml_dtypes.int4), "int2": np.dtype(ml_dtypes.int2)}


@dataclass(frozen=True, slots=True)
class Case:
    """A graph of one integer node, the integers to feed it, and the reals that its results should be near."""

    graph: Graph
    inputs: dict[str, Array]
    expected: tuple[Array, ...]


def integer_case(node: Node, numbers: Mapping[Value, Array], *, activations: str, weights: str) -> Case:
    """The node with `activations` and `weights` of these dtypes ("float32" keeps the activations real).

    `numbers` holds reals for each operand and result of `node`, from which ranges are taken. The expected results
    are the op's own meaning, applied to what the integers stand for, and saturated as integers are.
    """
    grids = _grids(node, numbers, activations, weights)
    graph = Graph("integers")
    operands: list[Value | None] = []
    inputs: dict[str, Array] = {}
    real: list[Array | None] = []
    for name, value in zip(type(node.op).operands(len(node.inputs)), node.inputs, strict=True):
        if value is None:
            operands.append(None)
            real.append(None)
            continue
        port, quant = type(node.op).port(name), grids.get(value)
        dtype = _dtype(port, value, quant, activations, weights)
        stored = numbers[value] if quant is None else _store(numbers[value], quant, dtype)
        real.append(numbers[value] if quant is None else _real(stored, quant))
        if value.state:
            kept = node.op.keeps(_result(node, grids)).get(name) if activations == "int8" else None
            operand = graph.state(value.name, Type(np.dtype(kept.dtype), value.shape) if kept else value.type)
            operand.quant = Quantization.per_tensor(kept.scale, kept.zero_point) if kept else None
        elif value.const is None:
            operand = graph.input(value.name, Type(dtype, stored.shape))
            operand.quant = quant
            inputs[operand.name] = stored
        else:
            operand = graph.const(stored, value.name, quant)
        operands.append(operand)
    if activations == "int16":  # sums of these are to be as exact as 64 bits hold
        real = [a.astype(np.float64) if a is not None and a.dtype == np.float32 else a for a in real]
    results = node.op.evaluate(*real)
    results = results if isinstance(results, tuple) else (results,)
    types = [
        Type(np.dtype(activations) if grids.get(v) is not None else r.dtype, r.shape)
        for v, r in zip(node.outputs, results, strict=True)
    ]
    op = _with_wide_bias(node.op, activations)
    if activations == "int8" and any(value is not None and value.state for value in node.inputs):
        op = op.in_int8(node, _result(node, grids))
    new = graph.insert(op, operands, types, names=[v.name for v in node.outputs])
    for value, old in zip(new.outputs, node.outputs, strict=True):
        value.quant = grids.get(old)
    graph.outputs = list(new.outputs)
    expected = tuple(
        r if v.quant is None else np.clip(r, *_real(np.array(LIMITS[activations]), v.quant))
        for r, v in zip(results, new.outputs, strict=True)
    )
    return Case(graph, inputs, expected)


def _result(node: Node, grids: Mapping[Value, Quantization]) -> Grid:
    """The grid of the first output."""
    quant = grids[node.outputs[0]]
    return Grid(float(quant.scale[0]), int(quant.zero_point[0]))


def _with_wide_bias(op: Any, activations: str) -> Any:
    """int16 kernels must be told that the bias has 64 bits, and so must their accumulator."""
    if activations == "int16" and hasattr(op, "quantized_bias_type"):
        return replace(op, quantized_bias_type=TensorType.INT64)
    return op


def _grids(node: Node, numbers: Mapping[Value, Array], activations: str, weights: str) -> dict[Value, Quantization]:
    """The scale and zero point of each operand and result that has one."""
    op = type(node.op)
    named = [*zip(op.operands(len(node.inputs)), node.inputs, strict=True)]
    named += [*zip(op.results(len(node.outputs)), node.outputs, strict=True)]
    present = [(name, value) for name, value in named if value is not None]
    grids: dict[Value, Quantization] = {}
    for name, value in present:
        match op.port(name):
            case Weight(axis=axis):
                grids[value] = _weight_grid(numbers[value], axis, weights)
            case Observed() | SameAs() | Fixed() if activations != "float32" and value.dtype == np.float32:
                grids[value] = _activation_grid(_root(op, name), op, present, numbers, activations)
    for name, value in present:
        port = op.port(name)
        if isinstance(port, Bias) and activations != "float32":
            factors = [grids[v] for n, v in present if n in port.of]
            scale = np.prod(np.broadcast_arrays(*(g.scale for g in factors)), axis=0, dtype=np.float32)
            axis = 0 if scale.size > 1 else None
            grids[value] = Quantization(scale, np.zeros(scale.shape, np.int64), axis)
    return grids


def _root(op: Any, name: str) -> str:
    """The port whose scale `name` shares."""
    while isinstance(port := op.port(name), SameAs):
        name = port.port
    return name


def _activation_grid(
    root: str, op: Any, present: list[tuple[str, Value]], numbers: Mapping[Value, Array], activations: str
) -> Quantization:
    """One scale for all ports that share that of `root`."""
    port = op.port(root)
    if isinstance(port, Fixed):
        grid = port.int8 if activations == "int8" else port.int16
        assert grid is not None
        return Quantization.per_tensor(*grid)
    shared = np.concatenate([numbers[v].ravel() for n, v in present if _root(op, n) == root])
    low, high = min(0.0, shared.min(initial=0)), max(1e-3, shared.max(initial=0))
    if activations == "int16":
        return Quantization.per_tensor(max(-low, high) / 32767, 0)
    scale = (high - low) / 255
    return Quantization.per_tensor(scale, round(-128 - low / scale))


def _weight_grid(array: Array, axis: int | None, weights: str) -> Quantization:
    others = tuple(i for i in range(array.ndim) if i != axis) if axis is not None else None
    largest = np.atleast_1d(np.abs(array).max(axis=others))
    scale = np.maximum(largest / min(LIMITS[weights][1], 127), 1e-6).astype(np.float32)
    return Quantization(scale, np.zeros(scale.shape, np.int64), axis)


def _dtype(port: Any, value: Value, quant: Quantization | None, activations: str, weights: str) -> np.dtype[Any]:
    if quant is None or isinstance(port, Plain):
        return value.dtype
    if isinstance(port, Weight):
        return DTYPES.get(weights, np.dtype("int8"))
    if isinstance(port, Bias):
        return np.dtype("int64" if activations == "int16" else "int32")
    return np.dtype(activations)


def _store(array: Array, quant: Quantization, dtype: np.dtype[Any]) -> Array:
    scale, zero_point = _spread(quant, array.ndim)
    rounded = np.rint(array.astype(np.float64) / scale) + zero_point
    if dtype.name in LIMITS:
        rounded = np.clip(rounded, *LIMITS[dtype.name])
    return rounded.astype(np.int64).astype(dtype)


def _real(stored: Array, quant: Quantization) -> Array:
    scale, zero_point = _spread(quant, stored.ndim)
    return ((stored.astype(np.float64) - zero_point) * scale).astype(np.float32)


def _spread(quant: Quantization, rank: int) -> tuple[Array, Array]:
    """Scale and zero point, shaped to meet an array of this rank."""
    if quant.axis is None:
        return quant.scale[0], quant.zero_point[0]
    shape = [1] * rank
    shape[quant.axis] = -1
    return quant.scale.reshape(shape), quant.zero_point.reshape(shape)


def objection(case: Case, node: Node, numbers: Mapping[Value, Array]) -> str:
    """Why the operation says that its kernel is not right on the grids of this case; empty where it is.

    `node` and `numbers` are those that the case was made of.
    """
    new = case.graph.nodes[-1]
    op = type(node.op)
    named = [*zip(op.operands(len(node.inputs)), node.inputs, new.inputs, strict=True)]
    named += [*zip(op.results(len(node.outputs)), node.outputs, new.outputs, strict=True)]
    fits: dict[str, Fit] = {}
    for name, old, value in named:
        port = op.port(name)
        if old is None or value is None or value.quant is None or isinstance(port, Bias | Weight):
            continue
        scale, zero_point = float(value.quant.scale[0]), int(value.quant.zero_point[0])
        ends = float(numbers[old].min(initial=0)), float(numbers[old].max(initial=0))
        fits[name] = Fit(value.dtype.name, scale, zero_point, *ends)
        limits = port.scales.get(value.dtype.name) if isinstance(port, Observed) else None
        if limits is not None and not limits[0] <= scale <= limits[1]:
            return f"the scale of {name} is {scale:.3g}"
    return too_fine(case) or node.op.objection(fits)


FINEST = {"int8": (256.0, 256.0), "int16": (64.0, 1.0)}
"""A step of a term of a sum, or of a product, is not tried where it is more steps of the result."""


def too_fine(case: Case) -> str:
    """Whether the result is far narrower than what is added up; the quantizer's own tests are about that."""
    node = case.graph.nodes[-1]
    op, result = type(node.op), node.outputs[0]
    named = zip(op.operands(len(node.inputs)), node.inputs, strict=True)
    scales = {name: v.quant.scale.max() for name, v in named if v is not None and v.quant is not None}
    groups = [*op.converts, *(port.of for port in op.ports.values() if isinstance(port, Bias))]
    for names in groups if result.quant is not None else ():
        factor = np.prod([scales[name] for name in names]) / result.quant.scale[0]
        if factor >= FINEST[result.dtype.name][len(names) > 1]:
            return f"a step is {factor:.3g} steps of the result"
    return ""


def real(stored: Array, value: Value) -> Array:
    """What the integers of `value` stand for."""
    return stored if value.quant is None else _real(stored, value.quant)


def step(value: Value) -> float:
    """The scale of `value`: how far apart neighbouring integers are."""
    return 0.0 if value.quant is None else float(value.quant.scale[0])
