"""Attention: rows of values weighted by how well keys meet queries."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from octavo.ir.op import NotLoweredError
from octavo.read.keras.emitter import Tensor
from octavo.read.keras.layer import Layer, Masks, layer, mask_of

FAR = np.float32(-1e9)
"""What is added to the score of a place that must not be seen."""


@layer("MultiHeadAttention", masks=Masks.TAKEN)
def multi_head_attention(
    layer: Layer,
    query: Tensor,
    value: Tensor,
    key: Tensor | None = None,
    *,
    attention_mask: Tensor | None = None,
    use_causal_mask: bool = False,
    **masks: Tensor,
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
    mask = _joint_mask(layer, {"query": query, "value": value, "key": key}, attention_mask, masks)
    weights = _weights(layer, scores, mask, causal=use_causal_mask, zeros=_zeros(layer))
    return _joined(layer, emit("BatchMatMulV2", weights, values))


@layer("GroupedQueryAttention", "GroupQueryAttention", masks=Masks.KEPT)
def grouped_query_attention(
    layer: Layer,
    query: Tensor,
    value: Tensor,
    key: Tensor | None = None,
    *,
    attention_mask: Tensor | None = None,
    use_causal_mask: bool = False,
    **masks: Tensor,
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
    mask = _joint_mask(layer, {"query": query, "value": value, "key": key}, attention_mask, masks)
    weights = _weights(layer, scores, mask, causal=use_causal_mask, zeros=_zeros(layer))
    return _joined(layer, emit("BatchMatMulV2", weights, values))


@layer("Attention", masks=Masks.KEPT)
def attention(
    layer: Layer, xs: Sequence[Tensor], *, mask: Sequence[Tensor | None] = (), use_causal_mask: bool = False
) -> Tensor:
    """Of a query, a value, and a key if it is not the value; scores are products, or a sum of tangents."""
    emit = layer.emit
    query, key = xs[0], xs[-1] if len(xs) > 2 else xs[1]
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
    return _attended(layer, scores, xs, mask, causal=use_causal_mask)


@layer("AdditiveAttention", masks=Masks.KEPT)
def additive_attention(
    layer: Layer, xs: Sequence[Tensor], *, mask: Sequence[Tensor | None] = (), use_causal_mask: bool = False
) -> Tensor:
    """Scores are sums of tangents."""
    emit = layer.emit
    query, key = xs[0], xs[-1] if len(xs) > 2 else xs[1]
    met = emit("Tanh", emit("AddV2", emit("ExpandDims", query, np.int32(2)), emit("ExpandDims", key, np.int32(1))))
    met = emit("Mul", met, layer.weight(0, "scale")) if layer.get("use_scale", True) else met
    scores = emit("Sum", met, np.array([-1], np.int32), keep_dims=False)
    return _attended(layer, scores, xs, mask, causal=use_causal_mask)


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


def _attended(
    layer: Layer, scores: Tensor, xs: Sequence[Tensor], masks: Sequence[Tensor | None], *, causal: bool
) -> Tensor:
    """Values weighted by the scores [batch, queries, values]; zero for queries that are masked."""
    emit, value = layer.emit, xs[1]
    of_query, of_value, *_ = masks or [x.mask for x in xs]
    mask = None if of_value is None else emit("ExpandDims", of_value, np.int32(1))
    weights = _weights(layer, scores, mask, causal=causal or bool(layer.get("causal")), zeros=False)
    result = emit("BatchMatMulV2", weights, value)
    if of_query is None:
        return result
    return emit("SelectV2", emit.cast(emit("ExpandDims", of_query, np.int32(2)), bool), result, np.float32(0))


def _joint_mask(
    layer: Layer, xs: Mapping[str, Tensor | None], mask: Tensor | None, given: Mapping[str, Tensor]
) -> Tensor | None:
    """[batch, queries, values] or like it: true where the given mask and those of all tensors are."""
    emit = layer.emit
    joined = None if mask is None else emit.cast(mask, bool)
    for name, x in xs.items():
        own = None if x is None else mask_of(x, given.get(f"{name}_mask"))
        if own is not None and (name != "key" or x is not xs["value"]):
            side = emit("ExpandDims", emit.cast(own, bool), np.int32(2 if name == "query" else 1))
            joined = side if joined is None else emit("LogicalAnd", joined, side)
    return joined


def _zeros(layer: Layer) -> bool:
    """Whether heads attend to nothing where all is masked: in Keras 3, in layers that drop out in training."""
    return not layer.keras2 and float(layer.get("dropout", 0)) > 0


def _weights(layer: Layer, scores: Tensor, mask: Tensor | None, *, causal: bool, zeros: bool) -> Tensor:
    """Shares of each query's attention […, queries, keys].

    Scores are far below zero where a mask [batch, queries, keys] is false, and for later keys if `causal`. Where all of
    a row is masked, shares are `zeros` or equal.
    """
    emit = layer.emit
    if causal:
        rows, columns = scores.shape[-2:]
        if not isinstance(rows, int) or not isinstance(columns, int):
            raise NotLoweredError("a causal mask over a number of places known only at run time")
        scores = emit("AddV2", scores, np.where(np.tri(rows, columns, dtype=bool), np.float32(0), FAR))
    if mask is None:
        return emit("Softmax", scores)
    seen = emit.cast(emit("ExpandDims", mask, np.int32(1)) if mask.rank < scores.rank else mask, bool)
    shares = emit("Softmax", emit("SelectV2", seen, scores, FAR))
    return emit("SelectV2", seen, shares, np.float32(0)) if zeros else shares
