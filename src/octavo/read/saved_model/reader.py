"""A SavedModel directory, read without TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from octavo.errors import Unreadable, Unsupported, UsageError
from octavo.ir.source import SourceGraph, SourceModel
from octavo.read.saved_model.bundle import Bundle
from octavo.read.saved_model.graphs import functions_of, graph_of
from octavo.read.saved_model.op_definitions import OpDefinitions
from octavo.read.saved_model.protos import parse
from octavo.read.saved_model.signatures import signatures_of
from octavo.read.saved_model.tables import with_assets, with_tables
from octavo.read.saved_model.variables import HANDLES, Variables, resolve

SERVE = frozenset({"serve"})


def read_saved_model(path: Path, *, tags: frozenset[str] = SERVE, verify: bool = False) -> SourceModel:
    """The source model in the SavedModel directory `path`: the graph with exactly these `tags`.

    Function bodies are parsed and variables mapped when they are looked up. With `verify`, each variable's
    checksum is checked when it is read; the index of the variables always is.

    Raises `UsageError` for a path or tags that do not exist, `Unreadable` for missing, truncated or damaged
    files, `Invalid` for a model that contradicts itself, `Unsupported` for forms that TensorFlow can
    also write (text, split files).
    """
    path = Path(path)
    file = _model_file(path)
    where = str(file)
    meta_graph = _meta_graph(parse("SavedModel", file.read_bytes(), where=where), tags, where=where)
    definitions = OpDefinitions(meta_graph.meta_info_def.stripped_op_list, where=f"{where}, op definitions")
    graph = with_assets(graph_of(meta_graph.graph_def, definitions), meta_graph, path / "assets", where=where)
    functions = functions_of(meta_graph.graph_def, definitions)
    signatures, notes = signatures_of(meta_graph, graph)
    bundle = _bundle(path / "variables" / "variables", graph, verify=verify)
    stored = resolve(meta_graph, graph, functions, bundle=bundle, where=where) if bundle else {}
    graph, tables = with_tables(graph, functions, bundle)
    return SourceModel(
        name=path.resolve().name,
        path=str(path),
        graph=graph,
        functions=functions,
        variables=Variables(stored, graph=graph, bundle=bundle, where=where),
        signatures=signatures,
        notes=notes,
        tables=tables,
        definitions=definitions,
    )


def _model_file(path: Path) -> Path:
    if not path.is_dir():
        problem = "is a file" if path.exists() else "does not exist"
        raise UsageError(f"{str(path)!r} {problem}", hint="name the directory that holds saved_model.pb")
    file = path / "saved_model.pb"
    if file.is_file():
        return file
    for suffix, form in ((".pbtxt", "as text"), (".cpb", "in chunks, as for models above 2 GB")):
        if file.with_suffix(suffix).exists():
            raise Unsupported(
                f"the model is stored {form}, which cannot be read yet",
                where=str(file.with_suffix(suffix)),
                hint="load and save it again as binary saved_model.pb, with weights as variables",
            )
    raise Unreadable(
        f"{path.absolute().name!r} is no SavedModel: it holds no saved_model.pb",
        where=str(path),
        hint="name the directory that holds saved_model.pb",
    )


def _meta_graph(saved_model: Any, tags: frozenset[str], *, where: str) -> Any:
    known = [frozenset(meta_graph.meta_info_def.tags) for meta_graph in saved_model.meta_graphs]
    if not known:
        raise Unreadable("the file holds no graph", where=where, hint="it is empty or damaged; save the model again")
    if tags not in known:
        sets = "; ".join(", ".join(sorted(each)) or "(none)" for each in known)
        raise UsageError(
            f"the model has no graph with the tags {', '.join(sorted(tags)) or '(none)'}",
            where=where,
            hint=f"its graphs have the tags: {sets}",
        )
    return saved_model.meta_graphs[known.index(tags)]


def _bundle(prefix: Path, graph: SourceGraph, *, verify: bool) -> Bundle | None:
    """The variables' values; None for a model of constants only, which has no such directory."""
    if prefix.with_name(prefix.name + ".index").exists():
        return Bundle(prefix, verify=verify)
    handles = [node.name for node in graph.of(HANDLES)]
    if handles:
        raise Unreadable(
            f"the model has {len(handles)} variables ({handles[0]!r}, …), but their values are missing",
            where=str(prefix) + ".index",
            hint="copy the whole model directory, with its folder 'variables'",
        )
    return None
