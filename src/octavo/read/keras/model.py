"""A model's configuration, run symbolically: every layer called puts its operations into one source graph."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from octavo.errors import Gap, Invalid, did_you_mean
from octavo.ir.op import NotLoweredError
from octavo.ir.source import SourceRef
from octavo.read.keras.calls import Call, KerasRef, calls_of, fill, structure_of
from octavo.read.keras.emitter import Emitter, Tensor
from octavo.read.keras.layer import Layer, Masks, Meaning, catalogue
from octavo.read.keras.weights import NoWeights, Weights

Entry = Mapping[str, Any]
"""A serialized layer: class_name, config, inbound_nodes, …."""
Tensors = list[Tensor | None]
"""Outputs; None for what could not be expressed."""

_TRAINING = frozenset({"training", "name"})
"""Arguments that mean nothing at inference."""
_CLASSES: Mapping[str, str] = {"GroupQueryAttention": "GroupedQueryAttention"}
"""Layers whose class is called otherwise inside Keras: paths of weights come from that name."""
_PYTHON = "it runs Python code of its own, which the file does not describe"
_REASONS = {
    "Lambda": _PYTHON,
    **dict.fromkeys(("CuDNNLSTM", "CuDNNGRU"), "its weights are in an order of its own; load it as LSTM or GRU"),
}  # fmt: skip


class ModelRunner:
    """Calls models and layers; collects what it cannot express in `gaps`, and remarks in `notes`."""

    def __init__(
        self,
        emit: Emitter,
        listed: Mapping[str, Weights] | None,
        *,
        keras2: bool,
        own: Mapping[str, Meaning] = MappingProxyType({}),
    ) -> None:
        """Emit with `emit`; `listed` are the weights of the outermost layers in HDF5 files of old.

        `own` are meanings of layers, by the name of the class, that come before those that Octavo knows.
        """
        self.emit = emit
        self.listed = listed
        self.keras2 = keras2
        self.own = own
        self.unknown: list[str] = []
        self.gaps: list[Gap] = []
        self.notes: dict[str, None] = {}
        self._unmasked: set[SourceRef] = set()

    def run(self, model: Entry, inputs: Sequence[Tensor | None], weights: Weights, *, path: str = "") -> Tensors:
        """The outputs of a model, in Keras's order. `path` is where it stands in the models around it."""
        if is_sequential(model):
            return self._sequential(model, inputs, weights, path)
        return self._functional(model, inputs, weights, path)

    def _sequential(self, model: Entry, inputs: Sequence[Tensor | None], weights: Weights, path: str) -> Tensors:
        found: Tensors = list(inputs)
        for entry, own in self._with_weights(layers_of(model), weights, path):
            if entry["class_name"] != "InputLayer":
                if None in found:
                    return _Unknown()
                argument = found[0] if len(found) == 1 else found
                found = self.call(entry, Call((argument,), {}), own, path=_join(path, name_of(entry)))
        return found

    def _functional(self, model: Entry, inputs: Sequence[Tensor | None], weights: Weights, path: str) -> Tensors:
        config = model["config"]
        entries = {name_of(entry): (entry, own) for entry, own in self._with_weights(layers_of(model), weights, path)}
        names = frozenset(entries)
        where = f"model {path or config.get('name', '')!r}"
        values: dict[KerasRef, Tensor | None] = {}
        starts = [ref for _, ref in structure_of(config["input_layers"])]
        if len(starts) != len(inputs):
            raise Invalid(f"it has {len(starts)} inputs and is called with {len(inputs)}", where=where)
        values.update(zip(starts, inputs, strict=True))
        calls = {name: calls_of(entry, names) for name, (entry, _) in entries.items()}
        ends = [ref for _, ref in structure_of(config["output_layers"])]
        if self.keras2:
            first = _first_calls(entries, calls, ends)
        else:
            first, ends = dict.fromkeys(entries, 0), [_from_zero(ref, entries) for ref in ends]
        pending = [(name, first[name] + at, call) for name in entries for at, call in enumerate(calls[name])]
        while pending:
            waiting = []
            for name, node, call in pending:
                if any(ref not in values for ref in call.refs()):
                    waiting.append((name, node, call))
                    continue
                entry, own = entries[name]
                given = Call(*fill((call.args, dict(call.kwargs)), KerasRef, values.__getitem__))
                unknown = any(values[ref] is None for ref in call.refs())
                outputs = _Unknown() if unknown else self.call(entry, given, own, path=_join(path, name))
                values.update((KerasRef(name, node, at), output) for at, output in enumerate(outputs))
            if len(waiting) == len(pending):
                break
            pending = waiting
        _check_known(ends, values, entries, where)
        return [values[ref] for ref in ends]

    def _with_weights(self, entries: Sequence[Entry], weights: Weights, path: str) -> Iterable[tuple[Entry, Weights]]:
        """Each layer with its weights: by name in files of old, by the number of its class in archives."""
        seen: dict[str, int] = {}
        for entry in entries:
            if is_operation(entry):
                yield entry, NoWeights(_join(path, name_of(entry)))
                continue
            snake = _snake(str(_CLASSES.get(entry["class_name"], entry["class_name"])))
            count = seen.get(snake, 0)
            seen[snake] = count + 1
            name = name_of(entry)
            if self.listed is not None and not path:
                yield entry, self.listed.get(name, NoWeights(f"layer {name!r}"))
            else:
                yield entry, weights.part(f"layers/{snake}_{count}" if count else f"layers/{snake}", name)

    def call(self, entry: Entry, call: Call, weights: Weights, *, path: str) -> Tensors:
        """The outputs of one layer, or of a model that is used as one."""
        if is_model(entry):
            return self.run(entry, _flat(call.args[0]), weights, path=path)
        kind = entry["class_name"].rpartition(">")[2]
        meaning = self._own(entry) or _meaning(entry, kind)
        if meaning is None:
            self.unknown.append(kind)
            return self._gap(kind, path, _REASONS.get(kind, "this class is not known; it may be code of your own"))
        scope, self.emit.scope = self.emit.scope, path
        config = entry["config"]
        self._note_precision(config)
        layer = Layer(path, kind, config, weights, self.emit, self._inner(path), self.keras2)
        try:
            call = Call(*fill((call.args, dict(call.kwargs)), Tensor, self._as_seen))
            outputs = _flat(_invoke(meaning, layer, call, _options(entry, call)))
            return self._masked(outputs, call, getattr(meaning, "masks", Masks.DROPPED))
        except NotLoweredError as reason:
            return self._gap(kind, path, str(reason))
        except ValueError as error:
            raise Invalid(f"the layer does not fit its inputs: {error}", where=f"layer {path!r} ({kind})") from error
        except KeyError as error:
            raise Invalid(f"the configuration lacks {error}", where=f"layer {path!r} ({kind})") from error
        finally:
            self.emit.scope = scope

    def _own(self, entry: Entry) -> Meaning | None:
        """What the user says of the layer's class, named with its package or without."""
        names = entry.get("registered_name"), entry["class_name"], entry["class_name"].rpartition(">")[2]
        return next((self.own[name] for name in names if name is not None and name in self.own), None)

    def _as_seen(self, tensor: Tensor) -> Tensor:
        """The tensor, without its mask where an earlier layer has taken that."""
        return replace(tensor, mask=None) if tensor.ref in self._unmasked else tensor

    def _masked(self, outputs: Tensors, call: Call, masks: Masks) -> Tensors:
        """The outputs with the masks that they have by the layer's rule."""
        if masks is Masks.OWN:
            return outputs
        given = [tensor for tensor in _flat(call.args) if isinstance(tensor, Tensor)]
        explicit = call.kwargs.get("mask")
        mask = explicit if isinstance(explicit, Tensor) else given[0].mask if given else None
        mask = None if masks is Masks.DROPPED else mask
        if masks is Masks.TAKEN and not self.keras2:
            self._unmasked |= {tensor.ref for tensor in given}
        return [replace(output, mask=mask) if isinstance(output, Tensor) else output for output in outputs]

    def _inner(self, path: str) -> Any:
        def apply(entry: Entry, weights: Weights, x: Tensor) -> Tensor:
            outputs = self.call(entry, Call((x,), {}), weights, path=_join(path, name_of(entry)))
            if not outputs or outputs[0] is None:
                raise NotLoweredError(f"its inner layer {name_of(entry)!r} cannot be expressed")
            return outputs[0]

        return apply

    def _gap(self, kind: str, path: str, reason: str) -> Tensors:
        gap = Gap(kind, path, reason)
        if gap not in self.gaps:
            self.gaps.append(gap)
        return _Unknown()

    def _note_precision(self, config: Mapping[str, Any]) -> None:
        policy = config.get("dtype")
        while isinstance(policy, Mapping):
            policy = policy.get("config", {}).get("name")
        if isinstance(policy, str) and policy.startswith(("mixed_", "float16", "bfloat16", "float64")):
            self.notes[f"layers of the policy {policy!r} compute in float32"] = None
        if isinstance(policy, str) and "_from_" in policy:
            raise NotLoweredError(f"it is quantized by Keras ({policy})")


def name_of(entry: Entry) -> str:
    """The layer's name."""
    config = entry["config"]
    name = entry.get("name") or (config.get("name") if isinstance(config, Mapping) else None)
    return str(name or _snake(entry["class_name"]))


def layers_of(model: Entry) -> Sequence[Entry]:
    """The serialized layers of a model; the first releases had a list in place of the configuration."""
    config = model["config"]
    found: Sequence[Entry] = config if isinstance(config, list) else config["layers"]
    return found


def is_sequential(entry: Entry) -> bool:
    """Whether a serialized object is a chain of layers."""
    config = entry["config"]
    return isinstance(config, list) or (entry["class_name"] == "Sequential" and "layers" in config)


def is_model(entry: Entry) -> bool:
    """Whether a serialized object is a model that says how its layers are connected."""
    return is_sequential(entry) or ("layers" in entry["config"] and "input_layers" in entry["config"])


def is_operation(entry: Entry) -> bool:
    """Whether a serialized object is a bare operation of Keras 3: HDF5 files tell no module, but most others train."""
    module = entry.get("module") or ""
    if module:
        return module.startswith("keras.src.ops.")
    trains = {"trainable", "batch_shape", "batch_input_shape", "layers"} & set(entry["config"])
    return "inbound_nodes" in entry and not trains and entry["class_name"] in catalogue().operations


class _Unknown(list[Tensor | None]):
    """The outputs of a layer that cannot be expressed: as many as are asked for."""

    def __init__(self) -> None:
        super().__init__([None] * 16)


def _meaning(entry: Entry, kind: str) -> Meaning | None:
    known = catalogue()
    if is_operation(entry):
        return known.operations.get(kind)
    if kind in ("TFOpLambda", "SlicingOpLambda"):
        return known.operations.get(str(entry["config"].get("function", "")).removeprefix("compat.v1."))
    return known.layers.get(kind)


def _options(entry: Entry, call: Call) -> dict[str, Any]:
    """The keyword arguments that matter; the configuration of an operation holds some of them."""
    options = {key: value for key, value in call.kwargs.items() if key not in _TRAINING and value is not None}
    if is_operation(entry):
        return {k: v for k, v in entry["config"].items() if k not in _TRAINING and v is not None} | options
    return options


def _invoke(meaning: Meaning, layer: Layer, call: Call, options: Mapping[str, Any]) -> Any:
    args = list(call.args)
    while args and args[-1] is None:
        args.pop()
    try:
        bound = inspect.signature(meaning).bind(layer, *args, **options)
    except TypeError as error:
        raise NotLoweredError(f"called in a way that is not known: {error}") from error
    return meaning(*bound.args, **bound.kwargs)


def _flat(tree: Any) -> Tensors:
    if isinstance(tree, Mapping):
        return [tensor for key in sorted(tree) for tensor in _flat(tree[key])]
    if isinstance(tree, list | tuple):
        return [tensor for item in tree for tensor in _flat(item)]
    return [tree]


def _first_calls(
    entries: Mapping[str, tuple[Entry, Weights]], calls: Mapping[str, Sequence[Call]], ends: Iterable[KerasRef]
) -> dict[str, int]:
    """The number of each layer's first call in Keras 2: those of a nested model begin at 1, after its own node."""
    used = {name: set[int]() for name in entries}
    for ref in [*ends, *(ref for each in calls.values() for call in each for ref in call.refs())]:
        used.setdefault(ref.layer, set()).add(ref.node)
    return {name: int(is_model(entry) and 0 not in used[name]) for name, (entry, _) in entries.items()}


def _from_zero(ref: KerasRef, entries: Mapping[str, tuple[Entry, Weights]]) -> KerasRef:
    """An output of a model in Keras 3, which counts a nested model's own node here, but not in `inbound_nodes`."""
    entry, _ = entries.get(ref.layer, ({}, None))
    counts = bool(entry) and is_model(entry) and not is_sequential(entry)
    return ref._replace(node=ref.node - 1) if counts and ref.node > 0 else ref


def _check_known(
    ends: Iterable[KerasRef], values: Mapping[KerasRef, object], entries: Mapping[str, object], where: str
) -> None:
    for ref in ends:
        if ref.layer not in entries:
            raise Invalid(f"no layer is called {ref.layer!r}", where=where, hint=did_you_mean(ref.layer, entries))
        if ref not in values:
            raise Invalid(f"layer {ref.layer!r} waits for an input that no layer gives", where=where)


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _snake(name: str) -> str:
    """The name of a class as Keras writes it in paths (keras/src/utils/naming.py)."""
    name = re.sub(r"\W+", "", name.rpartition(">")[2])
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
