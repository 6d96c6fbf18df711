"""Activations: as layers, and as the functions that other layers end with."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from octavo.ir.op import NotLoweredError
from octavo.read.keras.emitter import Emitter, Tensor
from octavo.read.keras.layer import Layer, Masks, layer, mask_of


def activate(layer: Layer, x: Tensor, key: str = "activation") -> Tensor:
    """`x` after the activation that the layer's configuration names, or describes as a function or a layer.

    Raises:
        NotLoweredError: it is not known.
    """
    given = layer.config.get(key)
    if given is None:
        return x
    if isinstance(given, Mapping):
        if given.get("class_name") not in ("function", None):
            return _as_layer(layer, given, x)
        given = given.get("config")
    name = str(given).rpartition(">")[2]
    if layer.keras2 and name == "hard_sigmoid":
        return _hard_sigmoid_of_keras_2(layer.emit, x)
    function = FUNCTIONS.get(name)
    if function is None:
        raise NotLoweredError(f"the activation {given!r} is not known")
    return function(layer.emit, x)


def _as_layer(layer: Layer, entry: Mapping[str, Any], x: Tensor) -> Tensor:
    result: Tensor = layer.apply({"config": {}, **entry}, layer.weights.part("activation", None), x)
    return result


def relu(emit: Emitter, x: Tensor, *, top: float | None = None, slope: float = 0.0, threshold: float = 0.0) -> Tensor:
    """`x` above the threshold, at most `top`; below it `slope · (x − threshold)`."""
    if threshold == 0 and slope == 0 and top in (None, 6.0):
        return emit("Relu" if top is None else "Relu6", x)
    if threshold == 0:
        result = emit("LeakyRelu", x, alpha=float(slope)) if slope else emit("Relu", x)
        return result if top is None else emit("Minimum", result, top)
    above = x if top is None else emit("Minimum", x, top)
    below = emit("Mul", emit("Sub", x, threshold), slope) if slope else emit("ZerosLike", x)
    return emit("SelectV2", emit("GreaterEqual" if slope else "Greater", x, threshold), above, below)


def softmax(emit: Emitter, x: Tensor, *, axis: int = -1, op: str = "Softmax") -> Tensor:
    """Along any axis: TensorFlow has it along the last one."""
    axis %= x.rank
    if axis == x.rank - 1:
        return emit(op, x)
    order = [at for at in range(x.rank) if at != axis] + [axis]
    return emit.transpose(emit(op, emit.transpose(x, order)), np.argsort(order).tolist())


def gelu(emit: Emitter, x: Tensor, *, approximate: bool = False) -> Tensor:
    """`x · Φ(x)`, where Φ is the normal distribution, or its approximation by a hyperbolic tangent."""
    if approximate:
        inner = emit("Mul", emit("AddV2", x, emit("Mul", emit("Pow", x, 3.0), 0.044715)), math.sqrt(2 / math.pi))
        return emit("Mul", emit("Mul", x, 0.5), emit("AddV2", emit("Tanh", inner), 1.0))
    erf = emit("Erf", emit("Mul", x, 1 / math.sqrt(2)))
    return emit("Mul", emit("Mul", x, 0.5), emit("AddV2", erf, 1.0))


def _hard_sigmoid(emit: Emitter, x: Tensor) -> Tensor:
    return emit("Mul", emit("Relu6", emit("AddV2", x, 3.0)), 1 / 6)


def _hard_sigmoid_of_keras_2(emit: Emitter, x: Tensor) -> Tensor:
    """A line of another slope than that of Keras 3."""
    return emit("ClipByValue", emit("AddV2", emit("Mul", x, 0.2), 0.5), np.float32(0), np.float32(1))


def _celu(emit: Emitter, x: Tensor) -> Tensor:
    return emit("Elu", x)  # they agree at alpha 1, which a name alone stands for


def _glu(emit: Emitter, x: Tensor) -> Tensor:
    first, second = emit.many("Split", np.int32(-1), x, num_split=2)
    return emit("Mul", first, emit("Sigmoid", second))


def _hard_shrink(emit: Emitter, x: Tensor) -> Tensor:
    return emit("SelectV2", emit("Greater", emit("Abs", x), 0.5), x, emit("ZerosLike", x))


def _soft_shrink(emit: Emitter, x: Tensor) -> Tensor:
    return emit("Mul", emit("Sign", x), emit("Relu", emit("Sub", emit("Abs", x), 0.5)))


def _squareplus(emit: Emitter, x: Tensor) -> Tensor:
    root = emit("Sqrt", emit("AddV2", emit("Square", x), 4.0))
    return emit("Mul", emit("AddV2", x, root), 0.5)


def _sparse_plus(emit: Emitter, x: Tensor) -> Tensor:
    curve = emit("Mul", emit("Square", emit("AddV2", x, 1.0)), 0.25)
    low = emit("SelectV2", emit("LessEqual", x, -1.0), emit("ZerosLike", x), curve)
    return emit("SelectV2", emit("GreaterEqual", x, 1.0), x, low)


def _clip(emit: Emitter, x: Tensor) -> Tensor:
    return emit("ClipByValue", x, np.float32(-1), np.float32(1))


FUNCTIONS: Mapping[str, Callable[[Emitter, Tensor], Tensor]] = {
    "linear": lambda emit, x: x,  # noqa: ARG005  # nothing is emitted
    "relu": relu,
    "relu6": lambda emit, x: emit("Relu6", x),
    "leaky_relu": lambda emit, x: emit("LeakyRelu", x, alpha=0.2),
    "softmax": softmax,
    "log_softmax": lambda emit, x: softmax(emit, x, op="LogSoftmax"),
    "elu": lambda emit, x: emit("Elu", x),
    "selu": lambda emit, x: emit("Selu", x),
    "celu": _celu,
    "softplus": lambda emit, x: emit("Softplus", x),
    "softsign": lambda emit, x: emit("Softsign", x),
    "silu": lambda emit, x: emit("Mul", x, emit("Sigmoid", x)),
    "swish": lambda emit, x: emit("Mul", x, emit("Sigmoid", x)),
    "gelu": gelu,
    "gelu_new": lambda emit, x: gelu(emit, x, approximate=True),
    "glu": _glu,
    "tanh": lambda emit, x: emit("Tanh", x),
    "tanh_shrink": lambda emit, x: emit("Sub", x, emit("Tanh", x)),
    "hard_tanh": _clip,
    "hard_shrink": _hard_shrink,
    "soft_shrink": _soft_shrink,
    "sigmoid": lambda emit, x: emit("Sigmoid", x),
    "log_sigmoid": lambda emit, x: emit("Neg", emit("Softplus", emit("Neg", x))),
    "hard_sigmoid": _hard_sigmoid,
    "hard_silu": lambda emit, x: emit("Mul", x, _hard_sigmoid(emit, x)),
    "hard_swish": lambda emit, x: emit("Mul", x, _hard_sigmoid(emit, x)),
    "exponential": lambda emit, x: emit("Exp", x),
    "mish": lambda emit, x: emit("Mul", x, emit("Tanh", emit("Softplus", x))),
    "squareplus": _squareplus,
    "sparse_plus": _sparse_plus,
    "sparse_sigmoid": lambda emit, x: emit("Mul", emit("AddV2", _clip(emit, x), 1.0), 0.5),
}
"""The functions of `keras.activations` at their defaults, which are all that a name stands for."""


@layer("Activation", masks=Masks.KEPT)
def activation(layer: Layer, x: Tensor) -> Tensor:
    """The function that the configuration names."""
    return activate(layer, x)


@layer("ReLU", masks=Masks.KEPT)
def relu_layer(layer: Layer, x: Tensor) -> Tensor:
    """With a top, a slope below and a threshold."""
    top = layer.get("max_value")
    slope, threshold = float(layer.get("negative_slope", 0)), float(layer.get("threshold", 0))
    return relu(layer.emit, x, top=None if top is None else float(top), slope=slope, threshold=threshold)


@layer("LeakyReLU", masks=Masks.KEPT)
def leaky_relu(layer: Layer, x: Tensor) -> Tensor:
    """Keras 2 calls the slope alpha."""
    return layer.emit("LeakyRelu", x, alpha=float(layer.get("negative_slope", layer.get("alpha", 0.3))))


@layer("ThresholdedReLU", masks=Masks.KEPT)
def thresholded_relu(layer: Layer, x: Tensor) -> Tensor:
    """`x` above theta, else 0."""
    return relu(layer.emit, x, threshold=float(layer.get("theta", 1.0)))


@layer("PReLU", masks=Masks.KEPT)
def prelu(layer: Layer, x: Tensor) -> Tensor:
    """Keras writes it as `relu(x) − alpha · relu(−x)`."""
    emit = layer.emit
    alpha = emit("Neg", layer.weight(0, "alpha"))
    return emit("AddV2", emit("Relu", x), emit("Mul", alpha, emit("Relu", emit("Neg", x))))


@layer("ELU", masks=Masks.KEPT)
def elu(layer: Layer, x: Tensor) -> Tensor:
    """Below zero, `alpha · (eˣ − 1)`."""
    emit, alpha = layer.emit, float(layer.get("alpha", 1.0))
    if alpha == 1:
        return emit("Elu", x)
    return emit("SelectV2", emit("Greater", x, 0.0), x, emit("Mul", emit("Elu", x), alpha))


@layer("Softmax", masks=Masks.KEPT)
def softmax_layer(layer: Layer, x: Tensor, mask: Tensor | None = None) -> Tensor:
    """Along one axis, or several; masked numbers count for nothing."""
    emit, axis, mask = layer.emit, layer.get("axis", -1), mask_of(x, mask)
    if mask is not None:
        x = emit("SelectV2", emit.cast(mask, bool), x, np.float32(-3.4e38 / 2))
    if not isinstance(axis, list | tuple):
        return softmax(emit, x, axis=axis)
    if len(axis) == 1:
        return softmax(emit, x, axis=axis[0])
    axes = np.array(axis, np.int32)
    powers = emit("Exp", emit("Sub", x, emit("Max", x, axes, keep_dims=True)))
    return emit("RealDiv", powers, emit("Sum", powers, axes, keep_dims=True))
