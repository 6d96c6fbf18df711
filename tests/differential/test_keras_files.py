"""Files that Keras 3 and Keras 2 write, read without either, compute what the saved model computes."""

import importlib
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import octavo
from octavo.errors import Unsupported
from octavo.ir.interpret import interpret
from octavo.lower.engine import lower
from octavo.read.open import read
from trained import ABSENT, ROOT

IMAGE, ODD, WIDE = (8, 10, 3), (7, 9, 4), (6, 6, 8)
STEPS, ROW, VOLUME = (7, 6), (6,), (4, 5, 4, 3)

ONE_INPUT = {
    "Conv2D": (IMAGE, lambda k: k.Conv2D(4, 3, padding="same", activation="relu")),
    "Conv2D_strided": (ODD, lambda k: k.Conv2D(5, (3, 2), strides=2, padding="same", use_bias=False)),
    "Conv2D_dilated": (IMAGE, lambda k: k.Conv2D(4, 3, dilation_rate=2)),
    "Conv2D_grouped": (WIDE, lambda k: k.Conv2D(4, 3, groups=2)),
    "Conv2D_channels_first": ((3, 8, 8), lambda k: k.Conv2D(4, 1, data_format="channels_first", activation="tanh")),
    "Conv1D": (STEPS, lambda k: k.Conv1D(4, 3, padding="same")),
    "Conv1D_causal": (STEPS, lambda k: k.Conv1D(4, 3, padding="causal", dilation_rate=2)),
    "DepthwiseConv2D": (IMAGE, lambda k: k.DepthwiseConv2D(3, depth_multiplier=2, padding="same")),
    "DepthwiseConv1D": (STEPS, lambda k: k.DepthwiseConv1D(3, strides=2)),
    "SeparableConv2D": (IMAGE, lambda k: k.SeparableConv2D(5, 3, activation="relu6")),
    "SeparableConv1D": (STEPS, lambda k: k.SeparableConv1D(4, 3)),
    "Conv2DTranspose_same": (IMAGE, lambda k: k.Conv2DTranspose(4, 3, strides=2, padding="same")),
    "Conv2DTranspose_valid": (IMAGE, lambda k: k.Conv2DTranspose(4, 2, strides=3)),
    "Conv2DTranspose_padded": (
        IMAGE,
        lambda k: k.Conv2DTranspose(4, 3, strides=2, padding="same", output_padding=1),
    ),
    "Conv1DTranspose": (STEPS, lambda k: k.Conv1DTranspose(4, 3, strides=2)),
    "Conv3D": (VOLUME, lambda k: k.Conv3D(4, (2, 3, 2), strides=(1, 2, 2), padding="same", activation="relu")),
    "Conv3D_dilated": (VOLUME, lambda k: k.Conv3D(4, 2, dilation_rate=(2, 1, 1))),
    "Conv3DTranspose": (VOLUME, lambda k: k.Conv3DTranspose(4, 3, strides=2, padding="same")),
    "Conv3DTranspose_valid": (VOLUME, lambda k: k.Conv3DTranspose(4, (3, 2, 2), strides=(2, 1, 3))),
    "STFT_stft": ((90, 2), lambda k: k.STFTSpectrogram("stft", 32, 16)),
    "STFT_psd": ((90, 1), lambda k: k.STFTSpectrogram("psd", 20, expand_dims=True, padding="same")),
    "STFT_magnitude": ((2, 90), lambda k: k.STFTSpectrogram("magnitude", 32, data_format="channels_first")),
    "STFT_real": ((1, 90), lambda k: k.STFTSpectrogram("real", 32, expand_dims=True, data_format="channels_first")),
    "STFT_imag": ((90, 1), lambda k: k.STFTSpectrogram("imag", 32, fft_length=64, scaling="spectrum")),
    "MelSpectrogram": ((400,), lambda k: k.MelSpectrogram(64, 20, num_mel_bins=12, power_to_db=False)),
    "MelSpectrogram_decibels": ((401,), lambda k: k.MelSpectrogram(64, 32, 51, "hamming", num_mel_bins=9, mag_exp=1)),
    "Dense": (ROW, lambda k: k.Dense(4, activation="softmax")),
    "Dense_on_steps": (STEPS, lambda k: k.Dense(4, activation="selu")),
    "EinsumDense": (STEPS, lambda k: k.EinsumDense("abc,cd->abd", (None, 5), bias_axes="d")),
    "BatchNormalization": (IMAGE, lambda k: k.BatchNormalization()),
    "BatchNormalization_bare": (IMAGE, lambda k: k.BatchNormalization(scale=False, center=False)),
    "BatchNormalization_first": (ODD, lambda k: k.BatchNormalization(axis=1)),
    "BatchNormalization_rows": (ROW, lambda k: k.BatchNormalization()),
    "LayerNormalization": (STEPS, lambda k: k.LayerNormalization()),
    "LayerNormalization_two_axes": (STEPS, lambda k: k.LayerNormalization(axis=[1, 2])),
    "GroupNormalization": (WIDE, lambda k: k.GroupNormalization(groups=4)),
    "UnitNormalization": (STEPS, lambda k: k.UnitNormalization()),
    "SpectralNormalization": (IMAGE, lambda k: k.SpectralNormalization(k.Conv2D(4, 3))),
    "MaxPooling2D": (ODD, lambda k: k.MaxPooling2D(2, padding="same")),
    "AveragePooling2D": (ODD, lambda k: k.AveragePooling2D(3, strides=2, padding="same")),
    "MaxPooling1D": (STEPS, lambda k: k.MaxPooling1D(2)),
    "AveragePooling1D": (STEPS, lambda k: k.AveragePooling1D(3, strides=1, padding="same")),
    "GlobalAveragePooling2D": (IMAGE, lambda k: k.GlobalAveragePooling2D()),
    "GlobalAveragePooling1D": (STEPS, lambda k: k.GlobalAveragePooling1D()),
    "GlobalMaxPooling2D_kept": (IMAGE, lambda k: k.GlobalMaxPooling2D(keepdims=True)),
    "GlobalMaxPooling1D": (STEPS, lambda k: k.GlobalMaxPooling1D()),
    "GlobalAveragePooling3D": ((2, 3, 4, 2), lambda k: k.GlobalAveragePooling3D()),
    "GlobalMaxPooling3D": (VOLUME, lambda k: k.GlobalMaxPooling3D()),
    "MaxPooling3D": (VOLUME, lambda k: k.MaxPooling3D(2, padding="same")),
    "AveragePooling3D": (VOLUME, lambda k: k.AveragePooling3D((2, 3, 2), strides=1, padding="same")),
    "AdaptiveAveragePooling1D": (STEPS, lambda k: k.AdaptiveAveragePooling1D(3)),
    "AdaptiveAveragePooling2D": (ODD, lambda k: k.AdaptiveAveragePooling2D((3, 4))),
    "AdaptiveMaxPooling2D": (ODD, lambda k: k.AdaptiveMaxPooling2D((5, 9))),
    "AdaptiveMaxPooling3D": (VOLUME, lambda k: k.AdaptiveMaxPooling3D((3, 2, 4))),
    "ReLU": (ROW, lambda k: k.ReLU(max_value=1.0, negative_slope=0.1)),
    "ReLU_threshold": (ROW, lambda k: k.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.3)),
    "LeakyReLU": (ROW, lambda k: k.LeakyReLU()),
    "PReLU": (IMAGE, lambda k: k.PReLU(shared_axes=[1, 2])),
    "ELU": (ROW, lambda k: k.ELU(0.5)),
    "Softmax_axis": (IMAGE, lambda k: k.Softmax(axis=1)),
    "Softmax_axes": (IMAGE, lambda k: k.Softmax(axis=[1, 2])),
    "Flatten": (IMAGE, lambda k: k.Flatten()),
    "Flatten_channels_first": (IMAGE, lambda k: k.Flatten(data_format="channels_first")),
    "Reshape": (IMAGE, lambda k: k.Reshape((4, -1))),
    "Permute": (IMAGE, lambda k: k.Permute((3, 1, 2))),
    "RepeatVector": (ROW, lambda k: k.RepeatVector(3)),
    "ZeroPadding2D": (IMAGE, lambda k: k.ZeroPadding2D(((1, 2), (0, 3)))),
    "ZeroPadding1D": (STEPS, lambda k: k.ZeroPadding1D((1, 2))),
    "Cropping2D": (IMAGE, lambda k: k.Cropping2D(((1, 0), (2, 3)))),
    "Cropping1D": (STEPS, lambda k: k.Cropping1D((1, 2))),
    "UpSampling2D": (IMAGE, lambda k: k.UpSampling2D((2, 3))),
    "UpSampling2D_bilinear": (IMAGE, lambda k: k.UpSampling2D(2, interpolation="bilinear")),
    "UpSampling1D": (STEPS, lambda k: k.UpSampling1D(2)),
    "UpSampling3D": (VOLUME, lambda k: k.UpSampling3D((2, 1, 3))),
    "ZeroPadding3D": (VOLUME, lambda k: k.ZeroPadding3D(((1, 0), (2, 1), (0, 3)))),
    "Cropping3D": (VOLUME, lambda k: k.Cropping3D(((1, 0), (2, 1), (0, 1)))),
    "TimeDistributed": (STEPS, lambda k: k.TimeDistributed(k.Dense(3))),
    "TimeDistributed_images": ((3, 6, 6, 2), lambda k: k.TimeDistributed(k.Conv2D(3, 3))),
    "Dropout": (ROW, lambda k: k.Dropout(0.5)),
    "GaussianNoise": (ROW, lambda k: k.GaussianNoise(0.5)),
    "Rescaling": (IMAGE, lambda k: k.Rescaling(2.0, offset=-1.0)),
    "Resizing": (IMAGE, lambda k: k.Resizing(5, 7)),
    "Resizing_bicubic": (IMAGE, lambda k: k.Resizing(5, 12, interpolation="bicubic")),
    "Resizing_area": (IMAGE, lambda k: k.Resizing(4, 7, interpolation="area")),
    "UpSampling2D_bicubic": (IMAGE, lambda k: k.UpSampling2D(2, interpolation="bicubic")),
    "CenterCrop": (IMAGE, lambda k: k.CenterCrop(5, 6)),
    "RandomFlip": (IMAGE, lambda k: k.RandomFlip()),
    "Normalization": (IMAGE, lambda k: k.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0])),
    "Discretization": (ROW, lambda k: k.Discretization(bin_boundaries=[-0.5, 0.0, 0.7])),
}
"""Name → the shape of a sample, and the layer."""


ACTIVATIONS = (  # noqa: SIM905  # as a list it fills a screen
    "relu relu6 leaky_relu softmax log_softmax elu selu celu softplus softsign silu gelu glu tanh tanh_shrink hard_tanh "
    "hard_shrink soft_shrink sigmoid log_sigmoid hard_sigmoid hard_silu exponential mish squareplus sparse_plus "
    "sparse_sigmoid linear"
).split()

TWO_INPUTS = {
    "Add": lambda k: k.Add(),
    "Subtract": lambda k: k.Subtract(),
    "Multiply": lambda k: k.Multiply(),
    "Average": lambda k: k.Average(),
    "Maximum": lambda k: k.Maximum(),
    "Minimum": lambda k: k.Minimum(),
    "Concatenate": lambda k: k.Concatenate(axis=1),
    "Dot": lambda k: k.Dot(axes=(2, 2)),
    "Dot_normalized": lambda k: k.Dot(axes=(1, 1), normalize=True),
    "Attention": lambda k: k.Attention(use_scale=True),
    "AdditiveAttention": lambda k: k.AdditiveAttention(),
}
"""Name → a layer on two sequences."""

WRITERS = {
    "keras3": ("keras", ".keras"),
    "keras3_h5": ("keras", ".h5"),
    "keras2_h5": ("tf_keras", ".h5"),
    "keras2": ("tf_keras", ".keras"),
}
every_writer = pytest.mark.parametrize("writer", WRITERS)


@pytest.fixture(autouse=True)
def _quiet():
    """Keras advises against HDF5, and tf-keras speaks of itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def keras_of(writer):
    return pytest.importorskip(WRITERS[writer][0])


def random_weights(model):
    random = np.random.default_rng(1)
    # positive, since some are variances
    model.set_weights([random.uniform(0.2, 1.0, w.shape).astype(w.dtype) for w in model.get_weights()])


def agree(model, writer, tmp_path, samples=None, within=1e-5):
    """Compare the model's file, and the model itself; gives what was read of the file."""
    path = tmp_path / f"model{WRITERS[writer][1]}"
    model.save(path)
    if writer in ("keras3", "keras2"):
        compare(model, read(model), samples, within)
    source = read(path)
    compare(model, source, samples, within)
    return source


def compare(model, source, samples, within):
    """Lower and run; all outputs are compared in Keras's order. `within` is relative to the largest number."""
    graph = lower(source).main
    names = [tensor.name.partition(":")[0] for tensor in model.inputs]
    random = np.random.default_rng(0)
    given = samples or [random.normal(size=(2, *t.shape[1:])).astype(np.float32) for t in model.inputs]
    expected = model(given if len(given) > 1 else given[0], training=False)
    expected = expected if isinstance(expected, list | tuple) else [expected]
    numbers = interpret(graph, {f"{name}:0": x for name, x in zip(names, given, strict=True)})
    results = dict(zip([port.name for port in source.signatures[0].outputs], graph.outputs, strict=True))
    for index, want in enumerate(np.asarray(e) for e in expected):
        got = numbers[results[f"output_{index}"]]
        assert got.shape == want.shape
        # both sum float32 in their own order
        np.testing.assert_allclose(got, want, rtol=0, atol=within * max(1e-3, np.abs(want).max()))


@every_writer
@pytest.mark.parametrize("name", ONE_INPUT)
def test_a_layer_computes_what_keras_computes(name, writer, tmp_path):
    keras = keras_of(writer)
    shape, make = ONE_INPUT[name]
    try:
        model = keras.Sequential([keras.Input(shape, name="x"), make(keras.layers)])
    except (AttributeError, TypeError, ValueError) as reason:
        pytest.skip(f"this Keras has no such layer: {reason}")
    random_weights(model)
    agree(model, writer, tmp_path)


@every_writer
def test_every_activation_by_name(writer, tmp_path):
    keras = keras_of(writer)
    x = keras.Input((3, 4), name="x")
    known = [name for name in ACTIVATIONS if hasattr(keras.activations, name)]
    agree(keras.Model(x, [keras.layers.Activation(name)(x) for name in known]), writer, tmp_path)


@every_writer
@pytest.mark.parametrize("name", TWO_INPUTS)
def test_a_layer_of_two_inputs_computes_what_keras_computes(name, writer, tmp_path):
    keras = keras_of(writer)
    xs = [keras.Input((5, 4), name=each) for each in "ab"]
    model = keras.Model(xs, TWO_INPUTS[name](keras.layers)(xs))
    random_weights(model)
    agree(model, writer, tmp_path)


@every_writer
def test_heads_attend(writer, tmp_path):
    keras = keras_of(writer)
    query, value = keras.Input((5, 6), name="query"), keras.Input((4, 6), name="value")
    plain = keras.layers.MultiHeadAttention(2, 3, name="plain")(query, value)
    causal = keras.layers.MultiHeadAttention(2, 3, value_dim=4, name="causal")(query, query, use_causal_mask=True)
    model = keras.Model([query, value], [plain, causal])
    random_weights(model)
    agree(model, writer, tmp_path)


def test_layers_that_only_keras_3_has(tmp_path):
    keras = pytest.importorskip("keras")
    x = keras.Input((5, 8), name="x")
    y = keras.layers.RMSNormalization()(x)
    y = keras.layers.GroupQueryAttention(4, 4, 2)(y, y)
    model = keras.Model(x, y)
    random_weights(model)
    agree(model, "keras3", tmp_path)


@every_writer
def test_words_become_vectors(writer, tmp_path):
    keras = keras_of(writer)
    model = keras.Sequential([keras.Input((5,), dtype="int32", name="x"), keras.layers.Embedding(7, 3)])
    agree(model, writer, tmp_path, [np.array([[0, 1, 2, 3, 6]], np.int32)])


@every_writer
@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
def test_categories_become_rows(mode, writer, tmp_path):
    keras = keras_of(writer)
    layer = keras.layers.CategoryEncoding(4, output_mode=mode)
    model = keras.Sequential([keras.Input((1 if mode == "one_hot" else 3,), dtype="int32", name="x"), layer])
    agree(model, writer, tmp_path, [np.array([[1], [3]] if mode == "one_hot" else [[1, 3, 3], [0, 0, 2]], np.int32)])


@every_writer
def test_models_in_models_and_layers_used_twice_keep_their_weights(writer, tmp_path):
    keras = keras_of(writer)
    layers = keras.layers
    a, b = keras.Input((8, 8, 3), name="second"), keras.Input((8, 8, 3), name="first")
    parts = [
        layers.Conv2D(4, 3, name="c"),
        layers.DepthwiseConv2D(1, name="w"),
        layers.BatchNormalization(name="n"),
        layers.Dense(4, name="d"),
    ]
    inner = keras.Sequential(parts, name="inner")
    x = keras.Input((6, 6, 4))
    twin = "e" if writer == "keras2_h5" else "d"  # tf-keras cannot save two weights of one name
    wrapped = keras.Sequential([keras.Input((6, 6, 4)), layers.Dense(3, name=twin)], name="deep")
    middle = keras.Model(x, [wrapped(layers.Dense(4, name="d")(x)), layers.Dense(2, name="c")(x)], name="middle")
    deep, flat = middle(layers.Add()([inner(a), inner(b)]))
    shared = layers.Dense(2, name="shared")
    model = keras.Model([a, b], [shared(shared(flat)), deep])
    random = np.random.default_rng(3)
    model.set_weights([random.uniform(0.2, 1.0, w.shape) for w in model.get_weights()])
    source = agree(model, writer, tmp_path)
    assert [port.name for port in source.signatures[0].inputs] == ["first", "second"]


@pytest.mark.parametrize("writer", ["keras3", "keras3_h5"])
def test_operations_of_keras_3_between_layers(writer, tmp_path):
    keras = pytest.importorskip("keras")
    ops = keras.ops
    x = keras.Input((4, 6), name="x")
    y = keras.Input((4, 6), name="y")
    outputs = [
        ops.relu(x) * 2.0 + 1.0 - y / 3.0,
        1.0 - ops.concatenate([x, y], axis=-1),
        ops.mean(x, axis=-1, keepdims=True) * ops.sum(y, axis=1, keepdims=True),
        ops.reshape(ops.transpose(x, (0, 2, 1)), (-1, 24)),
        x[:, 1:3, ::2],
        x[..., 0],
        ops.matmul(x, ops.transpose(y, (0, 2, 1))),
        ops.softmax(ops.expand_dims(x, 1)),
        ops.clip(ops.exp(x), 0.5, 2.0),
        ops.maximum(x, y) ** 2.0,
        ops.stack([x, y], axis=1),
        ops.gelu(x),
        ops.where(ops.greater(x, y), x, y),
        ops.squeeze(ops.max(x, axis=2, keepdims=True), axis=2),
        ops.einsum("bij,bkj->bik", x, y),
        -ops.abs(ops.sqrt(ops.square(x))),
    ]
    agree(keras.Model([x, y], outputs), writer, tmp_path)


@pytest.mark.parametrize("writer", ["keras3", "keras3_h5"])
def test_operations_on_arrays_between_layers(writer, tmp_path):
    keras = pytest.importorskip("keras")
    ops = keras.ops
    x = keras.Input((4, 6), name="x")
    image = keras.Input((4, 6, 3), name="y")
    outputs = [
        ops.cast(ops.argmax(x, axis=-1), "float32") + ops.cast(ops.argmin(x, axis=2), "float32"),
        ops.var(x, axis=1) + ops.std(x, axis=1) + ops.logsumexp(x, axis=1) + ops.amax(x, axis=1),
        ops.norm(x, axis=-1) + ops.norm(x, ord=1, axis=-1) + ops.logsumexp(x, axis=(1, 2), keepdims=True)[:, 0],
        ops.cumsum(x, axis=1) * ops.cumprod(x, axis=2),
        ops.top_k(x, 2)[0],
        ops.sort(x, axis=1) + ops.cast(ops.argsort(x, axis=-1), "float32"),
        ops.flip(x, axis=1) + ops.roll(x, 2, axis=1),
        ops.round(x) + ops.round(3 * x, 1),
        ops.pad(x, [[0, 0], [1, 2], [0, 1]], constant_values=3.0),
        ops.pad(x, [[0, 0], [1, 2], [2, 1]], mode="reflect") + ops.pad(x, [[0, 0], [1, 2], [2, 1]], mode="symmetric"),
        ops.take_along_axis(x, ops.argsort(x, axis=1), axis=1),
        ops.repeat(x, 3, axis=1),
        ops.tile(x, (1, 2, 1)),
        ops.split(x, 2, axis=-1)[1],
        ops.split(x, [1, 4], axis=-1)[1],
        sum(ops.unstack(x, axis=1)),
        ops.take(x, [0, -1], axis=1),
        ops.swapaxes(image, 1, 3),
        ops.moveaxis(image, 3, 1),
        ops.tril(x, 1) - ops.triu(x),
        ops.normalize(x, axis=-1),
        ops.one_hot(ops.cast(ops.relu(x), "int32"), 3),
        ops.arctan2(x, 1.0 + x * x) + ops.arcsinh(x) + ops.erfc(x) if hasattr(ops, "erfc") else ops.arcsinh(x),
        ops.image.resize(image, (7, 9), interpolation="bicubic"),
        *ops.moments(x, axes=[1]),
        *ops.rfft(x),
    ]
    agree(keras.Model([x, image], outputs), writer, tmp_path)


@pytest.mark.parametrize("writer", ["keras2", "keras2_h5"])
def test_functions_of_tensorflow_between_layers_of_keras_2(writer, tmp_path):
    keras, tf = pytest.importorskip("tf_keras"), pytest.importorskip("tensorflow")
    x = keras.Input((4, 6), name="x")
    y = keras.Input((4, 6), name="y")
    outputs = [
        tf.nn.relu(x) * 2.0 + 1.0 - y / 3.0,
        tf.concat([x, y], axis=-1),
        tf.reduce_mean(x, axis=-1, keepdims=True) * tf.reduce_sum(y, axis=1, keepdims=True),
        tf.reshape(tf.transpose(x, [0, 2, 1]), [-1, 24]),
        x[:, 1:3, ::2],
        x[:, :, 0],  # tf-keras cannot save an ellipsis
        tf.matmul(x, y, transpose_b=True),
        tf.nn.softmax(tf.expand_dims(x, 1)),
        tf.clip_by_value(tf.exp(x), 0.5, 2.0),
        tf.math.squared_difference(x, y),
        tf.stack([x, y], axis=1),
        tf.nn.gelu(x),
    ]
    agree(keras.Model([x, y], outputs), writer, tmp_path)


@pytest.mark.parametrize("writer", ["keras2", "keras2_h5"])
def test_functions_on_pictures_between_layers_of_keras_2(writer, tmp_path):
    keras, tf = pytest.importorskip("tf_keras"), pytest.importorskip("tensorflow")
    x = keras.Input((6, 8, 4), name="x")
    y = keras.Input((3, 5, 4), name="y")
    outputs = [
        tf.image.resize(y, tf.shape(x)[1:-1], method="nearest"),
        tf.image.resize(x, [9, 5]),
        tf.image.resize(x, [3, 4], method="area"),
        tf.nn.depth_to_space(x, 2),
        tf.nn.space_to_depth(x, 2),
        tf.nn.l2_normalize(x, axis=-1),
        tf.math.l2_normalize(x, axis=[1, 2]),
    ]
    agree(keras.Model([x, y], outputs), writer, tmp_path)


@pytest.mark.parametrize("writer", ["keras3", "keras3_h5"])
def test_layers_that_only_published_models_have(writer, tmp_path):
    keras = pytest.importorskip("keras")
    from keras.src.applications.convnext import LayerScale
    from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

    x = keras.Input((4, 6), name="x")
    scaled = LayerScale(0.5, 6)(x)
    agree(keras.Model(x, [scaled, CustomScaleLayer(scale=0.17)([x, scaled])]), writer, tmp_path)


def test_named_outputs_keep_their_names(tmp_path):
    keras = pytest.importorskip("keras")
    x = keras.Input((4,), name="x")
    keras.Model({"given": x}, {"score": keras.layers.Dense(2)(x), "copy": keras.layers.ReLU()(x)}).save(
        tmp_path / "m.keras"
    )
    (signature,) = read(tmp_path / "m.keras").signatures
    assert [port.name for port in signature.outputs] == ["copy", "score"]
    assert [port.name for port in signature.inputs] == ["x"]


def test_a_mixed_precision_model_computes_in_float32_and_says_so(tmp_path):
    keras = pytest.importorskip("keras")
    layer = keras.layers.Dense(3, dtype="mixed_float16")
    model = keras.Sequential([keras.Input((4,), name="x"), layer])
    source = agree(model, "keras3", tmp_path, within=5e-3)  # Keras itself computes in halves
    assert "mixed_float16" in source.notes[0]
    assert "mixed_float16" in octavo.convert(tmp_path / "model.keras").warnings[0]


def test_layers_whose_config_does_not_say_that_they_train_are_layers_in_hdf5_files_too(tmp_path):
    keras = pytest.importorskip("keras")
    x = keras.Input((8, 8, 3), name="x")
    h = keras.layers.SpatialDropout2D(0.5)(keras.layers.Conv2D(2, 3)(x))
    agree(keras.Model(x, h), "keras3_h5", tmp_path)


def test_all_layers_that_cannot_be_read_come_back_at_once(tmp_path):
    keras = pytest.importorskip("keras")
    x = keras.Input(batch_shape=(1, 4, 3), name="x")
    a = keras.layers.GRU(2, name="memory", stateful=True)(x)
    b = keras.layers.Lambda(lambda v: v, name="code", output_shape=(4, 3))(x)
    keras.Model(x, [keras.layers.Dense(2)(a), b]).save(tmp_path / "m.keras")
    with pytest.raises(Unsupported, match="SavedModel") as caught:
        read(tmp_path / "m.keras")
    assert {(gap.op, gap.layer) for gap in caught.value.gaps} == {("GRU", "memory"), ("Lambda", "code")}


REAL = [
    "mlperf_tiny/ic_resnet8.h5",
    "mlperf_tiny/vww_mobilenetv1_025_96.h5",
    "mlperf_tiny/ad01.h5",
    "imagenet/mobilenet_v1_0.25_224.h5",
    "esc10/yamnet_256_64x96_tl.h5",
]


@pytest.mark.skipif(not ROOT.exists(), reason=ABSENT)
@pytest.mark.parametrize("file", REAL)
def test_published_models_compute_what_keras_computes(file):
    model = pytest.importorskip("tf_keras").models.load_model(ROOT / "models" / file, compile=False)
    graph = lower(read(ROOT / "models" / file)).main
    sample = np.random.default_rng(0).random((2, *model.input_shape[1:]), np.float32)
    got = interpret(graph, {graph.inputs[0].name: sample})[graph.outputs[0]]
    expected = np.asarray(model(sample, training=False))
    # float32 sums in another order, layer after layer
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_reading_imports_no_framework(tmp_path):
    keras = pytest.importorskip("keras")
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(tmp_path / "m.keras")
    code = "import sys; from octavo.read.open import read; read(sys.argv[1]); print([m for m in ('tensorflow', 'keras') if m in sys.modules])"
    root = str(Path(importlib.import_module("octavo").__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m.keras")],
        capture_output=True,
        check=True,
        text=True,
        env={"PYTHONPATH": root},
    )
    assert done.stdout.strip() == "[]"
