"""What lookup tables hold: the operation that fills each, with what it reads as nodes of the main graph.

A table is filled by an initializer, in the main graph (TensorFlow 1) or in a function that this calls (TensorFlow 2),
and one that may change while the model runs is filled anew when the model is restored, from the checkpoint. Files that
initializers read, the assets, are written into the graph as their paths.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from octavo.errors import Invalid, Unreadable
from octavo.ir.source import FunctionName, SourceGraph, SourceNode, SourceRef
from octavo.read.saved_model.bundle import Bundle
from octavo.read.saved_model.graphs import tensor_ref
from octavo.read.saved_model.protos import parse
from octavo.read.saved_model.variables import restored

_FILLS: Final = frozenset(
    f"{name}{version}"
    for name in ("InitializeTable", "InitializeTableFromTextFile", "LookupTableImport")
    for version in ("", "V2")
)
_TABLES: Final = frozenset(
    f"{name}{version}"
    for name in ("HashTable", "MutableHashTable", "MutableHashTableOfTensors", "MutableDenseHashTable")
    for version in ("", "V2")
)
_CALLS: Final = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_ASSETS: Final = "saved_model_assets"
_HANDING: Final = frozenset({"Identity", "ReadVariableOp"})


def with_assets(graph: SourceGraph, meta_graph: Any, directory: Path, *, where: str) -> SourceGraph:
    """The graph with the path of each asset as a constant, in place of the node that stands for it.

    Raises:
        Invalid: an asset is said to lie outside of the model's directory.
    """
    assets = list(_assets(meta_graph, where))
    if not assets:
        return graph
    nodes = dict(graph.nodes)
    for asset in assets:
        if Path(asset.filename).name != asset.filename:
            raise Invalid(f"the asset {asset.filename!r} is no name of a file", where=where)
        path = np.array(str(directory / asset.filename).encode(), object)
        name = tensor_ref(asset.tensor_info.name).node
        nodes[name] = SourceNode(name, "Const", (), {"value": path, "dtype": path.dtype})
    return replace(graph, nodes=nodes)


def _assets(meta_graph: Any, where: str) -> Iterator[Any]:
    """The AssetFileDefs, of which TensorFlow 1 has made a collection."""
    yield from meta_graph.asset_file_def
    if _ASSETS in meta_graph.collection_def:
        collection = parse("CollectionDef", meta_graph.collection_def[_ASSETS], where=where)
        for packed in collection.any_list.value:
            yield parse("AssetFileDef", packed.value, where=where)


def with_tables(
    graph: SourceGraph, functions: Mapping[str, SourceGraph], bundle: Bundle | None = None
) -> tuple[SourceGraph, dict[str, SourceNode]]:
    """The graph with all that fills tables in it, and the node that fills each table last, by the table's node."""
    if next(iter(graph.of(_TABLES)), None) is None:
        return graph, {}
    filling = _Filling(graph, functions, bundle)
    for node in graph.of(_FILLS):
        filling.take(node, graph, "", {})
    for node in graph.of(_CALLS):
        if isinstance(node.attrs["f"], FunctionName):
            body = functions[node.attrs["f"]]
            given = dict(zip((argument.name for argument in body.arguments), node.inputs, strict=True))
            for inner in body.of(_FILLS):
                filling.take(inner, body, f"{node.name}/", given)
    return replace(graph, nodes=filling.nodes), filling.tables


class _Filling(Struct):
    """The main graph while fillings are brought into it."""

    graph: SourceGraph
    functions: Mapping[str, SourceGraph]
    bundle: Bundle | None
    tables: dict[str, SourceNode] = field(default_factory=dict)
    nodes: dict[str, SourceNode] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    """The tables whose content comes from the checkpoint: no initializer fills these later."""

    def __post_init__(self) -> None:
        self.nodes = dict(self.graph.nodes)

    def take(self, node: SourceNode, home: SourceGraph, prefix: str, given: Mapping[str, SourceRef]) -> None:
        """Note what fills a table: a node of `home`, whose arguments are `given` by the main graph."""
        table = self._through(given.get(node.inputs[0].node, node.inputs[0])).node
        stored = [restored(home, ref) if ref.node not in given else None for ref in node.inputs[1:]]
        if table not in self.nodes or (table in self.kept and None in stored):
            return
        sources = [table_ref := SourceRef(table)]
        for ref, known in zip(node.inputs[1:], stored, strict=True):
            if known is None:
                sources.append(self._through(self._brought(ref, home, prefix, given)))
            elif self.bundle is None or known.key not in self.bundle:
                return
            else:
                value = self.bundle.read(known.key, known.part)
                name = f"{table}/{known.key}"
                self.nodes[name] = SourceNode(name, "Const", (), {"value": value, "dtype": value.dtype})
                sources.append(SourceRef(name))
        if "TextFile" in node.op:
            sources[1] = self._content(sources[1])
        if None not in stored:
            self.kept.add(table_ref.node)
        self.tables[table] = replace(node, name=f"{prefix}{node.name}", inputs=tuple(sources))

    def _content(self, path: SourceRef) -> SourceRef:
        """A constant with the content of a file.

        Raises:
            Unreadable: there is no such file.
        """
        node = self.nodes.get(path.node)
        file = Path(node.attrs["value"].item().decode()) if node is not None and node.op == "Const" else None
        if file is None or not file.is_file():
            raise Unreadable(
                "a file that fills a lookup table is missing",
                where=path.node if file is None else str(file),
                hint="copy the whole model directory, with its folder 'assets'",
            )
        content, name = np.array(file.read_bytes(), object), f"{path.node}/content"
        self.nodes[name] = SourceNode(name, "Const", (), {"value": content, "dtype": content.dtype})
        return SourceRef(name)

    def _brought(self, ref: SourceRef, home: SourceGraph, prefix: str, given: Mapping[str, SourceRef]) -> SourceRef:
        """A tensor of a function as one of the main graph, with the nodes that make it."""
        if not prefix:
            return ref
        stack = [ref.node]
        while stack:
            node = home.nodes.get(stack.pop())
            if node is not None and f"{prefix}{node.name}" not in self.nodes:
                inputs = tuple(_outside(each, prefix, given) for each in node.inputs)
                self.nodes[f"{prefix}{node.name}"] = replace(node, name=f"{prefix}{node.name}", inputs=inputs)
                stack += [each.node for each in node.inputs]
        return _outside(ref, prefix, given)

    def _through(self, ref: SourceRef) -> SourceRef:
        """Where a tensor of the main graph comes from: an asset's path is kept in a variable of its own."""
        node = self.nodes.get(ref.node)
        while node is not None and node.op in _HANDING:
            ref = next(self._assigned(node.inputs[0]), node.inputs[0])
            node = self.nodes.get(ref.node)
        return ref

    def _assigned(self, variable: SourceRef) -> Iterator[SourceRef]:
        return (node.inputs[1] for node in self.graph.of({"AssignVariableOp"}) if node.inputs[0] == variable)


def _outside(ref: SourceRef, prefix: str, given: Mapping[str, SourceRef]) -> SourceRef:
    return given.get(ref.node, SourceRef(f"{prefix}{ref.node}", ref.output))
