"""A frozen graph, read without TensorFlow: a GraphDef file, binary (`.pb`) or text (`.pbtxt`).

Such a file does not say what goes in and out. Unless the caller does, the inputs are the placeholders that the
outputs need, and the outputs are the tensors that nobody reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from octavo.errors import Invalid, Unreadable, Unsupported, UsageError, did_you_mean
from octavo.ir.source import Shape, SourceGraph, SourceModel, SourceNode, SourcePort, SourceRef, SourceSignature
from octavo.read.saved_model.dtypes import DType
from octavo.read.saved_model.graphs import functions_of, graph_of, tensor_ref
from octavo.read.saved_model.op_definitions import OpDefinitions
from octavo.read.saved_model.protos import message, parse
from octavo.read.saved_model.tables import with_tables
from octavo.read.saved_model.variables import HANDLES, Variables

_SILENT = frozenset({"Const", "NoOp", "Placeholder", "PlaceholderWithDefault", "Assert", *HANDLES})
"""Ops that are no output of a model, even if nobody reads them."""
_DTYPES = ("dtype", "DstT", "Tparams", "output_type", "out_type", "T")
"""Attributes that say what a node's first output holds, the most telling first."""
_ENUM = re.compile(r"^(\s*(?:d?type|list_type): )\[?(DT_\w+)\]?", re.MULTILINE)
_NAMES = (
    "INVALID FLOAT DOUBLE INT32 UINT8 INT16 INT8 STRING COMPLEX64 INT64 BOOL QINT8 QUINT8 QINT32 BFLOAT16 QINT16 "
    "QUINT16 UINT16 COMPLEX128 HALF RESOURCE VARIANT UINT32 UINT64"
)
_NUMBERS = {f"DT_{name}": str(number) for number, name in enumerate(_NAMES.split())}
"""The numbers of enum DataType, from tensorflow/core/framework/types.proto."""


def read_graph_def(
    path: Path, *, inputs: Sequence[str] | None = None, outputs: Sequence[str] | None = None
) -> SourceModel:
    """The frozen graph in the file `path`, with one signature "serving_default" that is named by its nodes.

    `inputs` and `outputs` name tensors (`node`, or `node:1`). An input may stand anywhere: what comes before it,
    such as the decoding of audio, is left out.

    Raises:
        UsageError: `inputs` or `outputs` name a node that the graph does not hold.
        Unreadable: the file is no GraphDef, or is damaged.
        Invalid: the graph contradicts itself, or has no output.
        Unsupported: it is text and has functions.
    """
    path = Path(path)
    where = str(path)
    graph_def = _message(path)
    if not graph_def.node:
        raise Unreadable(
            "the file holds no graph",
            where=where,
            hint="a frozen graph is a GraphDef; of a SavedModel, name the directory",
        )
    definitions = OpDefinitions()
    graph = graph_of(graph_def, definitions)
    _check_names([*(inputs or ()), *(outputs or ())], graph, where=where)
    ends = [tensor_ref(text) for text in outputs] if outputs else _unread(graph, where=where)
    starts = [tensor_ref(text) for text in inputs] if inputs else _placeholders(graph, ends)
    signature = SourceSignature("serving_default", _ports(graph, starts), _ports(graph, ends))
    functions = functions_of(graph_def, definitions)
    graph, tables = with_tables(graph, functions)
    return SourceModel(
        name=path.stem,
        path=where,
        graph=graph,
        functions=functions,
        variables=Variables({}, graph=graph, bundle=None, where=where),
        signatures=(signature,),
        tables=tables,
        definitions=definitions,
    )


def _message(path: Path) -> Any:
    if path.suffix != ".pbtxt":
        return parse("GraphDef", path.read_bytes(), where=str(path))
    from google.protobuf import text_format

    try:
        text = _ENUM.sub(_numbered, path.read_text("utf-8"))
        return text_format.Parse(text, message("GraphDef")(), allow_unknown_field=True)
    except UnicodeDecodeError as error:
        raise Unreadable("the file is not text", where=str(path), hint="binary graphs end in .pb") from error
    except text_format.ParseError as error:
        if re.search(r"^library\s*\{", text, re.MULTILINE):
            raise Unsupported(
                "a graph with functions is read in binary form only", where=str(path), hint="save it as .pb"
            ) from error
        raise Unreadable(f"this is not the text of a GraphDef: {error}", where=str(path)) from error


def _numbered(found: re.Match[str]) -> str:
    """The dtype's number: text writes names of an enum that the parser does not know."""
    name = found[2].removesuffix("_REF")
    return found[1] + _NUMBERS.get(name, found[2])


def _check_names(names: Iterable[str], graph: SourceGraph, *, where: str) -> None:
    for name in names:
        node = tensor_ref(name).node
        if node not in graph.nodes:
            raise UsageError(f"the graph has no node {node!r}", where=where, hint=_nearest(node, graph))


def _nearest(name: str, graph: SourceGraph) -> str:
    """The near names, or those that are likely meant: the list of all would be long."""
    hint = did_you_mean(name, graph.nodes)
    if hint.startswith("did"):
        return hint
    likely = [n.name for n in graph.nodes.values() if n.op == "Placeholder"] + [r.node for r in _ends(graph)]
    return "known: " + ", ".join(likely)


def _ends(graph: SourceGraph) -> list[SourceRef]:
    read = {ref.node for node in graph.nodes.values() for ref in node.inputs}
    read |= {name for node in graph.nodes.values() for name in node.after}  # the pivots of TensorFlow 1's branches
    return [SourceRef(node.name) for node in graph.nodes.values() if node.name not in read and node.op not in _SILENT]


def _unread(graph: SourceGraph, *, where: str) -> list[SourceRef]:
    ends = _ends(graph)
    if not ends:
        raise Invalid("the graph computes nothing: it has no output", where=where)
    return ends


def _placeholders(graph: SourceGraph, ends: Iterable[SourceRef]) -> list[SourceRef]:
    """The placeholders that `ends` need, in the graph's order."""
    needed, stack = set[str](), [ref.node for ref in ends]
    while stack:
        name = stack.pop()
        if name not in needed:
            needed.add(name)
            stack += [ref.node for ref in graph.nodes[name].inputs]
    return [SourceRef(node.name) for node in graph.nodes.values() if node.op == "Placeholder" and node.name in needed]


def _ports(graph: SourceGraph, refs: Sequence[SourceRef]) -> tuple[SourcePort, ...]:
    return tuple(_port(graph.nodes[ref.node], ref) for ref in refs)


def _port(node: SourceNode, ref: SourceRef) -> SourcePort:
    name = f"{node.name}:{ref.output}" if ref.output else node.name
    return SourcePort(name, ref, _dtype(node), _shape(node.attrs, ref.output))


def _dtype(node: SourceNode) -> DType:
    """What the node's attributes say that it gives; float32 if they say nothing, as those of audio features do."""
    given = (node.attrs[name] for name in _DTYPES if name in node.attrs)
    return next((dtype for dtype in given if isinstance(dtype, np.dtype | str)), np.dtype(np.float32))


def _shape(attrs: Mapping[str, Any], output: int) -> Shape:
    """The declared shape of an output, if the node has one: placeholders do."""
    shapes = attrs.get("_output_shapes")
    shape: Shape = shapes[output] if shapes and output < len(shapes) else attrs.get("shape")
    return shape
