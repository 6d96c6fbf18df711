"""`.tflite` files as TensorFlow and litert-quantizer make them: read and written again, and converted again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

import octavo  # noqa: E402
from octavo.read.tflite import read_tflite  # noqa: E402
from octavo.runtime import Runtime  # noqa: E402
from octavo.write.tflite import to_bytes  # noqa: E402

pytestmark = pytest.mark.slow
L = keras.layers


def network() -> keras.Model:
    """Convolutions, a residual, an upsampling, attention and a head, whose weights are mostly zero."""
    keras.utils.set_random_seed(2)
    given = keras.Input((8, 8, 3))
    x = L.Conv2D(16, 3, padding="same", activation="relu")(given)
    x = L.Add()([x, L.DepthwiseConv2D(3, padding="same")(x)])
    x = L.UpSampling2D(interpolation="bilinear")(L.MaxPooling2D()(x))
    x = L.Reshape((64, 16))(x)
    x = L.BatchNormalization()(L.MultiHeadAttention(2, 8)(x, x))
    model = keras.Model(given, [L.Dense(5, activation="softmax")(L.Flatten()(x)), L.GlobalAveragePooling1D()(x)])
    random = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) > 1:
            weight.assign(np.where(random.random(weight.shape) < 0.2, weight, 0))
    return model


def samples() -> list[list[np.ndarray]]:
    random = np.random.default_rng(1)
    return [[random.uniform(-1, 1, (1, 8, 8, 3)).astype(np.float32)] for _ in range(4)]


FORMS: dict[str, Callable[[tf.lite.TFLiteConverter], None]] = {}


def form(change: Callable[[tf.lite.TFLiteConverter], None]) -> Callable[[tf.lite.TFLiteConverter], None]:
    FORMS[change.__name__] = change
    return change


@form
def float32(converter: tf.lite.TFLiteConverter) -> None:
    """As it is."""


@form
def sparse(converter: tf.lite.TFLiteConverter) -> None:
    converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]


@form
def float16(converter: tf.lite.TFLiteConverter) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]


@form
def dynamic(converter: tf.lite.TFLiteConverter) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]


@form
def int8(converter: tf.lite.TFLiteConverter) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = samples


@form
def int16x8(converter: tf.lite.TFLiteConverter) -> None:
    int8(converter)
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
        tf.lite.OpsSet.TFLITE_BUILTINS,
    ]


@form
def resource_variable(converter: tf.lite.TFLiteConverter) -> None:
    converter.experimental_enable_resource_variables = True


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    path = tmp_path_factory.mktemp("network")
    network().export(str(path), verbose=False)
    return str(path)


@pytest.mark.parametrize("name", FORMS)
def test_what_tensorflow_wrote_computes_the_same_bits_after_reading_and_writing(name, directory):
    converter = tf.lite.TFLiteConverter.from_saved_model(directory)
    FORMS[name](converter)
    assert_kept(converter.convert())


def test_what_tensorflow_wrote_in_float_computes_the_same_after_optimizing(directory):
    content = tf.lite.TFLiteConverter.from_saved_model(directory).convert()
    before, after = Runtime(content), Runtime(octavo.convert(content).content)
    sample = {before.inputs[0].name: np.concatenate(samples()[0] * 2)}
    expected, got = before.run(sample), after.run(sample)
    for key, array in expected.items():  # some hundred roundings of float32, in another order
        np.testing.assert_allclose(got[key], array, atol=1e-5 * np.abs(array).max())


@pytest.mark.parametrize("bits", [4, 8])
def test_what_litert_quantizer_wrote_computes_the_same_bits_after_reading_and_writing(bits, directory, tmp_path):
    quantizer = pytest.importorskip("litert_quantizer", reason="litert-quantizer is not installed")
    recipe = quantizer.recipe
    plain = tmp_path / "float.tflite"
    plain.write_bytes(tf.lite.TFLiteConverter.from_saved_model(directory).convert())
    made = quantizer.Quantizer(str(plain), recipe.dynamic_wi8_afp32() if bits == 8 else recipe.weight_only_wi4_afp32())
    assert_kept(bytes(made.quantize().quantized_model))


def test_variables_and_their_initialization_are_kept(tmp_path):
    class Counter(tf.Module):
        def __init__(self):
            super().__init__()
            self.count = tf.Variable([1.0, 2.0])

        @tf.function(input_signature=[tf.TensorSpec([2], tf.float32, "x")])
        def add(self, x):
            return {"y": self.count.assign_add(x)}

    module = Counter()
    tf.saved_model.save(module, str(tmp_path), signatures=module.add)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path))
    converter.experimental_enable_resource_variables = True
    assert_kept(converter.convert(), times=3)


def assert_kept(content: bytes, times: int = 1) -> None:
    """The model is a fixed point of reading and writing, and LiteRT computes the same bits from it."""
    written = to_bytes(read_tflite(content))
    assert to_bytes(read_tflite(written)) == written
    before, after = Runtime(content), Runtime(written)
    random = np.random.default_rng(3)
    shapes = {port.name: [dim if isinstance(dim, int) else 1 for dim in port.shape] for port in before.inputs}
    for _ in range(times):
        sample = {port.name: random.uniform(-1, 1, shapes[port.name]).astype(port.dtype) for port in before.inputs}
        expected, got = before.run(sample), after.run(sample)
        assert expected.keys() == got.keys()
        for key, array in expected.items():
            np.testing.assert_array_equal(got[key], array)
