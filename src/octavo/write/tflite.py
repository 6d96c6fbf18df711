"""Model -> .tflite. Knows the schema, and names no operator.

The metadata (all tables) comes first and the weights last, each at a multiple of 16 bytes, so that nothing is copied
but once into the result. Models of more than 2 GiB, where references of flatbuffers end, hold their large buffers
behind the flatbuffer, found by `Buffer.offset` and `Buffer.size`.

`min_runtime_version` is not written: LiteRT reads it for information only, and refuses operators that it
cannot run by their versions.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from msgspec import Struct

from octavo.errors import InternalError, TargetError
from octavo.ir.graph import Graph, Model, Node, Signature, Value
from octavo.ir.op import Op
from octavo.ir.type import Quantization, Type
from octavo.ops.opaque import Opaque
from octavo.schema.layout import Operator, layout, operator
from octavo.schema.storage import stored, tensor_type
from octavo.schema.tables import UNIONS
from octavo.write.flatbuffer import FlatbufferWriter
from octavo.write.pool import BufferPool, Bytes

Part = bytearray | memoryview
"""A stretch of the file."""

SCHEMA_VERSION: Final = 3
ALIGNMENT: Final = 16
INLINE_LIMIT: Final = 2**31 - 1
"""The size (bytes) of the largest flatbuffer; larger models keep buffers behind it."""
SMALL: Final = 1024
"""Buffers of up to this many bytes stay inside the flatbuffer, whatever the size of the model."""
GATHERED: Final = 4096
"""Buffers of up to this many bytes are copied together, so that a file is not written in crumbs."""
_LAST_BYTE_CODE: Final = 127
"""Codes from here on do not fit the byte that old readers look at; it then holds this number."""

_Table = dict[str, Any]
_Places = Mapping[Value, int]
Ranges = Mapping[Value, tuple[float, float]]
"""The least and the greatest number that values were seen to hold."""
NO_RANGES: Ranges = MappingProxyType({})


def to_bytes(model: Model, *, ranges: Ranges = NO_RANGES) -> bytes:
    """The model as the bytes of a `.tflite` file. The same model gives the same bytes.

    `ranges` are written beside the tensors that they are of, as TensorFlow's calibration does.

    Raises:
        TargetError: a tensor has a dtype that LiteRT has no word for.
        InternalError: an op has a field or a code that the schema does not know.
    """
    return b"".join(serialize(model, ranges=ranges))


def serialize(model: Model, *, inline_limit: int = INLINE_LIMIT, ranges: Ranges = NO_RANGES) -> list[Part]:
    """The stretches of the file, in order: tables, then weights as views of the model's own arrays.

    A result of more than `inline_limit` bytes keeps its large buffers behind the flatbuffer.

    Raises: as `to_bytes`.
    """
    pool = BufferPool()
    root = _model(model, pool, ranges)
    parts = _assembled(root, pool.contents, apart=[False] * len(pool.contents))
    if sum(map(len, parts)) > inline_limit:
        parts = _assembled(root, pool.contents, apart=[data.size > SMALL for data in pool.contents])
    return parts


def _assembled(root: _Table, contents: Sequence[Bytes], *, apart: Sequence[bool]) -> list[Part]:
    """All tables, then the contents; those that stand `apart` come last, outside the flatbuffer."""
    writer = FlatbufferWriter(identifier=b"TFL3", trace="Buffer")
    buffers = [_buffer(data, apart=lone) for data, lone in zip(contents, apart, strict=True)]
    writer.root("Model", {**root, "buffers": buffers})
    stream = _Stream(writer.out)
    for index in sorted(range(len(contents)), key=apart.__getitem__):
        start, places = writer.traced[index]
        if apart[index]:
            at = stream.add(contents[index], prefix=b"")
            struct.pack_into("<Q", writer.out, start + places["offset"], at)
        elif contents[index].size:
            at = stream.add(contents[index], prefix=struct.pack("<I", contents[index].size))
            writer.refer(start + places["data"], at)
    return stream.parts


def _buffer(data: Bytes, *, apart: bool) -> _Table:
    if apart:
        return {"offset": 0, "size": data.size}
    return {"data": None} if data.size else {}


class _Stream:
    """Contents in a row behind a head, each at a multiple of `ALIGNMENT`. Small ones are copied, large ones viewed."""

    def __init__(self, head: bytearray) -> None:
        self._size = len(head)
        self._gathered = bytearray()
        self.parts: list[Part] = [head, self._gathered]

    def add(self, data: Bytes, *, prefix: bytes) -> int:
        """Append `prefix` and the aligned data; returns the place of the prefix."""
        gap = -(self._size + len(prefix)) % ALIGNMENT
        at = self._size + gap
        self._size = at + len(prefix) + data.size
        self._gathered += bytes(gap) + prefix
        if data.size <= GATHERED:
            self._gathered += data.data
        else:
            self._gathered = bytearray()
            self.parts += [data.data, self._gathered]
        return at


def _model(model: Model, pool: BufferPool, ranges: Ranges) -> _Table:
    """The root table, without its buffers, which fill the pool."""
    codes: dict[tuple[str, str, int], int] = {}
    numbers = {graph: number for number, graph in enumerate(model.graphs)}
    if lost := [graph.name for graph in model.bodies if graph not in numbers]:
        raise InternalError(f"operations run graphs that are not in the model: {lost}")
    places = [{value: index for index, value in enumerate(_tensors(graph))} for graph in model.graphs]
    table: _Table = {
        "version": SCHEMA_VERSION,
        "subgraphs": [
            _subgraph(g, p, pool, _Known(codes, numbers, ranges)) for g, p in zip(model.graphs, places, strict=True)
        ],
        "operator_codes": [_operator_code(*key) for key in codes],
        "description": model.description or "Octavo",
    }
    if model.metadata:
        table["metadata"] = [{"name": k, **_nonzero(buffer=pool.append(v))} for k, v in model.metadata.items()]
    if model.signatures:
        table["signature_defs"] = [_signature(s, model, places) for s in model.signatures]
    return table


def _tensors(graph: Graph) -> list[Value]:
    """Every tensor of the graph, those that kernels keep between their steps last."""
    kept = [value for node in graph for value in getattr(node.op, "intermediates", ())]
    return list(dict.fromkeys([*graph.values, *kept]))


class _Known(Struct, frozen=True):
    """What operators refer to by number: their codes, which they may add to, and the graphs of the model; ranges."""

    codes: dict[tuple[str, str, int], int]
    graphs: Mapping[Graph, int]
    ranges: Ranges


def _subgraph(graph: Graph, places: _Places, pool: BufferPool, known: _Known) -> _Table:
    in_blocks = [value for value in places if value.quant is not None and value.quant.block]
    scales = {value: len(places) + number for number, value in enumerate(in_blocks)}
    tensors = [_tensor(value, pool, scales=scales.get(value, 0)) for value in places]
    for value, (low, high) in ((v, known.ranges[v]) for v in places if v in known.ranges):
        ends = {"min": np.array([low], np.float32), "max": np.array([high], np.float32)}
        tensors[places[value]]["quantization"] = ends
    table: _Table = {
        "tensors": tensors + [_tensor(_scales(value), pool) for value in in_blocks],
        "inputs": tuple(places[value] for value in graph.inputs),
        "outputs": tuple(places[value] for value in graph.outputs),
        "operators": [_operator(node, places, known) for node in graph],
    }
    return {**table, "name": graph.name} if graph.name else table


def _scales(value: Value) -> Value:
    """The tensor in which LiteRT looks for the scales of blocks."""
    assert value.quant is not None
    halves = value.quant.scale.astype(np.float16)
    return Value(f"{value.name}/scales", Type(halves.dtype, halves.shape), const=halves)


def _tensor(value: Value, pool: BufferPool, *, scales: int = 0) -> _Table:
    kind = tensor_type(value.type.dtype)
    if kind is None:
        raise TargetError(f"LiteRT has no tensors of {value.type.dtype}", where=value.name)
    signature = tuple([dim if isinstance(dim, int) else -1 for dim in value.type.shape])
    table: _Table = {"shape": tuple([abs(dim) for dim in signature]), "name": value.name}
    if kind:
        table["type"] = int(kind)
    if value.const is not None and (index := pool.add(stored(value.const)) if value.const.size else 0):
        table["buffer"] = index
    if value.quant is not None:
        table["quantization"] = _quantization(value.quant, scales)
    if value.state:
        table["is_variable"] = True
    if -1 in signature:
        table["shape_signature"] = signature
    table["has_rank"] = True
    return table


def _quantization(quant: Quantization, scales: int) -> _Table:
    """`scales` is the tensor that holds the scales of blocks."""
    if quant.block:
        kind = UNIONS["QuantizationDetails"].index("BlockwiseQuantization")
        blocks = {"scales": scales, "zero_points": -1, "block_size": quant.block}
        return {"details_type": kind, "details": ("BlockwiseQuantization", blocks)}
    return {
        "scale": np.asarray(quant.scale, np.float32),
        "zero_point": np.asarray(quant.zero_point, np.int64),
        **_nonzero(quantized_dimension=quant.axis or 0),
    }


def _operator(node: Node, places: _Places, known: _Known) -> _Table:
    op = node.op
    key = (op.code, getattr(op, "custom_code", ""), op.version(node))
    table = _nonzero(opcode_index=known.codes.setdefault(key, len(known.codes)))
    table["inputs"] = tuple([-1 if value is None else places[value] for value in node.inputs])
    table["outputs"] = tuple([places[value] for value in node.outputs])
    if intermediates := getattr(op, "intermediates", ()):
        table["intermediates"] = tuple(places[value] for value in intermediates)
    options = _kept_options(op) if isinstance(op, Opaque) else _options(op)
    table.update(_numbered(options, known.graphs) if op.graphs else options)
    return table


def _numbered(option: Any, numbers: Mapping[Graph, int]) -> Any:
    """The options with the number of each graph in place of the graph."""
    if isinstance(option, Graph):
        return numbers[option]
    if isinstance(option, Mapping):
        return {name: _numbered(part, numbers) for name, part in option.items()}
    return tuple(_numbered(part, numbers) for part in option) if isinstance(option, tuple) else option


def _kept_options(op: Opaque) -> _Table:
    """The options of an operator that is written as it was read."""
    table: _Table = {}
    for union, name in (("builtin_options", "BuiltinOptions"), ("builtin_options_2", "BuiltinOptions2")):
        if op.table in UNIONS[name][1:]:
            table[f"{union}_type"] = UNIONS[name].index(op.table)
            table[union] = (op.table, op.options)
    if op.custom_options is not None:
        table["custom_options"] = op.custom_options
    if op.mutating_inputs:
        table["mutating_variable_inputs"] = op.mutating_inputs
    return table


def _options(op: Op) -> _Table:
    """The options of an op that Octavo knows: its fields, as far as they differ from the schema's defaults."""
    entry = _entry(op)
    if not entry.options:
        return {}
    defaults = _fields(type(op), entry.options)  # type: ignore[arg-type]  # classes do hash
    given = ((name, getattr(op, name), default) for name, default in defaults)
    values = {name: _plain(value) for name, value, default in given if value not in (None, (), default)}
    union = "builtin_options" if entry.union == 1 else "builtin_options_2"
    return {f"{union}_type": entry.union_type, union: (entry.options, values)}


def _entry(op: Op) -> Operator:
    try:
        return operator(op.code)
    except KeyError:
        raise InternalError(f"the schema has no operator {op.code!r}", where=repr(op)) from None


@cache
def _fields(kind: type[Op], table: str) -> tuple[tuple[str, Any], ...]:
    """The fields of the op, with the schema's defaults."""
    defaults = {field.name: field.default for field in layout(table)}
    if unknown := {field.name for field in fields(kind)} - defaults.keys():
        raise InternalError(f"{table} has no field {sorted(unknown)}", where=kind.__name__)
    return tuple((field.name, defaults[field.name]) for field in fields(kind))


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _operator_code(code: str, custom: str, version: int) -> _Table:
    number = operator(code).number
    table = _nonzero(deprecated_builtin_code=min(number, _LAST_BYTE_CODE), builtin_code=number)
    if custom:
        table["custom_code"] = custom
    return {**table, "version": version} if version != 1 else table


def _signature(signature: Signature, model: Model, places: Sequence[_Places]) -> _Table:
    index = model.graphs.index(signature.graph)
    graph = signature.graph
    return {
        "inputs": _tensor_map(signature.inputs, graph.inputs, places[index]),
        "outputs": _tensor_map(signature.outputs, graph.outputs, places[index]),
        "signature_key": signature.key,
        **_nonzero(subgraph_index=index),
    }


def _tensor_map(names: Sequence[str], values: Sequence[Value], places: _Places) -> list[_Table]:
    pairs = zip(names, values, strict=True)
    return [{"name": name, **_nonzero(tensor_index=places[value])} for name, value in pairs]


def _nonzero(**values: int) -> _Table:
    """The values that are not 0, their default."""
    return {name: value for name, value in values.items() if value}
