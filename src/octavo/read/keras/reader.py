"""A Keras file as a source model, without Keras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from octavo.errors import Invalid, Unsupported, UsageError
from octavo.ir.dim import Dim, symbol
from octavo.ir.source import Shape, SourceGraph, SourceModel, SourcePort, SourceSignature
from octavo.read.keras.archive import Archive, open_archive
from octavo.read.keras.calls import structure_of
from octavo.read.keras.emitter import Emitter, Tensor
from octavo.read.keras.layer import Meaning
from octavo.read.keras.model import ModelRunner, is_model, is_sequential, layers_of, name_of

Shapes = Mapping[str, Sequence[int | None]] | None
"""Shapes of inputs by name."""
Own = Mapping[str, Meaning] | None
"""What layers of the user's own compute, by the name of the class."""
_EXPORT = "export a SavedModel where the model can be loaded: model.export(directory), and convert the directory"
_OWN = "say what your own layers compute: octavo.convert(…, layers={{{0!r}: function}}); or "
_CONTRADICTS = "the file contradicts itself; save the model again"


def read_keras(path: Path, *, shapes: Shapes = None, own: Own = None) -> SourceModel:
    """The model in a `.keras` archive, or in an HDF5 file of Keras 2 or 3.

    `shapes` gives inputs, by name, other shapes than the file declares: layers are put together anew, so that those
    which allow it (convolutions do, a dense layer on flattened pictures does not) take another size. `own` are
    functions `(layer, *inputs) -> tensor` by the name of the class, with or without its package, before Octavo's.

    Its only signature is "serving_default": inputs have the names of the input layers, outputs are `output_0`,
    `output_1`, …, or the keys of a dict, as TensorFlow's converter names them. All computes in float32, whatever
    the layers' precision.

    Raises:
        Unreadable: the file is damaged or incomplete.
        Invalid: configuration and weights contradict each other.
        UsageError: a shape has another rank than the input.
        Unsupported: layers that cannot be expressed, all of them with their classes.
    """
    path = Path(path)
    archive = open_archive(path)
    return source_model(archive, shapes=shapes, own=own)


def source_model(archive: Archive, *, names: Sequence[str] = (), shapes: Shapes = None, own: Own = None) -> SourceModel:
    """The source model of a serialized Keras model and its weights.

    `names` are those of the inputs in Keras's order, where they differ from the layers'.

    Raises:
        Invalid, Unsupported: see `read_keras`.
    """
    model, path = archive.model, str(archive.path)
    if not is_model(model):
        raise Unsupported(
            f"the model is a {model['class_name']}: its file does not say how its layers are connected",
            where=path,
            hint=_EXPORT,
        )
    emit = Emitter()
    try:
        layers = _inputs(model)
        called = names if len(names) == len(layers) else [name for name, _ in layers]
        inputs = [
            _placeholder(emit, name, config, (shapes or {}).get(name))
            for name, (_, config) in zip(called, layers, strict=True)
        ]
        runner = ModelRunner(emit, archive.listed, keras2=archive.keras2, own=own or {})
        outputs = runner.run(model, [tensor for tensor, _ in inputs], archive.root)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise Invalid(
            f"the configuration is not what Keras writes: {error!r}", where=path, hint=_CONTRADICTS
        ) from error
    if runner.gaps:
        raise Unsupported(
            f"{len(runner.gaps)} layer(s) of the model cannot be read",
            gaps=runner.gaps,
            where=path,
            hint=(_OWN.format(runner.unknown[0]) if runner.unknown else "") + _EXPORT,
        )
    return SourceModel(
        name=archive.path.stem,
        path=path,
        graph=SourceGraph("main", emit.nodes),
        functions=emit.functions,
        variables={},
        signatures=(_signature(model, inputs, [tensor for tensor in outputs if tensor is not None]),),
        notes=tuple(runner.notes),
        tables=emit.tables,
    )


def _signature(
    model: Mapping[str, Any], inputs: Sequence[tuple[Tensor, Shape]], outputs: Sequence[Tensor]
) -> SourceSignature:
    keys = [] if is_sequential(model) else [key for key, _ in structure_of(model["config"]["output_layers"])]
    given = [SourcePort(tensor.ref.node, tensor.ref, tensor.dtype, shape) for tensor, shape in inputs]
    made = [
        _output(key or f"output_{at}", tensor)
        for at, (key, tensor) in enumerate(zip(keys or [""], outputs, strict=True))
    ]
    return SourceSignature("serving_default", _sorted(given), _sorted(made))


def _output(name: str, tensor: Tensor) -> SourcePort:
    shape = tuple(dim if isinstance(dim, int) else None for dim in tensor.shape)
    return SourcePort(name, tensor.ref, tensor.dtype, shape)


def _sorted(ports: Sequence[SourcePort]) -> tuple[SourcePort, ...]:
    return tuple(sorted(ports, key=lambda port: port.name))


def _inputs(model: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The name and the configuration of each input, in Keras's order."""
    layers = {name_of(layer): layer for layer in layers_of(model)}
    if not layers:
        raise Invalid("the model has no layers", hint=_CONTRADICTS)
    if not is_sequential(model):
        refs = [ref for _, ref in structure_of(model["config"]["input_layers"])]
        if lost := [ref.layer for ref in refs if ref.layer not in layers]:
            raise Invalid(f"the inputs {lost} are no layers of the model", where=name_of(model), hint=_CONTRADICTS)
        return [(ref.layer, layers[ref.layer]["config"]) for ref in refs]
    first = next(iter(layers.values()))
    while is_model(first):
        first = layers_of(first)[0]
    config = dict(first["config"])
    if isinstance(model["config"], Mapping) and _shape(config) is None:
        config["batch_shape"] = model["config"].get("build_input_shape")
    return [(name_of(first) if first["class_name"] == "InputLayer" else f"{name_of(first)}_input", config)]


def _placeholder(
    emit: Emitter, name: str, config: Mapping[str, Any], wanted: Sequence[int | None] | None
) -> tuple[Tensor, Shape]:
    shape = _shape(config)
    if wanted is not None and shape is not None and len(wanted) != len(shape):
        shown = ["any" if size is None else size for size in shape]
        raise UsageError(f"input {name!r} is declared as {shown}, which {list(wanted)} does not fit")
    shape = shape if wanted is None else tuple(wanted)
    if shape is None:
        raise Unsupported(f"the shape of input {name!r} is not known: the model was never built", hint=_EXPORT)
    if config.get("sparse") or config.get("ragged"):
        raise Unsupported(f"input {name!r} is sparse or ragged, which LiteRT has no tensors for")
    return emit.placeholder(
        name, _dtype(config), shape, tuple(_dim(name, at, size) for at, size in enumerate(shape))
    ), shape


def _shape(config: Mapping[str, Any]) -> Shape:
    shape = config.get("batch_shape") or config.get("batch_input_shape")
    return None if shape is None else tuple(shape)


def _dtype(config: Mapping[str, Any]) -> np.dtype[Any]:
    """The input's dtype; every float is float32, as all that follows computes in it."""
    given = config.get("dtype")
    while isinstance(given, Mapping):
        given = given.get("config", {}).get("name")
    if given == "string":
        return np.dtype(object)
    plain = not isinstance(given, str) or "float" in given
    return np.dtype(np.float32) if plain else np.dtype(given)


def _dim(name: str, axis: int, size: int | None) -> Dim:
    if size is not None:
        return size
    return symbol("batch" if axis == 0 else f"{name}_{axis}")
