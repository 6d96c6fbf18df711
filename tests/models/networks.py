"""Small networks of the kinds that people train: each has the structure of the real thing, and live random weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

L = keras.layers
Samples = dict[str, np.ndarray]


def encoder(x: Any, *, heads: int, width: int, before: bool = False) -> Any:
    """A block of a transformer; the normalization stands `before` attention and network, or behind."""
    size = x.shape[-1]
    attention = L.MultiHeadAttention(heads, size // heads)
    network = keras.Sequential([L.Dense(width, activation="gelu"), L.Dense(size)])
    if before:
        normal = L.LayerNormalization()(x)
        x = x + attention(normal, normal)
        return x + network(L.LayerNormalization()(x))
    x = L.LayerNormalization()(x + attention(x, x))
    return L.LayerNormalization()(x + network(x))


def bert() -> keras.Model:
    """Words and segments embedded, a padding mask, two blocks, a pooled sentence."""
    words, mask = keras.Input((12,), dtype="int32", name="words"), keras.Input((12,), dtype="int32", name="mask")
    places = ops.arange(12)
    x = L.LayerNormalization()(L.Embedding(50, 32)(words) + L.Embedding(12, 32)(places))
    allowed = ops.cast(mask, "bool")[:, None, :]
    for _ in range(2):
        attended = L.MultiHeadAttention(4, 8)(x, x, attention_mask=allowed)
        x = L.LayerNormalization()(x + attended)
        x = L.LayerNormalization()(x + L.Dense(32)(L.Dense(64, activation="gelu")(x)))
    pooled = L.Dense(32, activation="tanh")(x[:, 0])
    return keras.Model([words, mask], {"pooled": pooled, "classes": L.Dense(3, activation="softmax")(pooled)})


def vision_transformer() -> keras.Model:
    """Patches of pictures as words."""
    given = keras.Input((32, 32, 3), name="image")
    patches = L.Reshape((16, 32))(L.Conv2D(32, 8, strides=8)(given))
    x = L.Dense(32)(patches)
    for _ in range(2):
        x = encoder(x, heads=4, width=64, before=True)
    x = L.GlobalAveragePooling1D()(L.LayerNormalization()(x))
    return keras.Model(given, L.Dense(10)(x))


def u_net() -> keras.Model:
    """Down and up again, with a bridge at each size."""
    given = keras.Input((32, 32, 3), name="image")

    def twice(x: Any, channels: int) -> Any:
        for _ in range(2):
            x = L.ReLU()(L.BatchNormalization()(L.Conv2D(channels, 3, padding="same", use_bias=False)(x)))
        return x

    first = twice(given, 8)
    second = twice(L.MaxPooling2D()(first), 16)
    x = twice(L.MaxPooling2D()(second), 32)
    x = twice(L.Concatenate()([L.Conv2DTranspose(16, 2, strides=2)(x), second]), 16)
    x = twice(L.Concatenate()([L.UpSampling2D(interpolation="bilinear")(x), first]), 8)
    return keras.Model(given, L.Conv2D(4, 1, activation="softmax")(x))


def detector() -> keras.Model:
    """A backbone of inverted residuals, and at two sizes heads for boxes and classes, joined over all anchors."""
    given = keras.Input((64, 64, 3), name="image")
    relu6 = "relu6"

    def inverted(x: Any, channels: int, strides: int) -> Any:
        inner = L.BatchNormalization()(L.Conv2D(4 * x.shape[-1], 1, use_bias=False)(x))
        inner = L.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(L.Activation(relu6)(inner))
        inner = L.Conv2D(channels, 1, use_bias=False)(L.Activation(relu6)(L.BatchNormalization()(inner)))
        inner = L.BatchNormalization()(inner)
        return L.Add()([x, inner]) if inner.shape == x.shape else inner

    x = inverted(L.Conv2D(8, 3, strides=2, padding="same", activation="relu6")(given), 16, 2)
    large = inverted(inverted(x, 16, 1), 16, 2)
    small = inverted(large, 24, 2)
    boxes, classes = [], []
    for features in (large, small):
        boxes.append(L.Reshape((-1, 4))(L.Conv2D(3 * 4, 3, padding="same")(features)))
        classes.append(L.Reshape((-1, 5))(L.Conv2D(3 * 5, 3, padding="same")(features)))
    scores = L.Activation("sigmoid")(L.Concatenate(axis=1)(classes))
    return keras.Model(given, {"boxes": L.Concatenate(axis=1)(boxes), "scores": scores})


def speech() -> keras.Model:
    """Frames of a spectrogram through dilated causal convolutions with gates, for each frame the sound that it is."""
    given = keras.Input((40, 13), name="frames")
    x = L.Conv1D(16, 3, padding="causal")(given)
    for rate in (1, 2, 4):
        value = L.Conv1D(16, 3, padding="causal", dilation_rate=rate, activation="tanh")(x)
        gate = L.Conv1D(16, 3, padding="causal", dilation_rate=rate, activation="sigmoid")(x)
        x = L.LayerNormalization()(x + L.Conv1D(16, 1)(value * gate))
    return keras.Model(given, L.Dense(12, activation="log_softmax")(x))


def autoencoder() -> keras.Model:
    """A picture squeezed into few numbers, and made anew."""
    given = keras.Input((28, 28, 1), name="image")
    x = L.Conv2D(8, 3, strides=2, padding="same", activation="relu")(given)
    x = L.Conv2D(16, 3, strides=2, padding="same", activation="relu")(x)
    code = L.Dense(16, name="code")(L.Flatten()(x))
    x = L.Reshape((7, 7, 16))(L.Dense(7 * 7 * 16, activation="relu")(code))
    x = L.Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu")(x)
    x = L.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu")(x)
    return keras.Model(given, {"code": code, "image": L.Conv2D(1, 3, padding="same", activation="sigmoid")(x)})


NETWORKS: dict[str, Callable[[], keras.Model]] = {
    make.__name__: make for make in (bert, vision_transformer, u_net, detector, speech, autoencoder)
}


def built(name: str) -> keras.Model:
    """A network whose activations neither fade nor explode, and whose batch normalizations have seen numbers."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(7)
    model = NETWORKS[name]()
    random = np.random.default_rng(7)
    for weight in model.weights:
        if "gamma" in weight.path or "moving_variance" in weight.path:
            weight.assign(random.uniform(0.7, 1.3, weight.shape))
        elif "kernel" not in weight.path and "embeddings" not in weight.path and weight.dtype == "float32":
            weight.assign(random.normal(0, 0.1, weight.shape))
    return model


def drawn(model: keras.Model, count: int, *, seed: int = 0) -> Samples:
    """Inputs by name: words of a vocabulary of 50 behind which nothing stands, or pictures and frames."""
    random = np.random.default_rng(seed)
    samples = {}
    for tensor in model.inputs:
        shape = (count, *tensor.shape[1:])
        if tensor.name == "mask":
            samples["mask"] = (np.arange(shape[1]) < random.integers(3, shape[1] + 1, (count, 1))).astype(np.int32)
        elif tensor.dtype == "int32":
            samples[tensor.name] = random.integers(0, 50, shape, np.int32)
        else:
            samples[tensor.name] = random.uniform(-1, 1, shape).astype(np.float32)
    return samples


def answers(model: keras.Model, samples: Samples) -> Samples:
    """What Keras computes, by the names that a SavedModel gives to outputs."""
    given = [samples[tensor.name] for tensor in model.inputs]
    outputs = model(given if len(given) > 1 else given[0], training=False)
    if not isinstance(outputs, dict):
        outputs = {f"output_{at}": each for at, each in enumerate(outputs if isinstance(outputs, list) else [outputs])}
    return {name: np.asarray(output) for name, output in outputs.items()}
