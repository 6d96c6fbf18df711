"""Cells of recurrent layers: what one step makes of its input and of the states that the step before has left.

The part of a step that reads the input only is apart, as `project`: it is computed for all steps at once, before the
loop, which reads the weights once in place of once for each step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from octavo.ir.dim import Dim
from octavo.ir.op import NotLoweredError
from octavo.ir.source import Array
from octavo.ops._window import window_output
from octavo.read.keras.emitter import Emitter, Tensor
from octavo.read.keras.layer import Layer, pair
from octavo.read.keras.layers.activation import activate
from octavo.read.keras.layers.convolution import flat_window
from octavo.schema.enums import Padding

States = Sequence[Tensor]
Shape = tuple[Dim, ...]


@dataclass(frozen=True)
class Cell:
    """How a cell computes.

    `shapes` are those of its states, without the batch. `project` takes the whole sequence [a, b, …], whichever of
    steps and batch comes first, to what `step` takes for one step [batch, …]. `step` gives the new states; number
    `output` of them is the output too.
    """

    shapes: tuple[tuple[int, ...], ...]
    project: Callable[[Tensor], Tensor]
    step: Callable[[Tensor, States], list[Tensor]]
    output: int = 0


def cell_of(layer: Layer, shape: Shape) -> Cell:
    """The cell of a recurrent layer over a sequence of this `shape` [a, b, …].

    Raises:
        NotLoweredError: the layer has a cell of its own making.
    """
    if layer.kind == "RNN":
        entry = layer.config["cell"]
        if isinstance(entry, list):  # Keras 2.0 wrote the cells without the class around them
            entry = {"class_name": "StackedRNNCells", "config": {"cells": entry}}
        return _described(layer, "cell", entry, shape)
    return _CELLS[f"{layer.kind}Cell"](layer.part("cell", name=None), shape)


def _described(layer: Layer, child: str, entry: Mapping[str, Any], shape: Shape) -> Cell:
    """A cell that the configuration holds, in the attribute `child` of the layer."""
    kind = str(entry["class_name"]).rpartition(">")[2]
    make = _CELLS.get(kind)
    if make is None:
        raise NotLoweredError(f"its cell {kind!r} is not known; it may be code of your own")
    config = entry["config"]
    return make(replace(layer.part(child, name=config.get("name"), config=config), kind=kind), shape)


def _lstm(layer: Layer, shape: Shape) -> Cell:
    """Gates in the order input, forget, cell, output."""
    emit, units = layer.emit, int(layer.config["units"])
    kernel, recurrent, bias = weights_of(layer, shape, gates=4)

    def step(z: Tensor, states: States) -> list[Tensor]:
        sums = emit("AddV2", z, emit("MatMul", states[0], recurrent))
        return _gated(layer, emit.many("Split", np.int32(1), sums, num_split=4), states[1])

    return Cell(((units,), (units,)), lambda xs: _product(emit, xs, kernel, bias), step)


def _gated(layer: Layer, gates: Sequence[Tensor], carry: Tensor) -> list[Tensor]:
    """The output and the carry of a cell with a long memory."""
    emit = layer.emit
    enter, forget, leave = (activate(layer, gates[at], "recurrent_activation") for at in (0, 1, 3))
    carry = emit("AddV2", emit("Mul", forget, carry), emit("Mul", enter, activate(layer, gates[2])))
    return [emit("Mul", leave, activate(layer, carry)), carry]


def _gru(layer: Layer, shape: Shape) -> Cell:
    """Gates in the order update, reset, new; the reset gate acts before the product with the state, or after it."""
    emit, units = layer.emit, int(layer.config["units"])
    kernel, recurrent = _kernels(layer, shape, 3 * units)
    after = bool(layer.config.get("reset_after", False))  # the first releases had no such word
    bias, inner = _gru_biases(layer, units, after=after)
    early = recurrent if after else recurrent[:, : 2 * units]

    def step(z: Tensor, states: States) -> list[Tensor]:
        (state,) = states
        update, reset, new = emit.many("Split", np.int32(1), z, num_split=3)
        sums = emit.many("Split", np.int32(1), _product(emit, state, early, inner), num_split=3 if after else 2)
        update = activate(layer, emit("AddV2", update, sums[0]), "recurrent_activation")
        reset = activate(layer, emit("AddV2", reset, sums[1]), "recurrent_activation")
        if after:
            late = emit("Mul", reset, sums[2])
        else:
            late = emit("MatMul", emit("Mul", reset, state), recurrent[:, 2 * units :])
        new = activate(layer, emit("AddV2", new, late))
        return [emit("AddV2", new, emit("Mul", update, emit("Sub", state, new)))]

    return Cell(((units,),), lambda xs: _product(emit, xs, kernel, bias), step)


def _gru_biases(layer: Layer, units: int, *, after: bool) -> tuple[Array | None, Array | None]:
    """That of the input and that of the state."""
    if not layer.get("use_bias", True):
        return None, None
    both = layer.weight(2, "bias", (2, 3 * units) if after else (3 * units,))
    return (both[0], both[1]) if after else (both, None)


def _simple(layer: Layer, shape: Shape) -> Cell:
    """One activation of the sum of both products."""
    emit, units = layer.emit, int(layer.config["units"])
    kernel, recurrent, bias = weights_of(layer, shape)

    def step(z: Tensor, states: States) -> list[Tensor]:
        return [activate(layer, emit("AddV2", z, emit("MatMul", states[0], recurrent)))]

    return Cell(((units,),), lambda xs: _product(emit, xs, kernel, bias), step)


def _stacked(layer: Layer, shape: Shape) -> Cell:
    """Each cell takes the output of the one before; only the first knows its inputs before the loop."""
    cells: list[Cell] = []
    seen: dict[str, int] = {}
    for entry in layer.config["cells"]:
        snake = _CLASS_PATHS.get(str(entry["class_name"]).rpartition(">")[2], "cell")
        count = seen[snake] = seen.get(snake, -1) + 1
        cells.append(_described(layer, f"cells/{snake}_{count}" if count else f"cells/{snake}", entry, shape))
        shape = (*shape[:2], *cells[-1].shapes[cells[-1].output])

    def step(z: Tensor, states: States) -> list[Tensor]:
        left, made = list(states), list[Tensor]()
        for index, cell in enumerate(cells):
            own, left = left[: len(cell.shapes)], left[len(cell.shapes) :]
            new = cell.step(cell.project(z) if index else z, own)
            made, z = [*made, *new], new[cell.output]
        return made

    shapes = [each for cell in cells for each in cell.shapes]
    return Cell(tuple(shapes), cells[0].project, step, output=len(shapes) - len(cells[-1].shapes) + cells[-1].output)


def _convolutional(layer: Layer, shape: Shape) -> Cell:
    """As `_lstm`, with convolutions in place of products. States have their channels last."""
    emit, filters, rank = layer.emit, int(layer.config["filters"]), len(shape) - 3
    size, strides, dilation = (pair(layer.get(key, 1), rank) for key in ("kernel_size", "strides", "dilation_rate"))
    kernel = layer.weight(0, "kernel")
    recurrent = layer.weight(1, "recurrent_kernel", (*size, filters, 4 * filters))
    bias = layer.weight(2, "bias", (4 * filters,)) if layer.get("use_bias", True) else None
    padding = str(layer.get("padding", "valid")).upper()

    def project(xs: Tensor) -> Tensor:
        steps = [emit.size(xs, at) for at in (0, 1)]
        flat = emit.reshape(xs, [-1, *(emit.size(xs, at) for at in range(2, xs.rank))])
        made = flat_window(emit, "Conv2D", flat, kernel, strides=strides, dilation=dilation, padding=padding)
        made = made if bias is None else emit("BiasAdd", made, bias, data_format="NHWC")
        return emit.reshape(made, [*steps, *(emit.size(made, at) for at in range(1, made.rank))])

    def step(z: Tensor, states: States) -> list[Tensor]:
        ones = [1] * rank
        met = flat_window(emit, "Conv2D", states[0], recurrent, strides=ones, dilation=ones, padding="SAME")
        sums = emit("AddV2", z, met)
        return _gated(layer, emit.many("Split", np.int32(sums.rank - 1), sums, num_split=4), states[1])

    if layer.get("data_format") == "channels_first":
        raise NotLoweredError("the channels of its images come first, which LiteRT has no convolutions for")
    lengths = shape[2:-1]
    if not all(isinstance(length, int) for length in lengths):
        raise NotLoweredError("the size of its images must be known before the model runs")
    windows = zip(lengths, size, strides, dilation, strict=True)
    places = (window_output(*window, Padding[padding]) for window in windows)
    state = (*(int(place) for place in places), filters)
    return Cell((state, state), project, step)


def weights_of(layer: Layer, shape: Shape, *, gates: int = 1) -> tuple[Array, Array, Array | None]:
    """The kernel [in, gates · units] of a cell over a sequence of this `shape`, that of the state, and the bias."""
    columns = gates * int(layer.config["units"])
    bias = layer.weight(2, "bias", (columns,)) if layer.get("use_bias", True) else None
    return *_kernels(layer, shape, columns), bias


def _kernels(layer: Layer, shape: Shape, columns: int) -> tuple[Array, Array]:
    """That of the input and that of the state."""
    taken = shape[-1]
    if len(shape) != 3 or not isinstance(taken, int):
        raise NotLoweredError(f"its steps must be rows of a known length, not of the shape {list(map(str, shape[2:]))}")
    units = int(layer.config["units"])
    return layer.weight(0, "kernel", (taken, columns)), layer.weight(1, "recurrent_kernel", (units, columns))


def _product(emit: Emitter, x: Tensor, kernel: Array, bias: Array | None) -> Tensor:
    result = emit("MatMul" if x.rank == 2 else "BatchMatMulV2", x, kernel)
    return result if bias is None else emit("BiasAdd", result, bias, data_format="NHWC")


_CELLS: Mapping[str, Callable[[Layer, Shape], Cell]] = {
    "LSTMCell": _lstm,
    "GRUCell": _gru,
    "SimpleRNNCell": _simple,
    "StackedRNNCells": _stacked,
    **dict.fromkeys(("ConvLSTM1DCell", "ConvLSTM2DCell", "ConvLSTM3DCell"), _convolutional),
}
_CLASS_PATHS = {"LSTMCell": "lstm_cell", "GRUCell": "gru_cell", "SimpleRNNCell": "simple_rnn_cell"}
"""How archives call the cells of a stack."""
