"""Trains the digits classifier of this example and writes its model and data next to this script.

    uv run --group examples --group test examples/digits/train.py

Needs TensorFlow, Keras 3 and scikit-learn. The same versions on the same machine give the same numbers.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from sklearn.datasets import load_digits

SEED = 8
SIDE = 20  # pixels of the warped pictures; scikit-learn's digits have 8
GREYS = 6  # pictures are whole sixths, so that the committed files compress
INPUT = "image"
TRAINING_DIGITS = 1200  # of 1797; the others are held out, and so are all their warped copies
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Pictures:
    """Grey pictures [n, 20, 20, 1] float32 in 0..1, and their digits [n]."""

    images: np.ndarray
    labels: np.ndarray


def warp(digits: Pictures, *, copies: int, rng: np.random.Generator) -> Pictures:
    """Several enlarged copies of each 8x8 digit: shifted, turned, scaled, of uneven contrast, and noisy."""
    images = np.repeat(digits.images, copies, axis=0)
    count = len(images)
    angle, zoom = rng.normal(0, 0.16, count), rng.uniform(0.8, 1.25, count)
    rows, columns = _source_grid(angle, zoom, rng.normal(0, 0.7, (2, count, 1, 1)))
    smooth = _bilinear(np.pad(images, ((0, 0), (4, 4), (4, 4))), rows + 4, columns + 4)
    contrast, floor = rng.uniform(0.45, 1.0, (2, count, 1, 1)) * [[[[1.0]]], [[[0.1]]]]
    noisy = floor + contrast * smooth + rng.normal(0, 0.1, smooth.shape)
    grey = np.rint(np.clip(noisy, 0, 1) * GREYS) / GREYS
    return Pictures(grey[..., None].astype(np.float32), np.repeat(digits.labels, copies))


def _source_grid(angle: np.ndarray, zoom: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where in the 8x8 digits each pixel of each picture looks: rows and columns, [n, 20, 20] each."""
    centred = (np.arange(SIDE) - (SIDE - 1) / 2) * 8 / SIDE
    down, across = centred[None, :, None], centred[None, None, :]
    cosine, sine = (np.cos(angle) * zoom)[:, None, None], (np.sin(angle) * zoom)[:, None, None]
    return cosine * down - sine * across + 3.5 + shift[0], sine * down + cosine * across + 3.5 + shift[1]


def _bilinear(images: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The images' values between pixels; places outside see the border, which is padding."""
    side = images.shape[1]
    rows, columns = np.clip(rows, 0, side - 1.001), np.clip(columns, 0, side - 1.001)
    top, left = rows.astype(int), columns.astype(int)
    below, right = rows - top, columns - left
    each = np.arange(len(images))[:, None, None]
    upper = images[each, top, left] * (1 - right) + images[each, top, left + 1] * right
    lower = images[each, top + 1, left] * (1 - right) + images[each, top + 1, left + 1] * right
    return upper * (1 - below) + lower * below


def classifier() -> keras.Model:
    """A small network with the parts that quantizers meet: batch norm, ReLU6, swish, depthwise, a sum, pooling."""
    layers = keras.layers
    image = keras.Input((SIDE, SIDE, 1), name=INPUT)
    x = layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="stem")(image)
    x = layers.ReLU(6.0, name="stem_relu6")(layers.BatchNormalization(name="stem_norm")(x))
    x = _separable(x, filters=32, strides=2, name="narrow")
    kept = x
    x = _separable(x, filters=32, strides=1, name="branch")
    x = layers.Add(name="sum")([kept, x])
    x = layers.Conv2D(48, 3, padding="same", use_bias=False, name="last")(x)
    x = layers.ReLU(6.0, name="last_relu6")(layers.BatchNormalization(name="last_norm")(x))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, layers.Dense(10, activation="softmax", name="digit")(x), name="digits")


def _separable(x: keras.KerasTensor, *, filters: int, strides: int, name: str) -> keras.KerasTensor:
    layers = keras.layers
    x = layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False, name=f"{name}_depthwise")(x)
    x = layers.ReLU(6.0, name=f"{name}_relu6")(layers.BatchNormalization(name=f"{name}_depthwise_norm")(x))
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_pointwise")(x)
    return layers.Activation("swish", name=f"{name}_swish")(layers.BatchNormalization(name=f"{name}_norm")(x))


def main() -> None:
    """Train, and write `saved_model/`, `calibration.npz` and `held_out.npz`."""
    keras.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    source = load_digits()
    order = rng.permutation(len(source.images))
    given, held = (
        Pictures(source.images[part] / 16, source.target[part])
        for part in (order[:TRAINING_DIGITS], order[TRAINING_DIGITS:])
    )
    training, held_out = warp(given, copies=20, rng=rng), warp(held, copies=2, rng=rng)
    model = classifier()
    steps = keras.optimizers.schedules.CosineDecay(4e-3, decay_steps=12 * (len(training.images) // 64))
    model.compile(keras.optimizers.Adam(steps), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(training.images, training.labels, batch_size=64, epochs=12, verbose=2)

    chosen = np.sort(rng.choice(len(training.images), 128, replace=False))
    shutil.rmtree(HERE / "saved_model", ignore_errors=True)
    model.export(HERE / "saved_model", verbose=False)
    np.savez_compressed(HERE / "calibration.npz", **{INPUT: training.images[chosen]})
    np.savez_compressed(HERE / "held_out.npz", **{INPUT: held_out.images, "labels": held_out.labels})
    _, accuracy = model.evaluate(held_out.images, held_out.labels, verbose=0)
    print(f"{model.count_params()} parameters; {accuracy:.2%} of {len(held_out.labels)} held-out pictures right")


if __name__ == "__main__":
    main()
