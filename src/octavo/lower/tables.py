"""TensorFlow's lookup tables: what fills them is known before the model runs."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from octavo.ir.build import Builder
from octavo.ir.graph import Graph, Model, Value
from octavo.ir.op import NotLoweredError
from octavo.ir.source import Array, SourceNode
from octavo.lower.item import Handle, Item
from octavo.ops.hashtable import Hashtable, Table, filled, find

Contents = Callable[[str], Table]
"""What the table of this node holds."""


def read_table(
    node: SourceNode, inputs: Sequence[Item], build: Builder, contents: Contents
) -> Iterator[tuple[int, Item, Table | None]]:
    """What a source op gives that reads a table, and the table that the runtime must keep for it, if any.

    Raises:
        NotLoweredError: the table is not known, or has keys of which LiteRT has no tables.
    """
    handle, *given = inputs
    if not isinstance(handle, Handle):
        return
    table = contents(handle.node)
    if "Size" in node.op:
        yield 0, build.const(np.array(len(table.keys), np.int64)), None
    elif "Export" in node.op:
        yield 0, build.const(table.keys), None
        yield 1, build.const(table.values), None
    else:
        keys, default = given
        if not isinstance(keys, Value) or not isinstance(default, Value):
            return
        if default.const is None:
            raise NotLoweredError("what it gives for unknown keys must be known before the model runs")
        value, kept = find(build, table, keys, default.const)
        yield 0, value, kept


def table_of(node: SourceNode, filling: SourceNode | None, given: Sequence[Array]) -> Table:
    """The table of a node, which `filling` fills from the first of the arrays `given`.

    A dense table takes two more, keys that mark free places: such keys come with its content, and mean nothing.

    Raises:
        NotLoweredError: nothing fills it, though it cannot be filled while the model runs.
    """
    number = zlib.crc32(node.name.encode()) & 0x7FFFFFFF
    if filling is None and not node.op.startswith("Mutable"):
        raise NotLoweredError("nothing in the model fills its table")
    if filling is None:
        shape = tuple(size or 0 for size in node.attrs.get("value_shape") or ())
        return Table(number, np.empty(0, node.attrs["key_dtype"]), np.empty((0, *shape), node.attrs["value_dtype"]))
    keys, values = _from_file(node, filling, given[0]) if "TextFile" in filling.op else (given[0], given[1])
    marks = [mark.item() for mark in given[len(given) - len(node.inputs) :]]
    last = {key: place for place, key in enumerate(keys.ravel().tolist()) if key not in marks}
    chosen = list(last.values())
    return Table(number, keys.ravel()[chosen], values.reshape(keys.size, *values.shape[keys.ndim :])[chosen])


def fill_tables(graph: Graph, tables: Mapping[int, Table]) -> None:
    """Let the graph fill, before all else, those tables that it or what it runs looks into."""
    ops = [node.op for each in (graph, *Model([graph]).bodies) for node in each]
    used = sorted({op.table_id for op in ops if isinstance(op, Hashtable)})
    if used:
        filled(Builder(graph, before=next(iter(graph)), origin=("tables",)), [tables[number] for number in used])


_LINE, _NUMBER = -2, -1
"""What stands for a whole line, and for its number, among the numbers of columns."""


def _from_file(node: SourceNode, filling: SourceNode, content: Array) -> tuple[Array, Array]:
    """Keys and values as columns of the content of a text file (tensorflow/core/kernels/lookup_util.cc)."""
    attrs = filling.attrs
    lines = content.item().replace(b"\r", b"").split(b"\n")
    lines = lines[:-1] if lines and not lines[-1] else lines
    size = attrs.get("vocab_size", -1)
    rows = lines if size < 0 else lines[:size]
    columns = []
    for index, dtype in (
        (attrs["key_index"], node.attrs["key_dtype"]),
        (attrs["value_index"], node.attrs["value_dtype"]),
    ):
        columns.append(_column(rows, index, dtype, attrs))
    return columns[0], columns[1]


def _column(rows: Sequence[bytes], index: int, dtype: np.dtype[Any], attrs: Mapping[str, Any]) -> Array:
    if index == _NUMBER:
        first = int(attrs.get("offset", 0))
        return np.arange(first, first + len(rows)).astype(dtype)
    delimiter = attrs.get("delimiter", "\t").encode()
    parts = list(rows) if index == _LINE else [row.split(delimiter)[index] for row in rows]
    made: Array = np.empty(len(parts), object)
    made[:] = parts
    if dtype.kind != "O":
        made = np.array([part.decode() for part in parts]).astype(dtype)
    return made
