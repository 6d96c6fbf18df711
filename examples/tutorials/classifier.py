"""What the tutorials share: scikit-learn's digits, a small Keras model trained on them, and its accuracy."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from sklearn.datasets import load_digits

import octavo
from octavo import lite

TRAINING = 1200  # of 1797 digits; the others are held out


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training pictures [n, 8, 8, 1] float32 in 0..1 and labels, then held-out pictures and labels."""
    digits = load_digits()
    images = (digits.images / 16).astype(np.float32)[..., np.newaxis]
    return images[:TRAINING], digits.target[:TRAINING], images[TRAINING:], digits.target[TRAINING:]


def train(*, epochs: int = 6) -> keras.Model:
    """A trained classifier; the same numbers each time on the same machine."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([
        keras.layers.Input((8, 8, 1)),
        keras.layers.Conv2D(12, 3, activation="relu"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Flatten(),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ])  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    images, labels, _, _ = data()
    model.fit(images, labels, epochs=epochs, verbose=0)
    return model


def accuracy(content: bytes) -> float:
    """The share of held-out digits that a `.tflite` gets right; integers go in and out where the model has them."""
    _, _, images, labels = data()
    interpreter = lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    right = 0
    for image, label in zip(images, labels, strict=True):
        interpreter.set_tensor(taken["index"], _stored(image[np.newaxis], taken))
        interpreter.invoke()
        right += int(interpreter.get_tensor(given["index"])[0].argmax() == label)
    return right / len(labels)


def _stored(image: np.ndarray, details: dict[str, Any]) -> np.ndarray:
    if details["dtype"] == np.float32:
        return image
    scale, zero_point = details["quantization"]
    return np.clip(np.rint(image / scale) + zero_point, 0, 255).astype(details["dtype"])


def measure(content: bytes, inputs: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """The accuracy of a `.tflite` of one input and one output, real or integer, and its bytes."""
    return {"accuracy": octavo.evaluate(content, zip(inputs, labels, strict=True)).score.value, "bytes": len(content)}


def show(found: dict[str, dict[str, float]]) -> None:
    """Print a line for each model: what it gets right, and how large it is."""
    for name, numbers in found.items():
        right, size = numbers.values()
        print(f"{name:<25}{right:7.2%}{size:>10,.0f} bytes")
