"""A Keras 3 LSTM in full integers: the loop, its gates and its state.

    python examples/tutorials/recurrent.py

The LSTM reads a digit row by row, as eight steps of eight numbers. TensorFlow's own converter takes such a model in
float only: Octavo makes a loop whose body computes in integers.
"""

from __future__ import annotations

import keras
from classifier import data, measure, show

import octavo


def train(*, epochs: int = 10) -> keras.Model:
    """A trained classifier of digits as sequences [batch, 8 steps, 8 numbers]; the same numbers on the same machine."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([
        keras.layers.Input((8, 8), name="rows"),
        keras.layers.LSTM(40, name="reader"),
        keras.layers.Dense(10, activation="softmax", name="digit"),
    ])  # fmt: skip
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy", jit_compile=False)
    images, labels, _, _ = data()
    model.fit(images[..., 0], labels, epochs=epochs, batch_size=64, verbose=0)
    return model


def main() -> dict[str, dict[str, float]]:
    """Train, convert, compare: accuracy and bytes of each model."""
    train().export("digits_lstm", verbose=False)
    images, _, held_out, labels = data()
    rows, held_out = images[:100, ..., 0], held_out[..., 0]
    recipes = {
        "float32": "float32",
        "dynamic": "dynamic",
        "int8": {"precision": "int8", "strict": True},
        "int8 in and out": {"precision": "int8", "inputs": "int8", "outputs": "int8", "strict": True},
    }
    found = {}
    for name, recipe in recipes.items():
        result = octavo.convert("digits_lstm", recipe=recipe, samples=rows)
        found[name] = measure(result.content, held_out, labels)
    result.save("digits_lstm_integers.tflite")
    result.plan.save("digits_lstm_integers.plan.json")
    return found


if __name__ == "__main__":
    show(main())
