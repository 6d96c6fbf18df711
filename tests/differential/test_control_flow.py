"""Branches, loops and recurrent layers of SavedModels, held against TensorFlow and Keras."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")
from control_flow import FUNCTIONS, ROWS, Function, repeat, save  # noqa: E402  # it needs TensorFlow

import octavo  # noqa: E402
from octavo.errors import Unsupported  # noqa: E402
from octavo.read.tflite import read_tflite  # noqa: E402
from octavo.runtime import Runtime  # noqa: E402

L = keras.layers


def assert_alike(got: np.ndarray, want: np.ndarray) -> None:
    """Float kernels of both sides round each sum in their own order: 1e-4 of the largest number is room for that."""
    assert (got.shape, got.dtype) == (want.shape, want.dtype)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-4 * max(1e-3, np.abs(want).max(initial=0)))


def convert(function: Function, path: Path, **options: object) -> octavo.Conversion:
    save(function, path)
    return octavo.convert(path, **options)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_with_control_flow_computes_the_same(name, tmp_path):
    function = FUNCTIONS[name]
    runtime = Runtime(convert(function, tmp_path).content)
    taken = {port.name for port in runtime.inputs}
    for turn in range(5):
        arguments = function.arguments(turn)
        wanted = [np.asarray(v) for v in tf.nest.flatten(function.call(*map(tf.constant, arguments)))]
        got = runtime.run({f"in{i}": a for i, a in enumerate(arguments) if f"in{i}" in taken})
        for number, want in enumerate(wanted):
            assert_alike(got[f"out{number}"], want)


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"variable_in_a_loop"}))  # which forgets all but 1e-12
def test_control_flow_in_integers_is_near_float(name, tmp_path):
    made = convert(FUNCTIONS[name], tmp_path)
    runtime = Runtime(made.content)
    taken = [port.name for port in runtime.inputs]
    turns = [{n: a for i, a in enumerate(FUNCTIONS[name].arguments(t)) if (n := f"in{i}") in taken} for t in range(5)]
    recipe = {"precision": "int8", "ranges": "minmax"}
    integers = Runtime(octavo.convert(tmp_path, recipe=recipe, samples=turns).content)
    for wanted, got in [(runtime.run(turn), integers.run(turn)) for turn in turns]:
        for output, want in wanted.items():
            if want.dtype.kind == "f":
                reach = max(np.abs(each[output]).max(initial=0) for each in map(runtime.run, turns))
                assert np.abs(got[output] - want).max(initial=0) < 0.06 * reach  # a dozen steps after five turns
            else:
                assert (got[output] == want).all()


def counts(conversion: octavo.Conversion) -> list[int]:
    return [len(graph.ops) for graph in conversion.plan.graphs]


def test_what_is_known_beforehand_needs_no_loop(tmp_path):
    assert counts(convert(FUNCTIONS["known_beforehand"], tmp_path / "a")) == [1]
    assert counts(convert(FUNCTIONS["no_turn"], tmp_path / "b")) == [0]


def test_a_loop_of_known_length_is_written_out_on_demand(tmp_path):
    written_out = convert(FUNCTIONS["three_turns"], tmp_path, unroll=3)
    looped = octavo.convert(tmp_path, unroll=2)
    assert len(counts(written_out)) == 1
    assert len(counts(looped)) == 3
    sample = {"in0": np.ones((2, 3), np.float32)}
    one, other = (Runtime(made.content).run(sample)["out0"] for made in (written_out, looped))
    assert_alike(one, other)


def test_variables_are_constants_of_the_body(tmp_path):
    model = read_tflite(convert(FUNCTIONS["variable_in_a_loop"], tmp_path).content)
    _, body = model.graphs[1:]
    assert [str(value.type) for value in body.inputs] == ["int32[]", f"float32[{body.inputs[1].shape[0]},3]"]


def test_a_loop_that_begins_with_nothing_is_refused_with_its_reason(tmp_path):
    def collected(x):
        shapes = [tf.TensorShape([]), tf.TensorShape([None, 3])]
        return repeat(tf.shape(x)[0], lambda _, y: tf.concat([y, x[:1]], 0), tf.zeros((0, 3)), shape_invariants=shapes)

    with pytest.raises(Unsupported, match="begins with an empty tensor"):
        convert(Function(collected, (ROWS,)), tmp_path)


def sequence(*layers, shape=(7, 3)):
    return lambda: keras.Sequential([keras.Input(shape), *(layer() for layer in layers)])


def embedded(*layers):
    first = lambda: L.Embedding(11, 5, mask_zero=True)  # noqa: E731  # a layer like the others
    return lambda: keras.Sequential([keras.Input((9,), dtype="int32"), first(), *(layer() for layer in layers)])


def states(layer):
    def model():
        given = keras.Input((7, 3))
        return keras.Model(given, layer()(given))

    return model


OPEN = (None, 3)
RECURRENT = {
    "lstm": sequence(lambda: L.LSTM(4)),
    "lstm_of_any_length": sequence(lambda: L.LSTM(4, return_sequences=True), shape=OPEN),
    "lstm_with_states": states(lambda: L.LSTM(4, return_sequences=True, return_state=True)),
    "lstm_backwards": sequence(lambda: L.LSTM(4, return_sequences=True, go_backwards=True)),
    "gru": sequence(lambda: L.GRU(4)),
    "gru_of_any_length": sequence(lambda: L.GRU(4, return_sequences=True), shape=OPEN),
    "gru_reset_before": sequence(lambda: L.GRU(4, reset_after=False, return_sequences=True)),
    "gru_with_state": states(lambda: L.GRU(4, return_state=True)),
    "simple_of_any_length": sequence(lambda: L.SimpleRNN(4, return_sequences=True), shape=OPEN),
    "bidirectional": sequence(lambda: L.Bidirectional(L.LSTM(4))),
    "bidirectional_gru": sequence(lambda: L.Bidirectional(L.GRU(4, return_sequences=True), merge_mode="sum")),
    "stacked": sequence(
        lambda: L.LSTM(4, return_sequences=True), lambda: L.LSTM(5, return_sequences=True), lambda: L.GRU(3)
    ),
    "stacked_cells": sequence(lambda: L.RNN([L.LSTMCell(4), L.GRUCell(5)], return_sequences=True)),
    "convolutional_2d": sequence(lambda: L.ConvLSTM2D(3, 3, return_sequences=True), shape=(5, 6, 6, 2)),
    "convolutional_1d": sequence(lambda: L.ConvLSTM1D(3, 3, padding="same"), shape=(5, 6, 2)),
    "masked_gru": sequence(L.Masking, lambda: L.GRU(4, return_sequences=True)),
    "masked_lstm_of_any_length": sequence(
        L.Masking, lambda: L.LSTM(4, return_sequences=True, zero_output_for_mask=True), shape=OPEN
    ),
    "embedded_lstm": embedded(lambda: L.LSTM(4)),
    "embedded_bidirectional": embedded(lambda: L.Bidirectional(L.LSTM(4))),
}


@pytest.fixture(scope="module", params=RECURRENT)
def recurrent(request, tmp_path_factory):
    """A model, the SavedModel that Keras exports of it, and its name."""
    keras.utils.set_random_seed(1)
    model, path = RECURRENT[request.param](), tmp_path_factory.mktemp("recurrent") / "model"
    random = np.random.default_rng(2)
    model.set_weights([random.normal(0, 0.5, w.shape) if w.dtype.kind == "f" else w for w in model.get_weights()])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Keras warns of is not ours
        model.export(str(path), verbose=False)
    return request.param, model, path


def samples(model, batch, length):
    given, random = model.inputs[0], np.random.default_rng(batch)
    shape = (batch, given.shape[1] or length, *given.shape[2:])
    if "int" in given.dtype:
        numbers = random.integers(0, 11, shape).astype(np.int32)
    else:
        numbers = random.standard_normal(shape).astype(np.float32)
    numbers[:, -2:] = 0  # what masks leave out
    numbers[0, 0] = 0
    return given.name, numbers


def test_a_recurrent_layer_computes_what_keras_computes(recurrent):
    _, model, path = recurrent
    runtime = Runtime(octavo.convert(path).content)
    for batch, length in ((1, 4), (3, 9)):
        name, numbers = samples(model, batch, length)
        got = runtime.run({name: numbers})
        for number, want in enumerate(tf.nest.flatten(model(numbers, training=False))):
            assert_alike(got[f"output_{number}"], np.asarray(want))


def test_the_body_of_a_recurrent_layer_is_clean(recurrent):
    """One comparison decides; no shape is computed, no bias added apart, nothing is read but what changes and the data."""
    _, _, path = recurrent
    model = read_tflite(octavo.convert(path).content)
    conditions, bodies = model.graphs[1::2], model.graphs[2::2]
    assert [[node.op.code for node in graph] for graph in conditions] == [["LESS"]] * len(conditions)
    for body in bodies:
        assert not {node.op.code for node in body} & {"SHAPE", "FILL", "TRANSPOSE", "CAST"}
        kept = [before for before, after in zip(body.inputs, body.outputs, strict=True) if before is after]
        assert len(kept) <= 4  # the sequence; its length, where that is open; its mask; what stands for masked steps


@pytest.mark.parametrize("precision", ["float16", "dynamic", "int8", "int16x8"])
def test_recurrent_models_are_quantized_around_their_loops(precision, tmp_path):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((6, 128)), L.Dense(128), L.LSTM(128), L.Dense(128)])  # dynamic widens less
    model.export(str(tmp_path / "model"), verbose=False)
    random = np.random.default_rng(0)
    rows = [{model.inputs[0].name: random.standard_normal((1, 6, 128)).astype(np.float32)} for _ in range(16)]
    made = octavo.convert(tmp_path / "model", recipe={"precision": precision, "small": 1}, samples=rows)
    dense = [op for op in made.plan.graphs[0].ops if op.op == "FULLY_CONNECTED"]
    assert {op.precision for op in dense} == {precision}
    runtime = Runtime(made.content)
    want = np.stack([np.asarray(model(next(iter(row.values())))) for row in rows])
    got = np.stack([runtime.run(row)["output_0"] for row in rows])
    assert np.square(want).sum() / np.square(got - want).sum() > 1e3  # 30 dB: two layers of 8 bits leave 40
