"""A Keras model in memory, read as its file would be. Nothing is imported that the model has not imported itself."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from octavo.errors import Invalid, Unsupported
from octavo.ir.source import Array, SourceModel
from octavo.read.keras.archive import Archive
from octavo.read.keras.reader import Own, Shapes, source_model
from octavo.read.keras.weights import NoWeights, Weights
from octavo.read.saved_model.reader import read_saved_model


def is_keras(model: Any) -> bool:
    """Whether `model` is a model of Keras 2 or 3."""
    return _framework(model) != ""


def read_live(model: Any, *, shapes: Shapes = None, own: Own = None) -> SourceModel:
    """The source model of a Keras model in memory. Its weights are copied now: training on does not change them.

    A model with layers of the user's own, or one that is a class itself, is exported by Keras to a folder for the
    moment, where that computes with TensorFlow. `shapes` and `own`: see
    `read_keras`.

    Raises:
        Unsupported: layers that cannot be expressed, or the model is a class that does not describe itself.
    """
    try:
        return _described(model, shapes, own)
    except Unsupported:
        exported = _exported(model)
        if exported is None:
            raise
        return exported


def _described(model: Any, shapes: Shapes, own: Own) -> SourceModel:
    """The model as its own description has it. Inputs are called as their tensors, which is what Keras exports.

    Raises:
        Unsupported: see `read_live`.
    """
    keras = sys.modules[_framework(model)]
    where = _where(model)
    try:
        entry = json.loads(json.dumps(keras.saving.serialize_keras_object(model)))  # tuples become lists, as in files
    except (NotImplementedError, TypeError, ValueError) as error:
        raise Unsupported(
            f"the model does not describe itself: {error}",
            where=where,
            hint="export a SavedModel, model.export(directory), and convert the directory",
        ) from error
    archive = Archive(Path(model.name), entry, LiveWeights(model, where), None, str(keras.__version__))
    names = [str(tensor.name) for tensor in getattr(model, "inputs", None) or ()]
    return source_model(archive, names=names, shapes=shapes, own=own)


def _exported(model: Any) -> SourceModel | None:
    """The model as Keras exports it; None where that needs another package, or the model does not know its inputs."""
    framework = _framework(model)
    if framework == "keras" and sys.modules["keras"].backend.backend() != "tensorflow":
        return None
    quiet = {"verbose": False} if framework == "keras" else {}
    with tempfile.TemporaryDirectory() as directory:
        try:
            model.export(directory, **quiet)
        except (ValueError, TypeError, NotImplementedError):  # it was never called, or takes more than tensors
            return None
        source = read_saved_model(Path(directory))
        return replace(source, name=model.name, path=_where(model), variables=dict(source.variables))


def _where(model: Any) -> str:
    return f"the model {model.name!r} in memory"


@dataclass(frozen=True, slots=True)
class LiveWeights:
    """The weights of a layer in memory."""

    layer: Any
    path: str

    def get(self, index: int, name: str) -> Array:
        """Found by its name among the layer's variables, or by its index."""
        named = [v for v in self.layer.weights if v.name.partition(":")[0].rpartition("/")[2] == name]
        found = named if len(named) == 1 else self.layer.weights[index : index + 1]
        if not found:
            raise Invalid(f"the layer has no weight {name!r}", where=f"{self.path}, {self.layer.name!r}")
        array: Array = np.array(found[0].numpy())
        return array.astype(np.float32, copy=False) if array.dtype.kind in "fV" else array

    def part(self, child: str, name: str | None) -> Weights:
        """A layer of a model, or a cell of a stack, by its name; of a layer, by the attribute."""
        several, _, one = child.partition("/")
        found = getattr(self.layer, several, getattr(self.layer, f"_{several}", None))
        if one:
            layers: Iterable[Any] = found or ()
            found = next((layer for layer in layers if layer.name == name), None)
        path = f"{self.path}, {self.layer.name!r}"
        return NoWeights(path) if found is None else LiveWeights(found, path)  # a Sequential hides its input layer

    def count(self) -> int:
        """The number of weights, those of inner layers with them."""
        return len(self.layer.weights)

    def asset(self, name: str) -> bytes | None:  # noqa: ARG002  # the only one
        """The vocabulary, as archives have it."""
        words = getattr(self.layer, "get_vocabulary", None)
        return None if words is None else "\n".join(map(str, words())).encode()


def _framework(model: Any) -> str:
    """The module that the model is of: "keras", "tf_keras", or "" for neither."""
    if not all(hasattr(model, name) for name in ("layers", "weights", "get_config")):
        return ""
    modules = [kind.__module__.partition(".")[0] for kind in type(model).__mro__]
    return next((name for name in ("keras", "tf_keras") if name in modules and name in sys.modules), "")
