"""Recurrent layers: a cell at every step of a sequence, in a loop, or unrolled where the layer says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from octavo.ir.op import NotLoweredError
from octavo.read.keras.emitter import Emitter, Tensor
from octavo.read.keras.layer import Layer, Masks, layer, mask_of
from octavo.read.keras.layers.cells import States, cell_of, weights_of
from octavo.read.keras.layers.steps import Start, Steps

_MERGES = {"sum": "AddV2", "ave": "AddV2", "mul": "Mul"}


@layer("LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", masks=Masks.OWN)
def recurrent(
    layer: Layer, sequence: Tensor | Sequence[Tensor], initial_state: Any = None, mask: Tensor | None = None
) -> list[Tensor]:
    """The output of the last step or of all, and the states after it if the layer returns them."""
    xs, states = _given(sequence, initial_state)
    return _run(layer, xs, states, mask)


@layer("Bidirectional", masks=Masks.OWN)
def bidirectional(
    layer: Layer, sequence: Tensor | Sequence[Tensor], initial_state: Any = None, mask: Tensor | None = None
) -> list[Tensor]:
    """A layer that goes forwards and one that goes backwards; their outputs are merged step by step."""
    xs, states = _given(sequence, initial_state)
    emit, made = layer.emit, []
    for at, (child, entry) in enumerate(_directions(layer).items()):
        kind, config = str(entry["class_name"]).rpartition(">")[2], entry["config"]
        part = replace(layer.part(child, name=config["name"], config=config), kind=kind)
        half = states[len(states) // 2 * at :][: len(states) // 2]
        made.append(_run(part, xs, half, mask, in_time=True))
    (forth, *after), (back, *before) = made
    mode = layer.config.get("merge_mode", "concat")
    if mode is None:
        return [forth, back, *after, *before]
    if mode == "concat":
        joined = emit("ConcatV2", forth, back, np.int32(forth.rank - 1), N=2)
    else:
        joined = emit(_MERGES[mode], forth, back)
        joined = emit("Mul", joined, 0.5) if mode == "ave" else joined
    return [replace(joined, mask=forth.mask), *after, *before]


def _directions(layer: Layer) -> dict[str, Mapping[str, Any]]:
    """The inner layers by their attribute; the backward one is made of the forward one where none is given."""
    forth, back = layer.config["layer"], layer.get("backward_layer")
    turned = {**forth["config"], "go_backwards": not forth["config"].get("go_backwards", False)}
    return {
        "forward_layer": _called(forth, "forward"),
        "backward_layer": _called({**forth, "config": turned} if back is None else back, "backward")
        if back is None or layer.keras2
        else back,
    }


def _called(entry: Mapping[str, Any], direction: str) -> Mapping[str, Any]:
    """The layer under the name that Keras gives it."""
    name = str(entry["config"]["name"]).removeprefix(f"{direction}_")
    return {**entry, "config": {**entry["config"], "name": f"{direction}_{name}"}}


def _given(sequence: Tensor | Sequence[Tensor], initial_state: Any) -> tuple[Tensor, list[Tensor]]:
    """The sequence and the states that it starts with: Keras 2 lists them behind the sequence."""
    if isinstance(sequence, Tensor):
        return sequence, _flat(initial_state)
    return sequence[0], _flat(initial_state) or list(sequence[1:])


def _flat(tree: Any) -> list[Tensor]:
    if isinstance(tree, list | tuple):
        return [tensor for item in tree for tensor in _flat(item)]
    return [] if tree is None else [tree]


def _run(layer: Layer, x: Tensor, states: States, mask: Tensor | None, *, in_time: bool = False) -> list[Tensor]:
    """The output and the states of one direction.

    Outputs are in the order in which they are computed, which `go_backwards` turns round, or `in_time` of the sequence;
    these are merged with others, and are 0 in masked steps.
    """
    emit, major = layer.emit, bool(layer.get("time_major"))
    mask = mask_of(x, mask) if layer.keras2 or not states else mask  # where states are given, Keras 3 looks for none
    seen = None if mask is None else emit("ExpandDims", emit.cast(mask, bool), np.int32(2))
    if not major:
        x, seen = _swapped(emit, x), None if seen is None else _swapped(emit, seen)
    if layer.get("stateful"):
        return _remembered(layer, x, alone=seen is None and not states, in_time=in_time)
    cell, whole = cell_of(layer, x.shape), bool(layer.get("return_sequences"))
    batch = emit.size(x, 1)
    zero = {shape: emit.zeros([batch, *shape]) for shape in dict.fromkeys(cell.shapes)}
    start = list(states) or [zero[shape] for shape in cell.shapes]
    if len(start) != len(cell.shapes):
        raise NotLoweredError(f"it is called with {len(start)} states, but its cells have {len(cell.shapes)}")
    zeros = (in_time and whole) or bool(layer.get("zero_output_for_mask"))
    hides = seen is not None and (zeros or bool(states))
    before = zero[cell.shapes[cell.output]] if hides else None
    backwards = bool(layer.get("go_backwards"))
    steps = Steps(emit=emit, cell=cell, whole=whole, zeros=zeros, backwards=backwards, in_time=in_time)
    make = steps.unrolled if layer.get("unroll") else steps.looped
    output, after = make(Start(sequence=cell.project(x), batch=batch, seen=seen, states=start, before=before))
    if whole:
        output = replace(output if major else _swapped(emit, output), mask=mask)
    return [output, *after] if layer.get("return_state") else [output]


def _remembered(layer: Layer, x: Tensor, *, alone: bool, in_time: bool) -> list[Tensor]:
    """The output of a layer that begins where the last call ended: LiteRT's fused operations do so, and only they."""
    emit, part = layer.emit, layer.part("cell", name=None)
    form = (layer.kind, layer.get("activation"), layer.get("recurrent_activation"))
    if not alone or layer.get("return_state") or form not in _REMEMBERING:
        raise NotLoweredError(
            "it remembers its state from one call to the next (stateful=True), which LiteRT has only for LSTM with its "
            "usual activations and for SimpleRNN, without masks, given or returned states; build the layer with "
            "stateful=False, with states as inputs and outputs of the model where they must outlive a call"
        )
    op, gates, attrs = _REMEMBERING[form]
    kernel, recurrent, bias = weights_of(part, x.shape, gates=gates)
    backwards, steps = bool(layer.get("go_backwards")), np.array([1], np.int32)
    x = _swapped(emit, x)
    bias = np.zeros(kernel.shape[1], np.float32) if bias is None else bias
    outputs = emit(op, emit("ReverseV2", x, steps) if backwards else x, kernel, recurrent, bias, **attrs)
    if not layer.get("return_sequences"):
        ends = [np.array([0, at, 0], np.int32) for at in (-1, 0)]
        return [
            emit("StridedSlice", outputs, *ends, np.ones(3, np.int32), begin_mask=5, end_mask=7, shrink_axis_mask=2)
        ]
    outputs = emit("ReverseV2", outputs, steps) if backwards and in_time else outputs
    return [_swapped(emit, outputs) if layer.get("time_major") else outputs]


_REMEMBERING: Mapping[tuple[str, Any, Any], tuple[str, int, Mapping[str, Any]]] = {
    ("LSTM", "tanh", "sigmoid"): ("UnidirectionalSequenceLstm", 4, {}),
    **{
        ("SimpleRNN", name, None): ("UnidirectionalSequenceRnn", 1, {"activation": code})
        for name, code in (("tanh", "TANH"), ("relu", "RELU"), ("linear", "NONE"))
    },
}
"""Layers, by their activations, that fused operations compute: by which, with how many gates, with what attributes."""


def _swapped(emit: Emitter, x: Tensor) -> Tensor:
    """Steps and batch in each other's place."""
    return emit.transpose(x, [1, 0, *range(2, x.rank)])
