"""`.tflite` -> Model, generically over operators. Constants are views of the mapped file.

Shapes and dtypes are those of the file. A dimension that the file leaves open becomes a symbol: `batch` for the first,
`dim_1`, `dim_2` … for the others of an input; those of later tensors follow from the operators where these can tell.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from octavo.errors import Gap, Invalid, Unreadable, Unsupported
from octavo.ir.graph import Graph, Model, Signature, Value
from octavo.read.flatbuffer import Array, FlatbufferFile, Table
from octavo.read.tflite_graph import Reading, read_graph
from octavo.read.tflite_operator import OperatorCode
from octavo.schema.layout import codes

IDENTIFIER: Final = b"TFL3"
SCHEMA_VERSION: Final = 3

Content = bytes | bytearray | memoryview


def read_tflite(source: str | os.PathLike[str] | Content) -> Model:
    """The model in a file, which stays mapped as long as a constant is in use, or in bytes.

    Raises:
        Unreadable: no `.tflite` file, or a damaged one.
        Invalid: the file was read, but contradicts itself.
        Unsupported: the model holds things that the IR cannot keep; all of them are listed.
    """
    file = _opened(source)
    root = file.root("Model")
    if root.get("version") != SCHEMA_VERSION:
        raise Unreadable(f"schema version {root.get('version')}, where 3 is the only one known", where=file.where)
    buffers = [_content(table) for table in root.get("buffers") or ()]
    gaps: list[Gap] = []
    known = [_operator_code(table, gaps) for table in root.get("operator_codes") or ()]
    tables = root.get("subgraphs") or ()
    graphs = [Graph(table.get("name") or "") for table in tables]
    called = {table.get("subgraph_index") for table in root.get("signature_defs") or ()} | {0}
    reading = Reading(buffers, known, graphs, gaps)
    tensors = [
        read_graph(tables[number], graphs[number], reading, is_body=number not in called)
        for number in reversed(range(len(graphs)))  # bodies stand behind what runs them, whose types they tell
    ][::-1]
    if gaps:
        raise Unsupported("the model holds what Octavo cannot keep", gaps=gaps, where=file.where)
    if not graphs:
        raise Invalid("the model has no graph", where=file.where)
    return Model(
        graphs,
        [_signature(table, graphs, tensors) for table in root.get("signature_defs") or ()],
        {table.get("name") or "": _metadata(table, buffers) for table in root.get("metadata") or ()},
        root.get("description") or "",
    )


def ranges_of(content: Content) -> list[dict[str, tuple[float, float]]]:
    """The ranges that stand beside the float tensors of a file, by name, for each graph: what a calibration has seen.

    Raises: as `read_tflite`.
    """
    return [
        {
            tensor.get("name") or "": ends
            for tensor in table.get("tensors") or ()
            if (ends := _range(tensor.get("quantization"))) is not None
        }
        for table in _opened(content).root("Model").get("subgraphs") or ()
    ]


def _range(quantization: Table | None) -> tuple[float, float] | None:
    low, high = (None, None) if quantization is None else (quantization.get("min"), quantization.get("max"))
    return None if low is None or high is None or low.size != 1 or high.size != 1 else (float(low[0]), float(high[0]))


def _opened(source: str | os.PathLike[str] | Content) -> FlatbufferFile:
    if isinstance(source, bytes | bytearray | memoryview):
        data, where = np.frombuffer(source, np.uint8), "the given bytes"
    else:
        data, where = _mapped(Path(source)), str(source)
    if bytes(data[4:8]) != IDENTIFIER:
        raise Unreadable(
            "not a .tflite file: bytes 4 to 8 are not TFL3",
            where=where,
            hint="SavedModel directories, .keras, .h5 and frozen graphs are recognized by their names",
        )
    return FlatbufferFile(data, where)


def _mapped(path: Path) -> Array:
    try:
        with path.open("rb") as file:
            return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    except OSError as error:
        raise Unreadable(f"cannot be opened: {error.strerror or error}", where=str(path)) from error
    except ValueError as error:  # what mmap says of an empty file
        raise Unreadable("the file is empty", where=str(path)) from error


def _content(table: Table) -> Array | None:
    """The bytes of a buffer: inside the flatbuffer, or behind it."""
    data = table.get("data")
    return table.behind("offset", "size") if data is None or not data.size else data


def _operator_code(table: Table, gaps: list[Gap]) -> OperatorCode:
    """Old writers know only the byte; newer codes do not fit it, and then it holds 127."""
    number = max(table.get("deprecated_builtin_code"), table.get("builtin_code"))
    name = codes().get(number, "")
    if not name:
        gaps.append(Gap(f"operator {number}", "the table of operators", "it is newer than the schema of this release"))
    return OperatorCode(name, table.get("custom_code") or "", table.get("version"))


def _metadata(table: Table, buffers: Sequence[Array | None]) -> bytes:
    index = table.get("buffer")
    if index >= len(buffers):
        raise Invalid(f"metadata {table.get('name')!r} is in buffer {index} of {len(buffers)}")
    data = buffers[index]
    return b"" if data is None else data.tobytes()


def _signature(table: Table, graphs: Sequence[Graph], tensors: Sequence[Sequence[Value | None]]) -> Signature:
    key, index = table.get("signature_key") or "", table.get("subgraph_index")
    if index >= len(graphs):
        raise Invalid(f"signature {key!r} is of graph {index} of {len(graphs)}")
    graph = graphs[index]
    names = [_names(table.get(side) or (), values, tensors[index], key) for side, values in _sides(graph)]
    return Signature(key, graph, *names)


def _sides(graph: Graph) -> Iterable[tuple[str, list[Value]]]:
    return ("inputs", graph.inputs), ("outputs", graph.outputs)


def _names(maps: Sequence[Any], values: Sequence[Value], tensors: Sequence[Value | None], key: str) -> tuple[str, ...]:
    """The names that a signature gives to `values`; the tensor's own where it gives none."""
    given: dict[Value, list[str]] = {}
    for entry in maps:
        index = entry.get("tensor_index")
        value = tensors[index] if index < len(tensors) else None
        if value is None or value not in values:
            raise Invalid(f"signature {key!r} names tensor {index}, which its graph neither takes nor gives")
        given.setdefault(value, []).append(entry.get("name") or "")
    return tuple(given[value].pop(0) if given.get(value) else value.name for value in values)
