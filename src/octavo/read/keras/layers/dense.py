"""Matrices times vectors, and look-ups in tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from octavo.ir.op import NotLoweredError
from octavo.read.keras.emitter import Tensor
from octavo.read.keras.layer import Layer, Masks, layer
from octavo.read.keras.layers.activation import activate


@layer("Dense", masks=Masks.KEPT)
def dense(layer: Layer, x: Tensor) -> Tensor:
    """The kernel is [in, out] and meets the last dimension."""
    emit = layer.emit
    kernel = layer.weight(0, "kernel", (_length(x), int(layer.config["units"])))
    result = emit("MatMul" if x.rank == 2 else "BatchMatMulV2", x, kernel)
    if layer.get("use_bias", True):
        result = emit("BiasAdd", result, layer.weight(1, "bias", kernel.shape[1:]), data_format="NHWC")
    return activate(layer, result)


@layer("EinsumDense")
def einsum_dense(layer: Layer, x: Tensor) -> Tensor:
    """A sum of products by an equation; its ellipsis stands for dimensions in front."""
    emit = layer.emit
    kernel = layer.weight(0, "kernel")
    result = emit("Einsum", x, kernel, equation=str(layer.config["equation"]).replace(" ", ""), N=2)
    if layer.get("bias_axes"):
        result = emit("AddV2", result, layer.weight(1, "bias"))
    return activate(layer, result)


@layer("Embedding", masks=Masks.OWN)
def embedding(layer: Layer, x: Tensor) -> Tensor:
    """Rows of the table; `mask_zero` masks the steps whose number is 0."""
    table = layer.weight(0, "embeddings", (int(layer.config["input_dim"]), int(layer.config["output_dim"])))
    emit = layer.emit
    places = x if x.dtype.kind == "i" and x.dtype.itemsize >= 4 else emit.cast(x, np.int32)
    rows = emit("GatherV2", table, places, np.int32(0), batch_dims=0)
    return replace(rows, mask=emit("NotEqual", places, 0) if layer.get("mask_zero") else None)


def _length(x: Tensor) -> int:
    length = x.shape[-1]
    if not isinstance(length, int):
        raise NotLoweredError("the length of its rows must be known before the model runs")
    return length
