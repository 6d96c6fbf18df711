"""Which reader a model needs, told from what the user hands over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from octavo.errors import Unreadable, UsageError, nearest_file
from octavo.ir.graph import Model
from octavo.ir.source import SourceModel

KERAS = frozenset({".keras", ".h5", ".hdf5"})
"""How the files of Keras end."""
GRAPH = frozenset({".pb", ".pbtxt"})
"""How the files of frozen graphs end."""
SAVED_MODEL = "saved_model.pb"
"""The file that makes a directory a SavedModel."""


def read(
    model: Any,
    *,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    shapes: Mapping[str, Sequence[int | None]] | None = None,
    layers: Mapping[str, Callable[..., Any]] | None = None,
) -> SourceModel | Model:
    """The model, parsed: a `SourceModel` that is to be lowered, or, of a `.tflite`, a `Model`.

    `model` is the directory of a SavedModel, the path of a Keras file or of a frozen graph, a Keras model in memory,
    TensorFlow's functions or module in memory, or the path or the bytes of a `.tflite`. `inputs` and `outputs` name
    nodes of a frozen graph, which has no signature; all other models say themselves what goes in and out. `shapes` of
    inputs are for Keras models, whose layers are put together anew; shapes that other models leave open are filled in
    when they are lowered. `layers` are what Keras layers of the user's own compute, by the name of the class.

    Raises:
        UsageError: there is no such file, `model` is not of a kind that Octavo reads, or nodes are named of a model
            that is no frozen graph.
        Unsupported: a Keras model has layers that cannot be read.
        Unreadable: the file is damaged, or not of any known format.
    """
    is_graph = isinstance(model, str | Path) and Path(model).suffix in GRAPH and Path(model).name != SAVED_MODEL
    if (inputs or outputs) and not is_graph:
        raise UsageError(
            "inputs and outputs are named for frozen graphs (.pb) only",
            hint="choose among the signatures of a SavedModel, or leave them out",
        )
    if isinstance(model, bytes | bytearray | memoryview):
        return _from_tflite(bytes(model))
    if not isinstance(model, str | Path):
        return _from_memory(model, shapes, layers)
    path = Path(model)
    if not path.exists():
        raise UsageError("there is no such file or directory", where=str(path), hint=nearest_file(path))
    if path.is_dir() or path.name == SAVED_MODEL:
        from octavo.read.saved_model.reader import read_saved_model

        return read_saved_model(path if path.is_dir() else path.parent, verify=True)
    if is_graph:
        from octavo.read.graph_def import read_graph_def

        return read_graph_def(path, inputs=inputs, outputs=outputs)
    if path.suffix in KERAS:
        from octavo.read.keras.reader import read_keras

        return read_keras(path, shapes=shapes, own=layers)
    return _from_tflite(path)


def _from_memory(
    model: Any,
    shapes: Mapping[str, Sequence[int | None]] | None,
    layers: Mapping[str, Callable[..., Any]] | None,
) -> SourceModel:
    from octavo.read.functions import functions_in, read_functions
    from octavo.read.keras.live import is_keras, read_live

    if is_keras(model):
        return read_live(model, shapes=shapes, own=layers)
    if (functions := functions_in(model)) is not None:
        return read_functions(functions, name=str(getattr(model, "name", type(model).__name__)))
    raise UsageError(
        f"a model cannot be read from a {type(model).__module__}.{type(model).__qualname__}",
        hint="export it first: model.export(directory) in Keras, tf.saved_model.save(module, directory)",
    )


def _from_tflite(content: Path | bytes) -> Model:
    if _head(content)[4:] != b"TFL3":
        raise Unreadable(
            "this is no model that Octavo reads",
            where=str(content) if isinstance(content, Path) else "the bytes given",
            hint="it reads the directory of a SavedModel (saved_model.pb is in it), .keras, .h5, a frozen graph (.pb, "
            ".pbtxt) and .tflite",
        )
    from octavo.read.tflite import read_tflite

    return read_tflite(content)


def _head(content: Path | bytes) -> bytes:
    if isinstance(content, bytes):
        return content[:8]
    with content.open("rb") as file:
        return file.read(8)
