"""Depthwise convolutions whose windows are wider than XNNPACK's kernels, as sums of narrower ones."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ir.source import Array
from octavo.ops.binary import Add
from octavo.ops.depthwise_conv_2d import TAPS, DepthwiseConv2D
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import activation
from octavo.optimize.rules._weighted import weighted
from octavo.schema.enums import Activation, Padding

WORTH = 500_000
"""Multiplications of a sample that every operation more has to stand for: small layers stay one operation in float."""

Part = tuple[Array, tuple[int, int]]
"""Some taps of a filter, and the dilations that hold them apart."""


@rewrites(DepthwiseConv2D, phase="finish", for_cpu=True)
def wide_window(node: Node, build: Rewriter) -> Value | None:
    """depthwise{7 × 7}(x) → depthwise{rows −3, 0, 3}(x) + depthwise{rows −2, 2}(x) + depthwise{rows −1, 1}(x)

    Taps that lie evenly around the centre are a dilated window with the same centre, so nothing has to be shifted.

    Before:
        main(%x: float32[batch,32,32,64]) {
          %w = const float32[1,7,7,64]
          %b = const float32[64]
          %y: float32[batch,32,32,64] = DEPTHWISE_CONV_2D(%x, %w, %b) {fused_activation_function=RELU}
          return %y
        }

    After:
        main(%x: float32[batch,32,32,64]) {
          %v = const float32[1,3,7,64]
          %b = const float32[64]
          %a: float32[batch,32,32,64] = DEPTHWISE_CONV_2D(%x, %v, %b) {dilation_h_factor=3}
          %u = const float32[1,2,7,64]
          %z = const float32[64]
          %c: float32[batch,32,32,64] = DEPTHWISE_CONV_2D(%x, %u, %z) {dilation_h_factor=4}
          %s: float32[batch,32,32,64] = ADD(%a, %c)
          %t = const float32[1,2,7,64]
          %d: float32[batch,32,32,64] = DEPTHWISE_CONV_2D(%x, %t, %z) {dilation_h_factor=2}
          %y: float32[batch,32,32,64] = ADD(%s, %d) {fused_activation_function=RELU}
          return %y
        }

    Unless:
        main(%x: float32[batch,8,8,64]) {
          %w = const float32[1,7,7,64]
          %b = const float32[64]
          %y: float32[batch,8,8,64] = DEPTHWISE_CONV_2D(%x, %w, %b)
          return %y
        }
    """
    return divided(node, build, worth=WORTH)


def divided(node: Node, build: Rewriter, *, worth: int) -> Value | None:
    """The sum of narrower windows, where each further operation stands for `worth` multiplications of a sample."""
    found, op = weighted(node), node.op
    assert isinstance(op, DepthwiseConv2D)
    if found is None:
        return None
    height, width = found.filter.shape[1:3]
    if height * width <= TAPS:
        return None
    if not height % 2 or not width % 2 or op.padding is not Padding.SAME:
        return build.miss(f"its window of {height} × {width} has no centre that stays where it is")
    if (op.stride_h, op.stride_w) != (1, 1):
        return build.miss(f"its window of {height} × {width} has strides")
    parts = _parts(found.filter)
    if not parts:
        return build.miss(f"its window of {height} × {width} would need more than four parts")
    pixels = [dim for dim in node.output.shape[1:3] if isinstance(dim, int)]
    if len(pixels) == 2 and prod(pixels) * found.filter.size < worth * 2 * (len(parts) - 1):
        return None
    zeros = build.const(np.zeros_like(found.bias))
    total: Value | None = None
    for number, (filter, (rows, columns)) in enumerate(parts, start=1):
        some = replace(
            op,
            fused_activation_function=Activation.NONE,
            dilation_h_factor=rows * op.dilation_h_factor,
            dilation_w_factor=columns * op.dilation_w_factor,
        )
        made = build(some, found.input, filter, found.bias if total is None else zeros)
        last = activation(node) if number == len(parts) else Activation.NONE
        total = made if total is None else build(Add(fused_activation_function=last), total, made)
    return total


def _parts(filter: Array) -> list[Part]:
    """The fewest parts of at most `TAPS` taps each, each around the centre; none if it takes more than four."""
    ways = (_by_phases(filter, 1, 2), _by_phases(filter, 2, 1), _by_rows(filter), _by_phases(filter, 2, 2))
    fitting = [way for way in ways if all(part.shape[1] * part.shape[2] <= TAPS for part, _ in way)]
    return min(fitting, key=len, default=[])


def _by_rows(filter: Array) -> list[Part]:
    """Pairs of rows as far from the centre, the outermost with the centre between them."""
    centre = filter.shape[1] // 2
    pairs = [(filter[:, [centre - away, centre + away]], (2 * away, 1)) for away in range(centre - 1, 0, -1)]
    return [(filter[:, [0, centre, 2 * centre]], (centre, 1)), *pairs] if 1 < centre <= 4 else _by_phases(filter, 1, 1)


def _by_phases(filter: Array, rows: int, columns: int) -> list[Part]:
    """One of so many rows and columns in turn: of odd windows every second one lies around the centre, too."""
    phases = [(filter[:, row::rows, column::columns]) for row in range(rows) for column in range(columns)]
    return [(part, (rows if part.shape[1] > 1 else 1, columns if part.shape[2] > 1 else 1)) for part in phases]
