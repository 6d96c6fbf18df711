"""Functions of TensorFlow that Keras 2 keeps as layers, where Keras 3 has no operation of the same meaning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from octavo.ir.op import NotLoweredError
from octavo.read.keras.emitter import Operand, Tensor
from octavo.read.keras.layer import Layer, operation

_RESIZING = {
    "bilinear": "ResizeBilinear",
    "nearest": "ResizeNearestNeighbor",
    "bicubic": "ResizeBicubic",
    "area": "ResizeArea",
}


@operation("shape")
def shape(layer: Layer, input: Tensor, out_type: str = "int32") -> Tensor:
    """The lengths of the dimensions, as a vector."""
    return layer.emit("Shape", input, out_type=np.dtype(out_type))


@operation("image.resize")
def resized(layer: Layer, images: Tensor, size: Operand, method: str = "bilinear", **options: Any) -> Tensor:
    """Pictures [batch, rows, columns, channels] of another size, float32 but for the nearest pixel."""
    if options.get("antialias") or options.get("preserve_aspect_ratio"):
        raise NotLoweredError("tf.image.resize with antialias or preserve_aspect_ratio")
    op = _RESIZING.get(method)
    if op is None or images.rank != 4:
        raise NotLoweredError(f"tf.image.resize by {method!r} of {images.rank} dimensions")
    pictures = images if method == "nearest" else layer.emit.cast(images, np.float32)
    wanted = size if isinstance(size, Tensor) else np.array(size, np.int32)
    return layer.emit(op, pictures, wanted, **({} if op == "ResizeArea" else {"half_pixel_centers": True}))


@operation("nn.depth_to_space")
def depth_to_space(layer: Layer, input: Tensor, block_size: int, data_format: str = "NHWC") -> Tensor:
    """Channels laid out as pixels."""
    return layer.emit("DepthToSpace", input, block_size=block_size, data_format=data_format)


@operation("nn.space_to_depth")
def space_to_depth(layer: Layer, input: Tensor, block_size: int, data_format: str = "NHWC") -> Tensor:
    """Pixels laid out as channels."""
    return layer.emit("SpaceToDepth", input, block_size=block_size, data_format=data_format)


@operation("math.l2_normalize")
def l2_normalize(
    layer: Layer, x: Tensor, axis: int | Sequence[int] | None = None, epsilon: float = 1e-12, dim: int | None = None
) -> Tensor:
    """The numbers over the length of the vectors along some axes, all by default; `dim` is an old name of `axis`."""
    emit, along = layer.emit, axis if dim is None else dim
    axes = list(range(x.rank)) if along is None else np.atleast_1d(along).tolist()
    power = emit("Sum", emit("Square", x), np.array(axes, np.int32), keep_dims=True)
    return emit("Mul", x, emit("Rsqrt", emit("Maximum", power, epsilon)))
