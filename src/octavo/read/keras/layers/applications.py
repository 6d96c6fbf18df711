"""Layers that only models of `keras.applications` have."""

from __future__ import annotations

from collections.abc import Sequence

from octavo.read.keras.emitter import Tensor
from octavo.read.keras.layer import Layer, layer


@layer("LayerScale")
def layer_scale(layer: Layer, x: Tensor) -> Tensor:
    """Each channel times a weight: ConvNeXt."""
    return layer.emit("Mul", x, layer.weight(0, "gamma", [int(layer.config["projection_dim"])]))


@layer("CustomScaleLayer")
def custom_scale_layer(layer: Layer, xs: Sequence[Tensor]) -> Tensor:
    """The first plus a part of the second: InceptionResNetV2."""
    return layer.emit("AddV2", xs[0], layer.emit("Mul", xs[1], float(layer.config["scale"])))
