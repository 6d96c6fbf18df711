"""An object-detection head: boxes and scores, which need different grids.

    python examples/tutorials/detection.py

A small detector finds discs, squares and crosses in noisy pictures. Its head gives a box in pixels and a score per
class for each of 36 places, decoded inside of the model; what overlaps is thinned out in numpy behind it.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from classifier import show

import octavo

SIDE, CELLS = 48, 6
STRIDE = SIDE // CELLS
SHAPES = 3  # disc, square, cross


@dataclass(frozen=True)
class Scenes:
    """Pictures [n, 48, 48, 1] float32; `boxes` [n, 36, 4] (top, left, bottom, right), `classes` [n, 36], −1: none."""

    images: np.ndarray
    boxes: np.ndarray
    classes: np.ndarray


def scenes(count: int, *, seed: int) -> Scenes:
    """Pictures with one to three shapes each, in cells of their own, on a noisy ground."""
    rng = np.random.default_rng(seed)
    images = rng.normal(0.3, 0.08, (count, SIDE, SIDE, 1)).astype(np.float32)
    boxes, classes = np.zeros((count, CELLS**2, 4), np.float32), np.full((count, CELLS**2), -1)
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    for n in range(count):
        for quarter in rng.permutation(4)[: rng.integers(1, 4)]:
            half, kind = rng.uniform(4, 10), rng.integers(SHAPES)
            corner = 24 * np.array(divmod(quarter, 2)) - 1
            y, x = corner + rng.uniform(half, 24 - min(half, 4), 2)
            down, across = np.abs(rows - y), np.abs(columns - x)
            drawn = (np.hypot(down, across) < half, np.maximum(down, across) < half,
                     (np.minimum(down, across) < half / 3) & (np.maximum(down, across) < half))[kind]  # fmt: skip
            images[n, drawn] += rng.uniform(0.3, 0.6)
            cell = int(min(y, SIDE - 1) // STRIDE * CELLS + min(x, SIDE - 1) // STRIDE)
            boxes[n, cell], classes[n, cell] = (y - half, x - half, y + half, x + half), kind
    return Scenes(images, boxes, classes)


class Decode(keras.layers.Layer):
    """Boxes in pixels: the middle is an offset from that of the cell, height and width are exponentials."""

    def call(self, raw: keras.KerasTensor) -> keras.KerasTensor:
        """`[batch, 36, 4]` of small numbers, as the head gives them, to `[batch, 36, 4]` pixels."""
        middles = (np.mgrid[:CELLS, :CELLS].reshape(2, -1).T + 0.5).astype(np.float32) * STRIDE
        middle = middles + raw[..., :2] * STRIDE
        half = keras.ops.exp(raw[..., 2:]) * STRIDE / 2
        return keras.ops.concatenate([middle - half, middle + half], axis=-1)


def train(*, epochs: int = 16) -> keras.Model:
    """A trained detector with the outputs `boxes` and `scores`; the same numbers each time on the same machine."""
    keras.utils.set_random_seed(1)
    image = x = keras.Input((SIDE, SIDE, 1), name="image")
    for number, filters in enumerate((16, 24, 48)):
        x = keras.layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(x))
    x = keras.layers.SeparableConv2D(64, 3, padding="same", activation="relu", name="neck")(x)
    raw = keras.layers.Reshape((-1, 4))(keras.layers.Conv2D(4, 3, padding="same", name="box_head")(x))
    scores = keras.layers.Conv2D(SHAPES, 3, padding="same", activation="sigmoid", name="score_head")(x)
    outputs = {"boxes": Decode(name="boxes")(raw), "scores": keras.layers.Reshape((-1, SHAPES), name="scores")(scores)}
    model = keras.Model(image, outputs)
    model.compile(keras.optimizers.Adam(4e-3), {"boxes": box_loss, "scores": score_loss}, jit_compile=False)
    given = scenes(1000, seed=1)
    classes = np.eye(SHAPES + 1, dtype=np.float32)[given.classes][..., :SHAPES]
    model.fit(given.images, {"boxes": given.boxes, "scores": classes}, epochs=epochs, batch_size=32, verbose=0)
    return model


def box_loss(true: keras.KerasTensor, found: keras.KerasTensor) -> keras.KerasTensor:
    """The mean error of the sides, in strides, where there is something."""
    there = keras.ops.cast(true[..., 2:3] > 0, "float32")
    return keras.ops.sum(keras.ops.abs(true - found) * there) / (STRIDE * keras.ops.sum(there) + 1)


def score_loss(true: keras.KerasTensor, found: keras.KerasTensor) -> keras.KerasTensor:
    """Cross entropy, in which what is there counts ten times."""
    error = keras.ops.binary_crossentropy(true, found)
    return keras.ops.mean(error * (1 + 9 * true)) * 4


def detections(boxes: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The boxes [n, 4] and classes [n] of one picture: those over a half, best first, none that overlaps a better."""
    kept: list[int] = []
    for cell in np.argsort(-scores.max(axis=-1)):
        if scores[cell].max() < 0.5:
            break
        if all(overlap(boxes[cell], boxes[other]) < 0.4 for other in kept):
            kept.append(int(cell))
    return boxes[kept], scores[kept].argmax(axis=-1)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    inner = np.maximum(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0).prod()
    return float(inner / ((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod() - inner))


def f1(content: bytes, given: Scenes) -> float:
    """How well a `.tflite` detects: a shape is found where a box of its class overlaps its own by a half."""
    run = Interpreter(model_content=content).get_signature_runner("serving_default")
    stored = octavo.quantize_inputs(content, {"image": given.images})
    real = octavo.dequantize_outputs(content, run(**stored))
    hits = told = there = 0
    for n, classes in enumerate(given.classes):
        boxes, kinds = detections(real["boxes"][n], real["scores"][n])
        cells = np.flatnonzero(classes >= 0)
        told, there = told + len(boxes), there + len(cells)
        for cell in cells:
            same = boxes[kinds == classes[cell]]
            hits += any(overlap(box, given.boxes[n, cell]) > 0.5 for box in same)
    return 2 * hits / (told + there)


def main() -> dict[str, dict[str, float]]:
    """Train, convert, compare: the F1 of detections and the bytes of each model."""
    train().export("detector", verbose=False)
    samples, held_out = scenes(100, seed=2).images, scenes(300, seed=3)
    recipes = {
        "float32": "float32",
        "int8": "int8",
        "int8 in and out": {"precision": "int8", "inputs": "uint8", "outputs": "int8"},
        "boxes decoded in float": {"precision": "int8", "rules": [{"layer": "boxes*", "precision": "float32"}]},
    }
    found = {}
    for name, recipe in recipes.items():
        result = octavo.convert("detector", recipe=recipe, samples=samples)
        found[name] = {"F1": f1(result.content, held_out), "bytes": len(result.content)}
        result.save(f"detector_{name.replace(' ', '_')}.tflite")
    return found


if __name__ == "__main__":
    show(main())
