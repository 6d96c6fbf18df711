"""Several tensors to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from octavo.ir.op import NotLoweredError
from octavo.read.keras.emitter import Tensor
from octavo.read.keras.layer import Layer, Masks, layer, pair
from octavo.read.keras.layers.masking import in_a_row, joint


@layer("Add", masks=Masks.OWN)
def add(layer: Layer, xs: Sequence[Tensor]) -> Tensor:
    """The sum."""
    return _chain(layer, xs, "AddV2")


@layer("Subtract", masks=Masks.OWN)
def subtract(layer: Layer, xs: Sequence[Tensor]) -> Tensor:
    """The difference of two."""
    return _chain(layer, xs, "Sub")


@layer("Multiply", masks=Masks.OWN)
def multiply(layer: Layer, xs: Sequence[Tensor]) -> Tensor:
    """The product; in Keras 3 a masked step counts as 1, or as 0 where all inputs are masked."""
    masks = [] if layer.keras2 or isinstance(xs, Tensor) else [x.mask for x in xs]
    if all(mask is None for mask in masks):
        return _chain(layer, xs, "Mul")
    seen = [x if x.mask is None else _seen(layer, x, x.mask, 1) for x in xs]
    product = _chain(layer, seen, "Mul")
    return product if product.mask is None else replace(_seen(layer, product, product.mask, 0), mask=product.mask)


@layer("Maximum", masks=Masks.OWN)
def maximum(layer: Layer, xs: Sequence[Tensor]) -> Tensor:
    """The largest."""
    return _chain(layer, xs, "Maximum")


@layer("Minimum", masks=Masks.OWN)
def minimum(layer: Layer, xs: Sequence[Tensor]) -> Tensor:
    """The smallest."""
    return _chain(layer, xs, "Minimum")


@layer("Average", masks=Masks.OWN)
def average(layer: Layer, xs: Sequence[Tensor]) -> Tensor:
    """The mean."""
    total = _chain(layer, xs, "AddV2")
    return replace(layer.emit("Mul", total, 1 / len(xs)), mask=total.mask)


@layer("Concatenate", masks=Masks.OWN)
def concatenate(layer: Layer, xs: Sequence[Tensor]) -> Tensor:
    """Joined along an axis."""
    if isinstance(xs, Tensor):
        return xs
    axis = int(layer.get("axis", -1)) % xs[0].rank
    return replace(layer.emit("ConcatV2", *xs, np.int32(axis), N=len(xs)), mask=in_a_row(layer, xs, axis))


@layer("Dot")
def dot(layer: Layer, xs: Sequence[Tensor]) -> Tensor:
    """Products of rows, sample by sample, after scaling them to length 1 if asked to."""
    emit = layer.emit
    first, second = xs
    if max(first.rank, second.rank) > 3:
        raise NotLoweredError("tensors of more than three dimensions")
    axes = [axis % x.rank for axis, x in zip(pair(layer.config["axes"], 2), xs, strict=True)]
    if layer.get("normalize"):
        first, second = (_unit(layer, x, axis) for x, axis in zip(xs, axes, strict=True))
    left = emit("ExpandDims", first, np.int32(1)) if first.rank == 2 else first
    right = emit("ExpandDims", second, np.int32(2)) if second.rank == 2 else second
    met = [axes[0] + (first.rank == 2), axes[1]]
    product = emit("BatchMatMulV2", left, right, adj_x=met[0] == 1, adj_y=met[1] == 2)
    gone = [1] if first.rank == 2 else []
    gone += [2] if second.rank == 2 and first.rank == 3 else []
    return emit("Squeeze", product, squeeze_dims=gone) if gone else product


def _unit(layer: Layer, x: Tensor, axis: int) -> Tensor:
    emit = layer.emit
    square = emit("Sum", emit("Square", x), np.array([axis], np.int32), keep_dims=True)
    return emit("Mul", x, emit("Rsqrt", emit("Maximum", square, 1e-12)))


def _chain(layer: Layer, xs: Sequence[Tensor], op: str) -> Tensor:
    """From left to right. Tensors of lower rank get dimensions of 1 after their first, as Keras gives them."""
    if isinstance(xs, Tensor):
        return xs
    emit = layer.emit
    rank = max(x.rank for x in xs)
    stretched = [
        x if x.rank == rank else emit.reshape(x, _raised([emit.size(x, at) for at in range(x.rank)], rank)) for x in xs
    ]
    result = stretched[0]
    for x in stretched[1:]:
        result = emit(op, result, x)
    return replace(result, mask=joint(layer, [x.mask for x in xs]))


def _seen(layer: Layer, x: Tensor, mask: Tensor, otherwise: float) -> Tensor:
    """`x` where it is seen, a number elsewhere."""
    seen = layer.emit("SelectV2", layer.emit("ExpandDims", mask, np.int32(-1)), x, np.float32(otherwise))
    return replace(seen, mask=x.mask)


def _raised(sizes: list[int | Tensor], rank: int) -> list[int | Tensor]:
    return [*sizes[:1], *[1] * (rank - len(sizes)), *sizes[1:]]
