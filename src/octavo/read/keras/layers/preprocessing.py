"""Preprocessing that models carry with them; random augmentation does nothing at inference."""

from __future__ import annotations

from typing import Any

import numpy as np

from octavo.ir.op import NotLoweredError
from octavo.read.keras.emitter import Tensor
from octavo.read.keras.layer import Layer, Masks, as_layer, channels_last, layer
from octavo.read.keras.layers.reshape import INTERPOLATIONS


@layer("RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast", "RandomBrightness",
       "RandomShear", "RandomHue", "RandomSaturation", "RandomSharpness", "RandomGrayscale", "RandomInvert",
       "RandomPosterization", "RandomColorJitter", "RandomColorDegeneration", "RandomErasing", "RandomGaussianBlur",
       "RandomPerspective", "RandomElasticTransform", "RandomHeight", "RandomWidth", "RandAugment", "AugMix", "CutMix",
       "MixUp")  # fmt: skip
def augmentation(layer: Layer, x: Tensor) -> Tensor:
    """The image as it is, in float32."""
    return layer.emit.cast(x, np.float32)


@layer("Rescaling", masks=Masks.KEPT)
def rescaling(layer: Layer, x: Tensor) -> Tensor:
    """`x · scale + offset`."""
    emit = layer.emit
    scale, offset = (np.asarray(plain(layer.config.get(key, 0.0)), np.float32) for key in ("scale", "offset"))
    scaled = emit("Mul", emit.cast(x, np.float32), scale)
    return emit("AddV2", scaled, offset) if np.any(offset) else scaled


@layer("Resizing")
def resizing(layer: Layer, x: Tensor) -> Tensor:
    """Another size, by the nearest pixel or bilinear interpolation; the middle part of it where the aspect is kept."""
    for key in ("crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias"):
        if layer.get(key):
            raise NotLoweredError(f"{key} is not known")
    op = INTERPOLATIONS.get(layer.get("interpolation", "bilinear"))
    if op is None:
        raise NotLoweredError(f"LiteRT does not interpolate by {layer.get('interpolation')!r}")
    size = np.array([int(layer.config["height"]), int(layer.config["width"])], np.int32)
    image = channels_last(layer, layer.emit.cast(x, np.float32))
    return as_layer(layer, layer.emit(op, image, size, **({} if op == "ResizeArea" else {"half_pixel_centers": True})))


@layer("CenterCrop")
def center_crop(layer: Layer, x: Tensor) -> Tensor:
    """The middle part."""
    emit, image = layer.emit, channels_last(layer, layer.emit.cast(x, np.float32))
    wanted = [int(layer.config["height"]), int(layer.config["width"])]
    there = image.shape[1:3]
    if not all(isinstance(dim, int) for dim in there):
        raise NotLoweredError("the size of the images must be known before the model runs")
    spare = [int(dim) - size for dim, size in zip(there, wanted, strict=True)]
    if min(spare) < 0:
        raise NotLoweredError("images smaller than the crop, which Keras would enlarge")
    begin = np.array([0, spare[0] // 2, spare[1] // 2, 0], np.int32)
    return as_layer(layer, emit("Slice", image, begin, np.array([-1, *wanted, -1], np.int32)))


@layer("CategoryEncoding")
def category_encoding(layer: Layer, x: Tensor, count_weights: Tensor | None = None) -> Tensor:
    """Numbers of categories as rows of zeros and ones, one for each number or one for all of a sample."""
    if count_weights is not None:
        raise NotLoweredError("weights of counts are not known")
    depth, mode = int(layer.config["num_tokens"]), layer.get("output_mode", "multi_hot")
    return encoded(layer, layer.emit.cast(x, np.int32), depth, mode)


@layer("Discretization")
def discretization(layer: Layer, x: Tensor) -> Tensor:
    """The number of boundaries at or below each number."""
    emit, bounds = layer.emit, layer.get("bin_boundaries")
    if not bounds:
        raise NotLoweredError("its boundaries were never learnt")
    reached = emit(
        "GreaterEqual", emit("ExpandDims", emit.cast(x, np.float32), np.int32(-1)), np.asarray(bounds, np.float32)
    )
    count = emit("Sum", emit.cast(reached, np.int32), np.array([-1], np.int32), keep_dims=False)
    mode = layer.get("output_mode", "int")
    return count if mode == "int" else encoded(layer, count, len(bounds) + 1, mode)


def encoded(layer: Layer, x: Tensor, depth: int, mode: str, dtype: type[np.generic] = np.float32) -> Tensor:
    """Whole numbers, int32, as rows of zeros and ones, or of counts; numbers outside of `depth` count nothing."""
    emit = layer.emit
    last = x.shape[-1] if x.rank > 1 else None
    if mode == "one_hot" and last == 1:
        x = emit("Squeeze", x, squeeze_dims=[x.rank - 1])
    hot = emit("OneHot", x, np.int32(depth), dtype(1), dtype(0), axis=-1)
    if mode == "one_hot" or x.rank == 1:
        return hot
    return emit("Max" if mode == "multi_hot" else "Sum", hot, np.array([-2], np.int32), keep_dims=False)


def plain(value: Any) -> Any:
    """Arrays are serialized as objects."""
    return value["config"]["value"] if isinstance(value, dict) else value
