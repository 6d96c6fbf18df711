"""Steps that later layers shall skip: where masks begin, and how those of several inputs join."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from octavo.ir.op import NotLoweredError
from octavo.read.keras.emitter import Tensor
from octavo.read.keras.layer import Layer, Masks, layer


@layer("Masking", masks=Masks.OWN)
def masking(layer: Layer, x: Tensor) -> Tensor:
    """`x`, with zeros in the steps all of whose numbers equal the mask's value; these are masked."""
    emit = layer.emit
    differs = emit("NotEqual", x, np.float32(layer.get("mask_value", 0.0)))
    last = np.array([x.rank - 1], np.int32)
    kept = emit("SelectV2", emit("Any", differs, last, keep_dims=True), x, np.float32(0))
    return replace(kept, mask=emit("Any", differs, last))


def joint(layer: Layer, masks: Sequence[Tensor | None]) -> Tensor | None:
    """The mask of an element-wise layer: Keras 3 masks a step that all inputs mask, Keras 2 one that any masks."""
    given = [mask for mask in masks if mask is not None]
    if not given or (not layer.keras2 and len(given) < len(masks)):
        return None
    joined = given[0]
    for mask in given[1:]:
        joined = layer.emit("LogicalAnd" if layer.keras2 else "LogicalOr", joined, mask)
    return joined


def in_a_row(layer: Layer, xs: Sequence[Tensor], axis: int) -> Tensor | None:
    """The mask of tensors joined along `axis`: joint where features are joined, otherwise one after the other."""
    emit = layer.emit
    if all(x.mask is None for x in xs) or axis == xs[0].rank - 1:
        return joint(layer, [x.mask for x in xs])
    if axis != 1 or any(x.mask is not None and x.mask.rank != 2 for x in xs):
        raise NotLoweredError(f"masks joined along axis {axis}")
    seen = [x.mask or emit("Fill", emit.sizes([emit.size(x, 0), emit.size(x, 1)]), np.bool_(True)) for x in xs]
    return emit("ConcatV2", *seen, np.int32(1), N=len(xs))
