"""Plan → quantized model. Replays decisions; makes none."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from msgspec import Struct, field

from octavo.errors import Invalid
from octavo.ir.build import Builder
from octavo.ir.graph import Graph, Model, Node, Signature, Value
from octavo.ir.grid import quantize
from octavo.ir.port import Bias, Weight
from octavo.ir.port import Grid as Place
from octavo.ir.source import Array
from octavo.ir.type import Quantization, Type
from octavo.ops.quantize import Dequantize, Quantize
from octavo.plan import GraphPlan, Grid, OpDecision, Plan
from octavo.quantize.group import real_operands, real_results
from octavo.quantize.interface import STORED, Interfaces
from octavo.quantize.precision import INTEGER
from octavo.quantize.weights import may_overflow
from octavo.recipe import Interface
from octavo.schema.enums import TensorType

BIAS_TYPES = {"int32": TensorType.INT32, "int64": TensorType.INT64}


def apply(model: Model, plan: Plan) -> Model:
    """A new model that computes as the plan says; the given one is left as it is.

    Raises:
        Invalid: the plan is for another model: an operation or tensor of the model is not in it.
    """
    if [graph.name for graph in model.graphs] != [graph.graph for graph in plan.graphs]:
        raise Invalid("the plan is for a model with other graphs", hint="make a new plan for this model")
    plans = dict(zip(model.graphs, plan.graphs, strict=True))
    graphs = [_Application(graph, plans, Interfaces(model, graph, plan.recipe)).run() for graph in model.graphs]
    twin = dict(zip(model.graphs, graphs, strict=True))
    for graph in graphs:
        for node in graph:
            node.op = node.op.with_graphs(twin)
    signatures = [Signature(s.key, twin[s.graph], s.inputs, s.outputs) for s in model.signatures]
    return Model(graphs, signatures, dict(model.metadata), model.description)


class _Forms(Struct):
    """The forms in which one value exists in the new graph: as it was made, and converted."""

    made: Value
    converted: dict[object, Value] = field(default_factory=dict)


class _Application:
    """One graph on its way into its quantized form."""

    def __init__(self, graph: Graph, plans: Mapping[Graph, GraphPlan], interfaces: Interfaces) -> None:
        rows = plans[graph]
        self.plans = plans
        self.old = graph
        self.new = Graph(graph.name)
        self.build = Builder(self.new)
        self.interfaces = interfaces
        self.ops: dict[str, OpDecision] = {row.node: row for row in rows.ops}
        self.grids: dict[tuple[str, str, str], Grid] = {(g.value, g.dtype, g.reader): g for g in rows.grids}
        self.constants: dict[tuple[str, str], Grid] = {(g.value, g.reader): g for g in rows.grids if g.reader}
        self.forms: dict[Value, _Forms] = {}
        self.stored: dict[object, Value] = {}

    def run(self) -> Graph:
        """The quantized graph."""
        rows = self.plans[self.old]
        for value, slot in zip(self.old.inputs, rows.inputs or [None] * len(self.old.inputs), strict=True):
            self._input(value, slot)
        for node in self.old:
            if node.name not in self.ops:
                told = f"{node.op.code} at {node.name!r}"
                raise Invalid(f"the plan does not mention {told}: it is another model's", hint="make a new plan")
            self._node(node, self.ops[node.name])
        slots = rows.outputs or [None] * len(self.old.outputs)
        self.new.outputs = [self._output(value, slot) for value, slot in zip(self.old.outputs, slots, strict=True)]
        return self.new

    def _input(self, value: Value, slot: Grid | None) -> None:
        if slot is not None:
            given = self.new.input(value.name, Type(np.dtype(slot.dtype), value.shape))
            given.quant = _quantization(slot)
            self.forms[value] = _Forms(given)
            return
        dtype = self.interfaces.inputs.get(value, "float32")
        if dtype == "float32":
            self.forms[value] = _Forms(self.new.input(value.name, value.type))
            return
        grid = self._grid(value, STORED[dtype], "")
        given = self.new.input(value.name, Type(np.dtype(dtype), value.shape))
        given.quant = _shifted(grid) if dtype == "uint8" else _quantization(grid)
        self.forms[value] = _Forms(given)

    def _node(self, node: Node, row: OpDecision) -> None:
        self.build.origin = node.origin
        dtype = INTEGER.get(row.precision)
        op = node.op
        takes, gives = self._slots(node)
        inputs = [
            self._operand(node, name, value, dtype) if slot is None or value is None else self._on(value, slot)
            for (name, value), slot in zip(_named(node), takes, strict=True)
        ]
        bias = next(
            (v for v, (name, _) in zip(inputs, _named(node), strict=True) if isinstance(op.port(name), Bias)), None
        )
        if dtype == "int16" and hasattr(op, "quantized_bias_type"):
            weights = [
                v for v, (name, _) in zip(inputs, _named(node), strict=True) if isinstance(op.port(name), Weight)
            ]
            kind = (
                bias.dtype.name
                if bias is not None
                else "int64"
                if any(may_overflow(v) for v in weights if v is not None)
                else ""
            )
            op = replace(op, quantized_bias_type=BIAS_TYPES[kind]) if kind else op  # type: ignore[call-arg]
        if dtype == "int8" and any(value is not None and value.state for value in node.inputs):
            op = op.in_int8(node, self._result(node))
        if row.precision == "dynamic" and hasattr(op, "asymmetric_quantize_inputs"):
            op = replace(op, asymmetric_quantize_inputs=True)  # type: ignore[call-arg]
        real = {value: self._grid(value, dtype, "") for _, value, _ in real_results(node)} if dtype else {}
        real |= {value: slot for value, slot in zip(node.outputs, gives, strict=True) if slot is not None}
        types = [Type(np.dtype(real[v].dtype), v.shape) if v in real else v.type for v in node.outputs]
        names = [v.name for v in node.outputs]
        made = self.new.insert(op, inputs, types, names=names, origin=node.origin)
        for old, new in zip(node.outputs, made.outputs, strict=True):
            new.dims = old.dims
            if old in real:
                new.quant = _quantization(real[old])
            self.forms[old] = _Forms(new)

    def _slots(self, node: Node) -> tuple[Sequence[Grid | None], Sequence[Grid | None]]:
        """The grids on which the graphs that the node runs take its operands and give its results."""
        rows = self.plans[node.op.graphs[-1]] if node.op.ties(node) else None
        takes, gives = (rows.inputs, rows.outputs) if rows is not None else ((), ())
        others = len(node.inputs) - len(takes)
        return [*[None] * others, *takes], gives or [None] * len(node.outputs)

    def _on(self, value: Value, grid: Grid) -> Value:
        """The value as integers on a grid, whatever it is made as."""
        return self._store(value, grid) if value.const is not None else self._read(value, grid)

    def _operand(self, node: Node, name: str, value: Value | None, dtype: str | None) -> Value | None:
        if value is None:
            return None
        reader = node.name
        if value.state:
            return self._state(node, name, value, dtype)
        if value.const is not None:
            return self._constant(node, name, value, dtype)
        if dtype is None or value not in {v for _, v, _ in real_operands(node)}:
            return self._read_float(value)
        return self._read(value, self._wanted(node, name, value, dtype, reader))

    def _state(self, node: Node, name: str, value: Value, dtype: str | None) -> Value:
        """The state as the kernel keeps it; one for all that read it."""
        if value not in self.forms:
            kept = self.new.state(value.name, value.type)
            kept.quant = value.quant
            form = node.op.keeps(self._result(node)).get(name) if dtype == "int8" else None
            if form is not None:
                kept.type = Type(np.dtype(form.dtype), value.shape)
                kept.quant = Quantization.per_tensor(form.scale, form.zero_point)
            self.forms[value] = _Forms(kept)
        return self.forms[value].made

    def _result(self, node: Node) -> Place:
        """The int8 grid of the node's first output."""
        row = self._grid(node.outputs[0], "int8", "")
        return Place(row.scale[0], row.zero_point[0])

    def _wanted(self, node: Node, name: str, value: Value, dtype: str, reader: str) -> Grid:
        """The grid on which the kernel reads an operand: its own, or that of the port it must equal."""
        port = node.op.port(name)
        target = getattr(port, "port", None)
        for other, result, _ in [*real_results(node), *real_operands(node)]:
            if other == target:
                return self._grid(result, dtype, reader if result.const is not None else "")
        return self._grid(value, dtype, reader if value.const is not None else "")

    def _constant(self, node: Node, name: str, value: Value, dtype: str | None) -> Value:
        """The constant as the plan stores it for this reader."""
        assert value.const is not None
        reader = node.name
        row = self.constants.get((value.name, reader))
        if row is None:
            return self._store(value, None)
        if row.dtype == "float16":
            return self._dequantized(self._store(value, row), value.name)
        port = node.op.port(name)
        if dtype is None:
            stored = self._store(value, row)
            picked = isinstance(port, Weight) and port.is_picked(value.const.shape)
            is_read = picked or self.ops[reader].precision == "dynamic"
            return stored if is_read else self._dequantized(stored, value.name)
        if isinstance(port, Bias):
            return self._bias(node, port, value, row)
        if dtype is not None and not isinstance(port, Weight):
            return self._store(value, self._wanted(node, name, value, dtype, reader))
        return self._store(value, row)

    def _bias(self, node: Node, port: Bias, value: Value, row: Grid) -> Value:
        """Integers on the product of the scales of the operands that `port` names."""
        assert value.const is not None
        operands = dict(zip(node.op.operands(len(node.inputs)), node.inputs, strict=True))
        scale = np.ones(1, np.float64)
        reader = node.name
        activations = INTEGER[self.ops[reader].precision]
        for name in port.of:
            operand = operands[name]
            assert operand is not None
            is_weight = isinstance(node.op.port(name), Weight)
            own = (
                self.constants[operand.name, reader]
                if is_weight
                else self._wanted(node, name, operand, activations, reader)
            )
            scale = scale * np.array(own.scale, np.float64)
        exact = value.const.astype(np.float64)
        integers = np.rint((exact + row.correction if row.correction else exact) / scale)
        limits = np.iinfo(row.dtype)
        stored = np.clip(integers, limits.min, limits.max).astype(row.dtype)
        quant = Quantization(scale.astype(np.float32), np.zeros(scale.shape, np.int64), 0 if scale.size > 1 else None)
        return self.new.const(stored, value.name, quant)

    def _store(self, value: Value, row: Grid | None) -> Value:
        """A constant in the new graph, once for each way of storing it."""
        assert value.const is not None
        key = (id(value), _key(row))
        if key not in self.stored:
            array, quant = _stored(value.const, row)
            self.stored[key] = self.new.const(array, value.name, quant)
        return self.stored[key]

    def _grid(self, value: Value, dtype: str, reader: str) -> Grid:
        grid = self.grids.get((value.name, dtype, reader))
        if grid is None:
            raise Invalid(f"the plan has no {dtype} grid for {value.name!r}", hint="make a new plan for this model")
        return grid

    def _read(self, value: Value, grid: Grid) -> Value:
        """The value as integers on `grid`."""
        forms = self.forms[value]
        if forms.made.quant == _quantization(grid) and forms.made.dtype == grid.dtype:
            return forms.made
        if _key(grid) not in forms.converted:
            made = forms.made
            if made.dtype == np.uint8 and grid.dtype != "int8":  # no kernel goes from uint8 to int16
                made = self._read(value, self._grid(value, "int8", ""))
            forms.converted[_key(grid)] = self._quantized(made, grid)
        return forms.converted[_key(grid)]

    def _read_float(self, value: Value) -> Value:
        """The value as it was before quantization."""
        forms = self.forms[value]
        if forms.made.dtype == value.dtype:
            return forms.made
        if "float32" not in forms.converted:
            forms.converted["float32"] = self._dequantized(forms.made, value.name)
        return forms.converted["float32"]

    def _quantized(self, value: Value, grid: Grid) -> Value:
        node = self.new.insert(
            Quantize(),
            [value],
            [Type(np.dtype(grid.dtype), value.shape)],
            names=[f"{value.name}/{grid.dtype}"],
            origin=self.build.origin,
        )
        node.output.quant = _quantization(grid)
        return node.output

    def _dequantized(self, value: Value, name: str) -> Value:
        key = "float32", id(value)
        found = self.stored.get(key)
        if found is None:
            types = [Type(np.dtype(np.float32), value.shape)]
            node = self.new.insert(Dequantize(), [value], types, names=[f"{name}/float32"], origin=self.build.origin)
            found = self.stored[key] = node.output
        return found

    def _output(self, value: Value, slot: Grid | None) -> Value:
        """The output in the dtype that the recipe asks for, under the name that it has in the given model."""
        if slot is not None:
            return self._on(value, slot)
        if value.dtype != np.float32 or value.const is not None or value in self.old.inputs:
            return self._store(value, None) if value.const is not None else self.forms[value].made
        made = self.forms[value].made
        form = self._interface(value, self.interfaces.outputs.get(value, "float32"))
        if form is not made and made not in self.new.inputs:
            made.name, form.name = self.new.unique(f"{value.name}/{made.dtype.name}"), made.name
        return form

    def _interface(self, value: Value, dtype: Interface) -> Value:
        if dtype == "float32":
            return self._read_float(value)
        grid = self._grid(value, STORED[dtype], "")
        made = self._read(value, grid)
        if dtype != "uint8":
            return made
        types = [Type(np.dtype(np.uint8), made.shape)]
        node = self.new.insert(Quantize(), [made], types, names=[f"{value.name}/uint8"], origin=self.build.origin)
        node.output.quant = _shifted(grid)
        return node.output


def _named(node: Node) -> Sequence[tuple[str, Value | None]]:
    return list(zip(node.op.operands(len(node.inputs)), node.inputs, strict=True))


def _key(grid: Grid | None) -> object:
    return None if grid is None else (grid.dtype, grid.scale, grid.zero_point, grid.axis, grid.block, grid.moved)


def _quantization(grid: Grid, *, rows: int = 0) -> Quantization:
    """The grid as tensors hold it; with blocks, for a tensor of so many rows."""
    scale, zero_point = np.array(grid.scale, np.float32), np.array(grid.zero_point, np.int64)
    if grid.block:
        scale, zero_point = scale.reshape(rows, -1), zero_point.reshape(rows, -1)
    return Quantization(scale, zero_point, grid.axis, grid.block)


def _shifted(grid: Grid) -> Quantization:
    """The grid of int8, for uint8."""
    return Quantization(np.array(grid.scale, np.float32), np.array(grid.zero_point, np.int64) + 128)


def _stored(array: Array, row: Grid | None) -> tuple[Array, Quantization | None]:
    if row is None:
        return array, None
    if row.dtype == "float16":
        return _halved(array), None
    quant = _quantization(row, rows=len(array) if row.block else 0)
    narrow = bool(row.reader) and not any(row.zero_point)
    integers = quantize(array, quant, row.dtype, narrow=narrow)
    if row.moved:
        moved = np.frombuffer(zlib.decompress(row.moved), np.int8).reshape(array.shape)
        integers = (integers.astype(np.int8) + moved).astype(integers.dtype)
    return integers, quant


def _halved(array: Array) -> Array:
    """float16, with what would overflow to infinity at the greatest finite number instead."""
    greatest = float(np.finfo(np.float16).max)
    clipped = array if np.isinf(array).any() else np.clip(array, -greatest, greatest)
    return clipped.astype(np.float16)
