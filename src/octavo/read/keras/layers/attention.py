"""Attention: rows of values weighted by how well keys meet queries."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from octavo.ir.op import NotLoweredError
from octavo.read.keras.emitter import Tensor
from octavo.read.keras.layer import Layer, layer

FAR = np.float32(-1e9)
"""What is added to the score of a place that must not be seen."""


@layer("MultiHeadAttention")
def multi_head_attention(
    layer: Layer,
    query: Tensor,
    value: Tensor,
    key: Tensor | None = None,
    *,
    attention_mask: Tensor | None = None,
    use_causal_mask: bool = False,
) -> Tensor:
    """Each head attends with its own projections of [batch, places, features]; another projection joins the heads."""
    if query.rank != 3 or layer.get("attention_axes", [1]) not in ([1], 1):
        raise NotLoweredError("attention over several axes")
    if layer.get("use_gate") or layer.get("sliding_window"):
        raise NotLoweredError("gates and sliding windows are not known")
    emit = layer.emit
    queries = _projected(layer, query, "query")
    keys = _projected(layer, value if key is None else key, "key")
    values = _projected(layer, value, "value")
    queries = emit("Mul", queries, 1 / math.sqrt(float(layer.config["key_dim"])))
    scores = emit("BatchMatMulV2", queries, keys, adj_y=True)
    weights = emit("Softmax", _masked(layer, scores, attention_mask, causal=use_causal_mask))
    return _joined(layer, emit("BatchMatMulV2", weights, values))


@layer("GroupedQueryAttention", "GroupQueryAttention")
def grouped_query_attention(
    layer: Layer,
    query: Tensor,
    value: Tensor,
    key: Tensor | None = None,
    *,
    attention_mask: Tensor | None = None,
    use_causal_mask: bool = False,
) -> Tensor:
    """Several heads of queries share one head of keys and values."""
    if layer.get("use_gate") or layer.get("sliding_window"):
        raise NotLoweredError("gates and sliding windows are not known")
    emit = layer.emit
    repeats = int(layer.config["num_query_heads"]) // int(layer.config["num_key_value_heads"])
    queries = emit("Mul", _projected(layer, query, "query"), 1 / math.sqrt(float(layer.config["head_dim"])))
    keys = _repeated(layer, _projected(layer, value if key is None else key, "key"), repeats)
    values = _repeated(layer, _projected(layer, value, "value"), repeats)
    scores = emit("BatchMatMulV2", queries, keys, adj_y=True)
    weights = emit("Softmax", _masked(layer, scores, attention_mask, causal=use_causal_mask))
    return _joined(layer, emit("BatchMatMulV2", weights, values))


@layer("Attention")
def attention(layer: Layer, xs: Sequence[Tensor], *, use_causal_mask: bool = False) -> Tensor:
    """Of a query, a value, and a key if it is not the value; scores are products, or a sum of tangents."""
    emit = layer.emit
    query, value, key = xs[0], xs[1], xs[-1] if len(xs) > 2 else xs[1]
    names = [name for name, used in (("scale", layer.get("use_scale")), ("concat_score_weight", _adds(layer))) if used]
    weights = {name: layer.weight(index, name) for index, name in enumerate(names)}
    if _adds(layer):
        met = emit("AddV2", emit("ExpandDims", query, np.int32(2)), emit("ExpandDims", key, np.int32(1)))
        met = emit("Mul", met, weights["scale"]) if "scale" in weights else met
        scores = emit("Sum", emit("Tanh", met), np.array([-1], np.int32), keep_dims=False)
        scores = emit("Mul", scores, weights["concat_score_weight"])
    else:
        scores = emit("BatchMatMulV2", query, key, adj_y=True)
        scores = emit("Mul", scores, weights["scale"]) if "scale" in weights else scores
    causal = use_causal_mask or bool(layer.get("causal"))
    return emit("BatchMatMulV2", emit("Softmax", _masked(layer, scores, None, causal=causal)), value)


@layer("AdditiveAttention")
def additive_attention(layer: Layer, xs: Sequence[Tensor], *, use_causal_mask: bool = False) -> Tensor:
    """Scores are sums of tangents."""
    emit = layer.emit
    query, value, key = xs[0], xs[1], xs[-1] if len(xs) > 2 else xs[1]
    met = emit("Tanh", emit("AddV2", emit("ExpandDims", query, np.int32(2)), emit("ExpandDims", key, np.int32(1))))
    met = emit("Mul", met, layer.weight(0, "scale")) if layer.get("use_scale", True) else met
    scores = emit("Sum", met, np.array([-1], np.int32), keep_dims=False)
    causal = use_causal_mask or bool(layer.get("causal"))
    return emit("BatchMatMulV2", emit("Softmax", _masked(layer, scores, None, causal=causal)), value)


def _adds(layer: Layer) -> bool:
    return bool(layer.get("score_mode", "dot") == "concat")


def _projected(layer: Layer, x: Tensor, name: str) -> Tensor:
    """[batch, heads, places, features of a head]; the kernel is [features, heads, features of a head]."""
    emit, part = layer.emit, layer.part(f"{name}_dense", name=name)
    kernel = part.weight(0, "kernel")
    features, heads, size = kernel.shape
    flat = emit("BatchMatMulV2", x, kernel.reshape(features, heads * size))
    if layer.get("use_bias", True):
        flat = emit("BiasAdd", flat, part.weight(1, "bias").reshape(heads * size), data_format="NHWC")
    split = emit.reshape(flat, [_batch(layer, x), emit.size(x, 1), heads, size])
    return emit.transpose(split, [0, 2, 1, 3])


def _joined(layer: Layer, x: Tensor) -> Tensor:
    """[batch, places, features]; the kernel is [heads, features of a head, features]."""
    emit, part = layer.emit, layer.part("output_dense", name="attention_output")
    kernel = part.weight(0, "kernel")
    heads, size, *features = kernel.shape
    if len(features) != 1:
        raise NotLoweredError("an output of several dimensions")
    side = emit.transpose(x, [0, 2, 1, 3])
    flat = emit.reshape(side, [_batch(layer, x), emit.size(side, 1), heads * size])
    result = emit("BatchMatMulV2", flat, kernel.reshape(heads * size, *features))
    return (
        emit("BiasAdd", result, part.weight(1, "bias"), data_format="NHWC") if layer.get("use_bias", True) else result
    )


def _repeated(layer: Layer, x: Tensor, repeats: int) -> Tensor:
    """Each head `repeats` times, one after the other."""
    emit = layer.emit
    if repeats == 1:
        return x
    sizes = [emit.size(x, at) for at in range(4)]
    tiled = emit("Tile", emit("ExpandDims", x, np.int32(2)), np.array([1, 1, repeats, 1, 1], np.int32))
    heads = x.shape[1]
    if not isinstance(heads, int):
        raise NotLoweredError("the number of heads must be known before the model runs")
    return emit.reshape(tiled, [_batch(layer, x), heads * repeats, *sizes[2:]])


def _batch(layer: Layer, x: Tensor) -> int | Tensor:
    """−1 where that can stand for the batch alone."""
    return -1 if all(isinstance(dim, int) for dim in x.shape[1:]) else layer.emit.size(x, 0)


def _masked(layer: Layer, scores: Tensor, mask: Tensor | None, *, causal: bool) -> Tensor:
    """Scores […, queries, keys], far below zero where a mask [batch, queries, keys] is false, or for later keys."""
    emit = layer.emit
    if causal:
        rows, columns = scores.shape[-2:]
        if not isinstance(rows, int) or not isinstance(columns, int):
            raise NotLoweredError("a causal mask over a number of places known only at run time")
        scores = emit("AddV2", scores, np.where(np.tri(rows, columns, dtype=bool), np.float32(0), FAR))
    if mask is None:
        return scores
    if mask.rank < scores.rank:
        mask = emit("ExpandDims", mask, np.int32(1))
    return emit("SelectV2", emit.cast(mask, bool), scores, FAR)
