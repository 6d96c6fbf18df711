"""Several tensors to one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from octavo.ir.op import NotLoweredError
from octavo.read.keras.emitter import Tensor
from octavo.read.keras.layer import Layer, layer, pair


@layer("Add")
def add(layer: Layer, xs: Sequence[Tensor]) -> Tensor:
    """The sum."""
    return _chain(layer, xs, "AddV2")


@layer("Subtract")
def subtract(layer: Layer, xs: Sequence[Tensor]) -> Tensor:
    """The difference of two."""
    return _chain(layer, xs, "Sub")


@layer("Multiply")
def multiply(layer: Layer, xs: Sequence[Tensor]) -> Tensor:
    """The product."""
    return _chain(layer, xs, "Mul")


@layer("Maximum")
def maximum(layer: Layer, xs: Sequence[Tensor]) -> Tensor:
    """The largest."""
    return _chain(layer, xs, "Maximum")


@layer("Minimum")
def minimum(layer: Layer, xs: Sequence[Tensor]) -> Tensor:
    """The smallest."""
    return _chain(layer, xs, "Minimum")


@layer("Average")
def average(layer: Layer, xs: Sequence[Tensor]) -> Tensor:
    """The mean."""
    return layer.emit("Mul", _chain(layer, xs, "AddV2"), 1 / len(xs))


@layer("Concatenate")
def concatenate(layer: Layer, xs: Sequence[Tensor]) -> Tensor:
    """Joined along an axis."""
    if isinstance(xs, Tensor):
        return xs
    return layer.emit("ConcatV2", *xs, np.int32(layer.get("axis", -1)), N=len(xs))


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
    return result


def _raised(sizes: list[int | Tensor], rank: int) -> list[int | Tensor]:
    return [*sizes[:1], *[1] * (rank - len(sizes)), *sizes[1:]]
