"""Keras models in memory: of classes of the user's own, of Keras 2, of Keras 3 without TensorFlow."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

import octavo  # noqa: E402
from octavo.errors import Invalid, Unsupported, UsageError  # noqa: E402
from octavo.runtime import Runtime  # noqa: E402

pytestmark = pytest.mark.slow
ROWS = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)


class Doubled(keras.layers.Layer):
    """A layer that no reader knows."""

    def call(self, x):
        return x + x


class Net(keras.Model):
    """A model that is a class: nothing but its code says how the layers are connected."""

    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(5, activation="relu")
        self.last = keras.layers.Dense(2)

    def call(self, x):
        return self.last(self.first(x))


def custom_layer():
    given = keras.Input((4,), name="rows")
    return keras.Model(given, keras.layers.Dense(3)(Doubled()(given)))


def keras_2_custom():
    import tf_keras

    class Halved(tf_keras.layers.Layer):
        def call(self, x):
            return x / 2

    return tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(3), Halved()])


def class_model():
    model = Net()
    model(ROWS)
    return model


@pytest.mark.parametrize("make", [custom_layer, class_model, keras_2_custom], ids=lambda make: make.__name__)
def test_code_of_the_users_own_is_read_through_an_export(make):
    model = make()
    runtime = Runtime(octavo.convert(model).content)
    (got,) = runtime.run({runtime.inputs[0].name: ROWS}).values()
    np.testing.assert_allclose(got, model(ROWS), atol=1e-6)


def test_a_class_that_was_never_called_says_how_to_go_on():
    with pytest.raises(Unsupported) as caught:
        octavo.convert(Net())
    assert "export" in caught.value.hint


@pytest.mark.parametrize("backend", ["numpy", "torch", "jax"])
def test_keras_without_tensorflow_is_read_and_imports_nothing_more(backend):
    pytest.importorskip("jax" if backend == "numpy" else backend, reason=f"what Keras needs for {backend} is missing")
    program = f"""
import os, sys
os.environ["KERAS_BACKEND"] = "{backend}"
import keras, numpy as np, octavo
from octavo.runtime import Runtime
L = keras.layers
model = keras.Sequential([keras.Input((8, 8, 3)), L.Conv2D(4, 3, activation="relu"), L.BatchNormalization(),
                          L.GlobalAveragePooling2D(), L.Dense(2, activation="softmax")])
x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype(np.float32)
there = {{"tensorflow", "torch", "jax"}} & set(sys.modules)
runtime = Runtime(octavo.convert(model).content)
(got,) = runtime.run({{runtime.inputs[0].name: x}}).values()
np.testing.assert_allclose(got, keras.ops.convert_to_numpy(model(x)), atol=1e-5)
assert there == {{"tensorflow", "torch", "jax"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_inputs_are_called_as_keras_exports_them(tmp_path):
    given = keras.Input((4,))
    model = keras.Model(given, keras.layers.Dense(2)(given))
    model.export(str(tmp_path / "saved"), verbose=False)
    names = [
        [port.name for port in Runtime(octavo.convert(source).content).inputs] for source in (model, tmp_path / "saved")
    ]
    assert names[0] == names[1] == [given.name]


@pytest.mark.parametrize("form", ["live", ".keras", ".h5"])
def test_a_model_of_convolutions_takes_another_size_where_it_is_asked_for(form, tmp_path):
    layers = keras.layers
    given = keras.Input((8, 8, 3), name="image")
    x = layers.UpSampling2D()(layers.Conv2D(4, 3, strides=2, padding="same")(given))
    model = keras.Model(given, layers.Concatenate()([x, given]))
    if form != "live":
        model.save(tmp_path / f"model{form}")
    source = model if form == "live" else tmp_path / f"model{form}"
    runtime = Runtime(octavo.convert(source, shapes={"image": [1, 12, 20, 3]}).content)
    assert runtime.inputs[0].shape == (1, 12, 20, 3)
    image = np.random.default_rng(0).normal(size=(1, 12, 20, 3)).astype(np.float32)
    (got,) = runtime.run({"image": image}).values()
    wide = keras.Input((12, 20, 3))
    x = model.layers[2](model.layers[1](wide))
    np.testing.assert_allclose(got, keras.Model(wide, layers.Concatenate()([x, wide]))(image), atol=1e-5)
    with pytest.raises(UsageError, match="does not fit"):
        octavo.convert(source, shapes={"image": [1, 12, 20]})


def test_a_size_that_a_layer_cannot_take_is_told_by_the_layer(tmp_path):
    given = keras.Input((8, 8, 3), name="image")
    model = keras.Model(given, keras.layers.Dense(2, name="head")(keras.layers.Flatten()(given)))
    model.save(tmp_path / "model.keras")
    with pytest.raises(Invalid, match="head"):
        octavo.convert(tmp_path / "model.keras", shapes={"image": [None, 9, 9, 3]})
