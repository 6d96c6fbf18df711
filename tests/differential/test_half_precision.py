"""Models trained in half precision, as SavedModels: what they compute, in float32."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import octavo
from octavo.runtime import Runtime

STEP = {"mixed_float16": 2.0**-11, "mixed_bfloat16": 2.0**-8}  # relative, of one rounding


def trained_in(policy):
    keras.utils.set_random_seed(0)
    with_policy = {"dtype": keras.DTypePolicy(policy)}
    x = keras.Input((12, 12, 3), name="image")
    h = keras.layers.Conv2D(8, 3, **with_policy)(x)
    h = keras.layers.BatchNormalization(**with_policy)(h)
    h = keras.layers.ReLU(**with_policy)(h)
    h = keras.layers.GlobalAveragePooling2D(**with_policy)(h)
    return keras.Model(x, keras.layers.Dense(4, **with_policy)(h))


@pytest.mark.parametrize("policy", STEP)
@pytest.mark.parametrize("save", [lambda m, path: m.export(path, verbose=False), tf.saved_model.save])
def test_a_savedmodel_trained_in_halves_computes_in_float32_and_says_so(policy, save, tmp_path):
    model = trained_in(policy)
    images = np.random.default_rng(0).random((5, 12, 12, 3)).astype(np.float32)
    save(model, str(tmp_path / "model"))
    made = octavo.convert(tmp_path / "model")
    runtime = Runtime(made.content)
    assert [tensor.dtype for tensor in (*runtime.inputs, *runtime.outputs)] == [np.float32] * 2
    assert any(policy.removeprefix("mixed_") in warning and "float32" in warning for warning in made.warnings)
    (got,) = runtime.run({runtime.inputs[0].name: images}).values()
    same = keras.Model.from_config(trained_in("float32").get_config())
    same.set_weights(model.get_weights())
    exact = np.asarray(same(images))
    np.testing.assert_allclose(got, exact, atol=1e-5 * np.abs(exact).max())  # TensorFlow itself in float32
    rounded = np.asarray(tf.cast(model(images), tf.float32))
    assert np.abs(got - rounded).max() < 8 * STEP[policy] * np.abs(exact).max()  # five layers round, with their weights


def test_what_is_trained_in_halves_is_quantized_like_any_model(tmp_path):
    trained_in("mixed_float16").export(str(tmp_path / "model"), verbose=False)
    images = np.random.default_rng(1).random((16, 12, 12, 3)).astype(np.float32)
    made = octavo.convert(tmp_path / "model", recipe="int8", samples=images)
    assert {op.precision for op in made.plan.graphs[0].ops} == {"int8"}
