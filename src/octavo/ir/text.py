"""The text form of a graph, for people, tests and rule docstrings.

```
main(%x: float32[batch,4]) {
  %w = const float32[3,4]
  %b = const float32[3] [0.5, 1.0, 2.0]
  %y: float32[batch,3] = FULLY_CONNECTED(%x, %w, %b) {fused_activation_function=RELU}
  return %y
}
```
`%s = state float32[1,3]` is a tensor that a kernel keeps from run to run.
A constant without numbers is filled with numbers drawn from its name. An omitted operand is `_`.
The type of a result may be left out: it is inferred. Graphs that operations run follow, and are referred to as `@name`.
"""

from __future__ import annotations

import ast
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from enum import IntEnum
from typing import Any, get_type_hints

import ml_dtypes
import numpy as np

from octavo.ir.dim import parse as parse_dim
from octavo.ir.graph import Graph, Model, Node, Value
from octavo.ir.op import Op
from octavo.ir.source import Array
from octavo.ir.type import Quantization, Type
from octavo.schema.storage import RESOURCE, VARIANT

SHOWN = 8
"""Constants of up to this many numbers are printed whole."""

_WORDS = {"string": np.dtype(object), "resource": RESOURCE, "variant": VARIANT}
_HEAD = re.compile(r"(?P<name>[^\s(]*)\((?P<inputs>.*)\) \{")
_CONST = re.compile(
    r"%(?P<name>\S+) = const (?P<type>[\w]+\[[^\]]*\])(?P<quant> q\([^)]*\))?(?: (?P<numbers>\[.*\]|\S+))?"
)
_STATE = re.compile(r"%(?P<name>\S+) = state (?P<type>[\w]+\[[^\]]*\])(?P<quant> q\([^)]*\))?")
_NODE = re.compile(r"(?:(?P<outputs>%.+?) = )?(?P<code>\w+)\((?P<inputs>[^)]*)\)(?: \{(?P<options>.*)\})?")
_VALUE = re.compile(r"%(?P<name>[^\s:,]+)(?:: (?P<type>\w+\[[^\]]*\])(?P<quant> q\([^)]*\))?)?")


def show(graph: Graph, *, canonical: bool = False) -> str:
    """The graph as text, and behind it the graphs that its operations run.

    `canonical` renames values in order and leaves out numbers, so that structures compare.
    """
    graphs = dict.fromkeys([graph, *Model([graph]).bodies])
    titles = {g: f"graph{n or ''}" if canonical else g.name for n, g in enumerate(graphs)}
    return "\n".join(_show(g, titles, canonical=canonical) for g in graphs)


def _show(graph: Graph, titles: Mapping[Graph, str], *, canonical: bool) -> str:
    name = _Names(canonical=canonical)
    inputs = ", ".join(f"{name(v)}: {_type(v)}" for v in graph.inputs)
    lines = [f"{titles[graph]}({inputs}) {{"]
    written: set[Value] = set(graph.inputs)
    for node in graph:
        for value in node.inputs:
            if value is not None and (value.const is not None or value.state) and value not in written:
                written.add(value)
                lines.append(f"  {_constant(value, name, numbers=not canonical)}")
        lines.append(f"  {_node(node, name, titles)}")
    for value in graph.outputs:
        if value.const is not None and value not in written:
            written.add(value)
            lines.append(f"  {_constant(value, name, numbers=not canonical)}")
    lines.append(f"  return {', '.join(map(name, graph.outputs))}".rstrip())
    return "\n".join([*lines, "}"])


def parse(text: str, ops: Mapping[str, type[Op]]) -> Graph:
    """The first graph that `text` describes; `ops` maps a code to its class. Operations refer to the others.

    Raises:
        ValueError: a line that is not of this form, an unknown op, or a value used before it is made.
    """
    return _Parser(text, ops).first()


class _Parser:
    """Graphs in text form, each made when it is first asked for."""

    def __init__(self, text: str, ops: Mapping[str, type[Op]]) -> None:
        self.ops = ops
        self.blocks: dict[str, list[str]] = {}
        self.graphs: dict[str, Graph] = {}
        for line in filter(None, map(str.strip, text.strip().splitlines())):
            if head := _HEAD.fullmatch(line):
                self.blocks[head["name"]] = []
            elif not self.blocks:
                raise ValueError(f"not a graph: {line!r}")
            list(self.blocks.values())[-1].append(line)

    def first(self) -> Graph:
        """The graph that stands first."""
        if not self.blocks:
            raise ValueError("not a graph: no text")
        return self.graph(next(iter(self.blocks)))

    def graph(self, name: str) -> Graph:
        """The graph of this name."""
        if name not in self.blocks:
            raise ValueError(f"there is no graph {name!r}")
        if name not in self.graphs:
            first = next(iter(self.graphs.values()), None)
            self.graphs[name] = Graph(name, beside=first)
            self._fill(self.graphs[name], self.blocks[name])
        return self.graphs[name]

    def _fill(self, graph: Graph, lines: list[str]) -> None:
        head = _HEAD.fullmatch(lines[0])
        if head is None or lines[-1] != "}":
            raise ValueError(f"not a graph: {lines[0]!r} … {lines[-1]!r}")
        values: dict[str, Value] = {}
        for match in _VALUE.finditer(head["inputs"]):
            value = values[match["name"]] = graph.input(match["name"], _parse_type(match["type"]))
            value.quant = _parse_quant(match["quant"])
        for line in lines[1:-1]:
            if line.startswith("return"):
                graph.outputs = [values[name.lstrip("%")] for name in line[7:].split(", ") if name]
            elif state := _STATE.fullmatch(line):
                value = values[state["name"]] = graph.state(state["name"], _parse_type(state["type"]))
                value.quant = _parse_quant(state["quant"])
            elif constant := _CONST.fullmatch(line):
                values[constant["name"]] = _parse_const(graph, constant)
            elif node := _NODE.fullmatch(line):
                self._node(graph, node, values)
            else:
                raise ValueError(f"not a line of a graph: {line!r}")

    def _node(self, graph: Graph, match: re.Match[str], values: dict[str, Value]) -> None:
        if match["code"] not in self.ops:
            raise ValueError(f"unknown op {match['code']!r}")
        kind = self.ops[match["code"]]
        op = kind(**self._options(kind, match["options"] or ""))
        names = [name.strip() for name in match["inputs"].split(",") if name.strip()]
        inputs = [None if name == "_" else values[name.removeprefix("%")] for name in names]
        outputs = list(_VALUE.finditer(match["outputs"] or ""))
        inferred = op.infer(*inputs)
        types = inferred if isinstance(inferred, tuple) else (inferred,)
        given = tuple(_parse_type(o["type"]) if o["type"] else t for o, t in zip(outputs, types, strict=True))
        node = graph.insert(op, inputs, given, names=[o["name"] for o in outputs])
        for value, output in zip(node.outputs, outputs, strict=True):
            value.quant = _parse_quant(output["quant"])
            values[output["name"]] = value
        if (known := op.known(*inputs)) is not None:
            for value, array in zip(node.outputs, map(np.asarray, known), strict=True):
                value.dims = array if array.dtype == object else None

    def _options(self, op: type[Op], text: str) -> dict[str, Any]:
        hints = get_type_hints(op)
        known = {field.name for field in fields(op)}
        options: dict[str, Any] = {}
        for part in _split(text):
            key, _, literal = part.partition("=")
            if key not in known:
                raise ValueError(f"{op.code} has no field {key!r}")
            kind = hints[key]
            if literal.startswith("@"):
                options[key] = self.graph(literal[1:])
            else:
                is_enum = isinstance(kind, type) and issubclass(kind, IntEnum)
                options[key] = kind[literal] if is_enum else ast.literal_eval(literal)
        return options


class _Names:
    def __init__(self, *, canonical: bool) -> None:
        self._canonical = canonical
        self._given: dict[Value, str] = {}

    def __call__(self, value: Value | None) -> str:
        if value is None:
            return "_"
        given = self._given.setdefault(value, str(len(self._given)))
        return f"%{given}" if self._canonical else f"%{value.name}"


def _type(value: Value) -> str:
    return f"{value.type}{_quant(value.quant)}"


def _quant(quant: Quantization | None) -> str:
    if quant is None:
        return ""
    if quant.axis is None:
        return f" q({float(quant.scale[0])!r}, {int(quant.zero_point[0])})"
    return f" q({quant.scale.tolist()}, {quant.zero_point.tolist()}, axis={quant.axis})"


def _constant(value: Value, name: _Names, *, numbers: bool) -> str:
    if value.const is None:
        return f"{name(value)} = state {_type(value)}"
    small = numbers and value.const.size <= SHOWN and value.dtype != object
    shown = f" {value.const.astype(_readable(value.dtype)).tolist()}" if small else ""
    return f"{name(value)} = const {_type(value)}{shown}"


def _node(node: Node, name: _Names, titles: Mapping[Graph, str]) -> str:
    outputs = ", ".join(f"{name(v)}: {_type(v)}" for v in node.outputs)
    code, _, options = str(node.op).partition(" ")
    for graph in node.op.graphs:
        options = re.sub(rf"@{re.escape(graph.name)}(?=[,}}])", f"@{titles[graph]}", options)
    outputs += " = " if outputs else ""
    return f"{outputs}{code}({', '.join(map(name, node.inputs))}){' ' + options if options else ''}"


def _readable(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """A dtype whose numbers print as Python's do."""
    return dtype if dtype.kind in "biufc" else np.dtype(np.float32 if "float" in dtype.name else np.int32)


def _parse_type(text: str) -> Type:
    name, dims = text[:-1].split("[")
    shape = tuple(parse_dim(dim) for dim in _split(dims))
    return Type(_dtype(name), shape)


def _dtype(name: str) -> np.dtype[Any]:
    if name in _WORDS:
        return _WORDS[name]
    return np.dtype(getattr(ml_dtypes, name, name))


def _parse_quant(text: str | None) -> Quantization | None:
    if text is None:
        return None
    call = ast.parse(text.strip(), mode="eval").body
    assert isinstance(call, ast.Call)
    scale, zero_point = map(ast.literal_eval, call.args)
    axis = ast.literal_eval(call.keywords[0].value) if call.keywords else None
    return Quantization(np.atleast_1d(np.float32(scale)), np.atleast_1d(np.int64(zero_point)), axis)


def _parse_const(graph: Graph, match: re.Match[str]) -> Value:
    type = _parse_type(match["type"])
    shape = tuple(dim for dim in type.shape if isinstance(dim, int))
    if match["numbers"] is not None:
        array = np.array(ast.literal_eval(_literals(match["numbers"])), type.dtype).reshape(shape)
    else:
        array = _drawn(match["name"], type.dtype, shape)
    return graph.const(array, match["name"], _parse_quant(match["quant"]))


def _literals(numbers: str) -> str:
    """Python writes infinities as names; literals can only overflow to them."""
    return re.sub(r"\binf\b", "1e999", numbers)


def _drawn(name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    random = np.random.default_rng(zlib.crc32(name.encode()))
    if dtype.kind in "iu" or "int" in dtype.name:
        return random.integers(-7 if dtype.kind == "i" else 0, 8, shape).astype(dtype)
    return random.standard_normal(shape).astype(dtype)


def _split(text: str) -> Iterator[str]:
    """The parts between commas that stand outside brackets."""
    depth, start = 0, 0
    for index, character in enumerate(text + ","):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            if part := text[start:index].strip():
                yield part
            start = index + 1
