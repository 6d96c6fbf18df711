"""Small SavedModels as each producer writes them, with random weights.

Each gives the values by the shared name of the variable for those that TensorFlow's own restore may miss:
Keras 3 models restore into twins of the variables that their functions read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
Values = dict[str, np.ndarray]


def keras_export(path: Path) -> Values:
    model = _keras_model()
    model.export(str(path), verbose=False)
    return _values(model)


def keras_by_tensorflow(path: Path) -> Values:
    model = _keras_model()
    tf.saved_model.save(model, str(path))
    return _values(model)


def keras_recurrent(path: Path) -> Values:
    """While loops and tensor lists."""
    import keras

    model = keras.Sequential([keras.Input((5, 3)), keras.layers.GRU(4), keras.layers.Dense(2)])
    _randomize(model.weights)
    model.export(str(path), verbose=False)
    return _values(model)


def keras_2(path: Path) -> Values:
    import tf_keras

    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [layers.Input((6, 4)), layers.Conv1D(3, 2), layers.BatchNormalization(), layers.LSTM(3), layers.Dense(2)]
    )
    _randomize(model.weights)
    model.save(str(path), save_format="tf")
    return {}


def module(path: Path) -> Values:
    tf.saved_model.save(built := Module(), str(path), signatures={"wide": built.wide, "narrow": built.narrow})
    return {}


class Module(tf.Module):
    """Two signatures, a branch, a loop, a table, several outputs and dtypes."""

    def __init__(self) -> None:
        super().__init__()
        rng = np.random.default_rng(3)
        self.weights = [tf.Variable(rng.normal(size=(4, 3)).astype(np.float32), name="w") for _ in range(2)]
        self.half = tf.Variable(rng.normal(size=3), dtype=tf.bfloat16)
        self.steps = tf.Variable(3, dtype=tf.int64)
        self.unused = tf.Variable([True, False])
        keys = tf.constant(["a", "b"])
        self.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, tf.range(2)), -1)

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, "x"), tf.TensorSpec([], tf.bool, "flag")])
    def wide(self, x: tf.Tensor, flag: tf.Tensor) -> dict[str, tf.Tensor]:
        y = tf.cond(flag, lambda: x @ self.weights[0], lambda: x @ self.weights[1])
        steps = tf.constant(0, tf.int64)
        while steps < self.steps:
            y, steps = y * 2.0, steps + 1
        low, high = tf.split(y, [1, 2], axis=1)
        return {"low": low, "high": high, "half": tf.cast(self.half, tf.float32)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "words")])
    def narrow(self, words: tf.Tensor) -> tf.Tensor:
        return self.table.lookup(words)


def resource_variables(path: Path) -> Values:
    return _first_version(path, resources=True)


def reference_variables(path: Path) -> Values:
    return _first_version(path, resources=False)


def constants_only(path: Path) -> Values:
    with v1.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 4], name="x")
        y = tf.identity(x @ tf.constant(np.ones((4, 2), np.float32)), name="y")
        v1.saved_model.simple_save(session, str(path), {"x": x}, {"y": y})
    return {}


PRODUCERS: dict[str, Callable[[Path], Values]] = {
    make.__name__: make
    for make in (
        keras_export,
        keras_by_tensorflow,
        keras_recurrent,
        keras_2,
        module,
        resource_variables,
        reference_variables,
        constants_only,
    )
}


def _first_version(path: Path, *, resources: bool) -> Values:
    """A TensorFlow 1 graph with a plain, a partitioned and a half-precision variable."""
    with v1.Graph().as_default(), v1.Session() as session:
        with v1.variable_scope("net", use_resource=resources, initializer=v1.random_normal_initializer(seed=1)):
            x = v1.placeholder(tf.float32, [None, 4], name="x")
            plain = v1.get_variable("plain", [4, 6])
            parts = v1.get_variable("parts", [6, 5], partitioner=v1.fixed_size_partitioner(3))
            half = v1.get_variable("half", [5], dtype=tf.float16)
        y = tf.add(x @ plain @ tf.convert_to_tensor(parts), tf.cast(half, tf.float32), name="y")
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(path), {"x": x}, {"y": y})
    return {}


def _keras_model():  # keras is imported late
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.DepthwiseConv2D(3, name="depthwise"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, name="dense"),
        ]
    )
    _randomize(model.weights)
    return model


def _values(model: Any) -> Values:
    return {weight.path: weight.numpy() for weight in model.weights}


def _randomize(weights: list) -> None:
    """Different numbers everywhere: equal weights would hide a mix-up."""
    rng = np.random.default_rng(7)
    for weight in weights:
        weight.assign(rng.uniform(0.5, 1.5, weight.shape).astype(np.float32))
