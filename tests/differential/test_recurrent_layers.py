"""Recurrent layers and masks of Keras files, on the runtime, against what Keras computes."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from test_keras_files import WRITERS, every_writer, keras_of

import octavo
from octavo.errors import Unsupported
from octavo.read.open import read
from octavo.runtime import Runtime
from trained import ABSENT, ROOT

STEPS, FEATURES = 5, 4


@pytest.fixture(autouse=True)
def _quiet():
    """Keras advises against HDF5, and tells of layers that end a mask."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def cells(k):
    return [k.LSTMCell(3), k.GRUCell(2, reset_after=True), k.SimpleRNNCell(4, activation="relu")]


def encoder_and_decoder(k, x):
    y, *states = k.LSTM(3, return_state=True)(x)
    return [y, *states, k.LSTM(3, return_sequences=True)(x, initial_state=states)]


LOOPS = {
    "last outputs": lambda k, x: [
        k.LSTM(3)(x),
        k.GRU(3)(x),
        k.GRU(3, reset_after=False, use_bias=False, go_backwards=True)(x),
        k.SimpleRNN(3, activation="relu", go_backwards=True)(x),
    ],
    "all outputs": lambda k, x: [
        k.LSTM(3, return_sequences=True, activation="softsign", recurrent_activation="hard_sigmoid")(x),
        k.GRU(3, return_sequences=True, go_backwards=True, reset_after=False)(x),
        k.SimpleRNN(3, return_sequences=True, use_bias=False)(x),
    ],
    "states": lambda k, x: [
        *k.GRU(3, return_state=True)(x),
        *k.RNN(cells(k), return_state=True, return_sequences=True)(x),
        *encoder_and_decoder(k, x),
    ],
    "both directions": lambda k, x: [
        k.Bidirectional(k.LSTM(3))(x),
        k.Bidirectional(k.GRU(3, return_sequences=True), merge_mode="sum")(x),
        *k.Bidirectional(k.SimpleRNN(3, return_sequences=True, return_state=True), merge_mode="ave")(x),
        *k.Bidirectional(k.GRU(3), merge_mode=None)(x),
        k.Bidirectional(k.LSTM(2), backward_layer=k.GRU(2, go_backwards=True), merge_mode="mul")(x),
    ],
    "in a row": lambda k, x: [
        k.Dense(2)(k.LSTM(3)(k.Dropout(0.5)(k.GRU(3, return_sequences=True)(k.TimeDistributed(k.Dense(4))(x))))),
    ],
}
UNROLLED = {
    "unrolled": lambda k, x: [
        k.LSTM(3, unroll=True)(x),
        k.Bidirectional(k.GRU(3, unroll=True, return_sequences=True))(x),
        *k.RNN(cells(k), unroll=True, return_state=True, go_backwards=True, return_sequences=True)(x),
    ],
}
MASKED = {
    "masked": lambda k, x: [
        k.LSTM(3, return_sequences=True)(x),
        *k.GRU(3, go_backwards=True, return_state=True)(x),
        k.LSTM(2)(k.Dropout(0.5)(k.Bidirectional(k.LSTM(3, return_sequences=True))(x))),
        k.Bidirectional(k.SimpleRNN(3))(x),
        k.LSTM(2)(x, initial_state=[k.GRU(2)(x), k.GRU(2)(x)]),
    ],
    "masked and unrolled": lambda k, x: [
        k.LSTM(3, unroll=True, return_sequences=True)(x),
        k.Bidirectional(k.GRU(3, unroll=True))(x),
    ],
    "masks that zero outputs": lambda k, x: [
        k.RNN(cells(k), zero_output_for_mask=True)(x),
        k.RNN(k.LSTMCell(3), zero_output_for_mask=True, return_sequences=True)(x),
    ],
    "masks on their way": lambda k, x: [
        k.GRU(2)(k.LayerNormalization()(k.Activation("relu")(k.Dense(4)(x)))),
        k.GRU(2)(k.BatchNormalization()(x)),
        k.GlobalAveragePooling1D()(k.Dense(3)(x)),
        k.GlobalAveragePooling1D()(k.Conv1D(3, 1)(x)),
        k.GRU(2)(k.Concatenate()([x, k.Dense(2)(x)])),
        k.GRU(2)(k.Concatenate(axis=1)([x, k.LSTM(4, return_sequences=True)(x)])),
        k.GRU(2)(k.Add()([x, k.LSTM(4, return_sequences=True)(x)])),
        k.GRU(2)(k.TimeDistributed(k.Dense(3))(x)),
        k.Attention()([x, k.Dense(4)(x)]),
        k.AdditiveAttention()([k.Dense(4)(x), x]),
        k.Multiply()([x, k.Dense(4)(x)]),
    ],
}
IMAGES = {
    "of rows": ((4, 6, 2), lambda k, x: [k.ConvLSTM1D(3, 2, padding="same")(x)]),
    "of images": (
        (3, 6, 5, 2),
        lambda k, x: [
            *k.ConvLSTM2D(3, 2, return_sequences=True, return_state=True)(x),
            k.ConvLSTM2D(3, (3, 2), strides=2, padding="same", go_backwards=True)(x),
            k.Bidirectional(k.ConvLSTM2D(2, 2, use_bias=False, return_sequences=True))(x),
        ],
    ),
    "of volumes": ((2, 3, 3, 4, 2), lambda k, x: [k.ConvLSTM3D(2, 2)(x)]),
}


def model_of(writer, shape, outputs, *, masked=False):
    keras = keras_of(writer)
    x = keras.Input(shape, name="x")
    start = keras.layers.Masking()(x) if masked else x
    model = keras.Model(x, outputs(keras.layers, start))
    random = np.random.default_rng(1)
    # weights beyond one would make long products of steps, where roundings grow
    model.set_weights([random.uniform(-0.7, 0.7, w.shape).astype(w.dtype) for w in model.get_weights()])
    return model


def given(batch, shape, *, masked=False):
    numbers = np.random.default_rng(batch).normal(size=(batch, *shape)).astype(np.float32)
    if masked:
        numbers[0, shape[0] // 2 :] = 0
        numbers[-1, :2] = 0
        numbers[-1, -1] = 0
    return numbers


def converted(model, writer, tmp_path):
    """The runtime of the model's file, and how many LiteRT outputs it has."""
    path = tmp_path / f"model{WRITERS[writer][1]}"
    model.save(path)
    return Runtime(octavo.convert(path).content)


def flat(tree):
    return [leaf for item in tree for leaf in flat(item)] if isinstance(tree, list | tuple) else [tree]


def check(model, runtime, samples):
    """Every output within 1e-4 of Keras's, relative to its largest number; a second run gives the same."""
    expected = flat(model(samples, training=False))
    first, second = (runtime.run({"x": samples}) for _ in range(2))
    for index, want in enumerate(map(np.asarray, expected)):
        got = first[f"output_{index}"]
        assert got.shape == want.shape
        np.testing.assert_array_equal(second[f"output_{index}"], got)
        # both sum float32 in their own order, step after step
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-4 * max(1e-3, np.abs(want).max()), err_msg=str(index))


@pytest.mark.parametrize(
    ("name", "writer"),
    [
        *itertools.product([*LOOPS, *UNROLLED], ["keras3", "keras2_h5"]),
        *itertools.product(["states", "both directions"], ["keras3_h5", "keras2"]),
    ],
)
def test_a_sequence_computes_what_keras_computes(name, writer, tmp_path):
    outputs = (LOOPS | UNROLLED)[name]
    model = model_of(writer, (STEPS, FEATURES), outputs)
    runtime = converted(model, writer, tmp_path)
    for batch in (1, 3):
        check(model, runtime, given(batch, (STEPS, FEATURES)))


def test_loops_compute_the_same_after_a_change_of_batch(tmp_path):
    """LiteRT's default delegate does not always follow: one run in hundreds was wrong where it was not loaded anew."""
    model = model_of("keras2_h5", (STEPS, FEATURES), LOOPS["last outputs"])
    path = tmp_path / "model.h5"
    model.save(path)
    content = octavo.convert(path).content
    expected = Runtime(content).run({"x": given(3, (STEPS, FEATURES))})
    for _ in range(400):
        runtime = Runtime(content)
        runtime.run({"x": given(1, (STEPS, FEATURES))})
        for name, array in runtime.run({"x": given(3, (STEPS, FEATURES))}).items():
            np.testing.assert_array_equal(array, expected[name])


@pytest.mark.parametrize("writer", ["keras3", "keras2"])
@pytest.mark.parametrize("name", LOOPS)
def test_the_length_of_a_sequence_may_be_open(name, writer, tmp_path):
    model = model_of(writer, (None, FEATURES), LOOPS[name])
    runtime = converted(model, writer, tmp_path)
    for steps in (7, 3):
        check(model, runtime, given(2, (steps, FEATURES)))


@pytest.mark.parametrize("writer", ["keras3", "keras2_h5"])
@pytest.mark.parametrize("name", MASKED)
def test_masked_steps_are_skipped(name, writer, tmp_path):
    model = model_of(writer, (STEPS, FEATURES), MASKED[name], masked=True)
    check(model, converted(model, writer, tmp_path), given(3, (STEPS, FEATURES), masked=True))


@pytest.mark.parametrize("writer", ["keras3", "keras2"])
@pytest.mark.parametrize("name", IMAGES)
def test_sequences_of_images(name, writer, tmp_path):
    shape, outputs = IMAGES[name]
    model = model_of(writer, shape, outputs)
    check(model, converted(model, writer, tmp_path), given(2, shape))


@pytest.mark.parametrize("writer", ["keras3", "keras2"])
def test_a_model_in_memory_is_read_as_its_file(writer):
    model = model_of(writer, (STEPS, FEATURES), LOOPS["states"])
    check(model, Runtime(octavo.convert(model).content), given(2, (STEPS, FEATURES)))


@every_writer
def test_words_that_are_zero_are_skipped(writer, tmp_path):
    keras = keras_of(writer)
    k = keras.layers
    x = keras.Input((STEPS,), name="x", dtype="int32")
    rows = k.Embedding(7, 4, mask_zero=True)(x)
    heads = k.MultiHeadAttention(2, 3)(rows, rows)
    model = keras.Model(x, [k.Bidirectional(k.LSTM(3))(rows), heads, k.GRU(2)(heads)])
    check(model, converted(model, writer, tmp_path), np.array([[1, 2, 0, 0, 0], [3, 4, 5, 6, 1]], np.int32))


REMEMBERING = {
    "LSTM": lambda k: k.LSTM(3, stateful=True, return_sequences=True),
    "LSTM backwards, without bias": lambda k: k.LSTM(3, stateful=True, go_backwards=True, use_bias=False),
    "SimpleRNN": lambda k: k.SimpleRNN(3, stateful=True, activation="relu"),
    "both directions": lambda k: k.Bidirectional(k.LSTM(3, stateful=True, return_sequences=True)),
    "many units": lambda k: k.LSTM(64, stateful=True),
}


@pytest.mark.parametrize("writer", ["keras3", "keras2_h5"])
@pytest.mark.parametrize("name", REMEMBERING)
def test_a_layer_that_remembers_begins_where_the_last_call_ended(name, writer, tmp_path):
    keras = keras_of(writer)
    x = keras.Input(batch_shape=(2, STEPS, FEATURES), name="x")
    model = keras.Model(x, REMEMBERING[name](keras.layers)(x))
    random = np.random.default_rng(1)
    model.set_weights([random.uniform(-0.7, 0.7, w.shape).astype(w.dtype) for w in model.get_weights()])
    runtime = converted(model, writer, tmp_path)
    for layer in model.layers[1:]:  # Keras ran it when it was built
        layer.reset_states()
    for numbers in (given(2, (STEPS, FEATURES)), -given(2, (STEPS, FEATURES))):
        want = np.asarray(model(numbers))
        np.testing.assert_allclose(runtime.run({"x": numbers})["output_0"], want, rtol=0, atol=1e-5)


def test_a_layer_whose_memory_litert_lacks_says_what_to_do(tmp_path):
    keras = keras_of("keras3")
    x = keras.Input(batch_shape=(1, STEPS, FEATURES), name="x")
    keras.Model(x, keras.layers.GRU(2, stateful=True)(x)).save(tmp_path / "m.keras")
    with pytest.raises(Unsupported, match="stateful=False"):
        read(tmp_path / "m.keras")


@pytest.mark.skipif(not ROOT.exists(), reason=ABSENT)
@pytest.mark.parametrize(("file", "features"), [("basic_lstm_s", "mfcc_he_49x10"), ("gru_s", "mfcc_he_25x10")])
def test_published_models_of_speech_hear_what_keras_hears(file, features):
    path = ROOT / f"models/kws_hello_edge/{file}.keras"
    with np.load(ROOT / "sets/speech_commands/kws1000_share.npz") as arrays:
        clips = arrays[features][:64]
    want = np.asarray(keras_of("keras3").models.load_model(path)(clips))
    got = Runtime(octavo.convert(path).content).run({"mfcc": clips})["output_0"]
    # float32 sums in another order, step after step
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5)
