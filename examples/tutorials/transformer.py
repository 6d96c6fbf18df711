"""A small transformer: attention, layer normalization and GELU in integers.

    python examples/tutorials/transformer.py

A vision transformer reads a digit as sixteen patches. What transformers are hard for (outliers in front of a layer
normalization, masks in front of a softmax) Octavo measures, and says what it did about it.
"""

from __future__ import annotations

import keras
import numpy as np
from classifier import data, measure, show

import octavo

WIDTH = 32


def train(*, epochs: int = 10) -> keras.Model:
    """A trained classifier of digits [batch, 8, 8, 1]; the same numbers each time on the same machine."""
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Conv2D(WIDTH, 2, strides=2, name="patches")(image)
    x = keras.layers.Reshape((16, WIDTH), name="tokens")(x)
    x = Positions(name="positions")(x)
    for number in range(2):
        x = block(x, name=f"block{number}")
    x = keras.layers.LayerNormalization(name="last_norm")(x)
    x = keras.layers.GlobalAveragePooling1D(name="pool")(x)
    model = keras.Model(image, keras.layers.Dense(10, activation="softmax", name="digit")(x))
    model.compile(keras.optimizers.Adam(4e-3), "sparse_categorical_crossentropy", jit_compile=False)
    images, labels, _, _ = data()
    model.fit(images, labels, epochs=epochs, batch_size=64, verbose=0)
    return model


class Positions(keras.layers.Layer):
    """Adds to each token what tells where it stands: a layer of one's own, of which Octavo sees the operations."""

    def build(self, shape: tuple[int, ...]) -> None:
        """Make the table [tokens, width]."""
        self.table = self.add_weight(shape=shape[1:], initializer="random_normal", name="table")

    def call(self, tokens: keras.KerasTensor) -> keras.KerasTensor:
        """The tokens, with the table added."""
        return tokens + self.table


def block(x: keras.KerasTensor, *, name: str) -> keras.KerasTensor:
    """Attention and two dense layers, each behind a normalization and beside a shortcut."""
    layers = keras.layers
    normal = layers.LayerNormalization(name=f"{name}_norm")(x)
    x = layers.Add(name=f"{name}_sum")([x, layers.MultiHeadAttention(4, 8, name=f"{name}_attention")(normal, normal)])
    wide = layers.Dense(4 * WIDTH, activation="gelu", name=f"{name}_wide")(
        layers.LayerNormalization(name=f"{name}_dense_norm")(x)
    )
    return layers.Add(name=f"{name}_dense_sum")([x, layers.Dense(WIDTH, name=f"{name}_narrow")(wide)])


def main() -> dict[str, dict[str, float]]:
    """Train, convert, compare: accuracy and bytes of each model."""
    train().export("digits_transformer", verbose=False)
    images, _, held_out, labels = data()
    np.savez_compressed("patches.npz", image=held_out[:32])
    found = {}
    for recipe in ("float32", "dynamic", "int8", "int16x8"):
        result = octavo.convert("digits_transformer", recipe=recipe, samples=images[:100])
        found[recipe] = measure(result.content, held_out, labels)
        result.save(f"digits_transformer_{recipe}.tflite")
    return found


if __name__ == "__main__":
    show(main())
