"""SavedModels of every producer, end to end: each signature computes in LiteRT what it computes in TensorFlow."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
import saved_model_producers as producers  # noqa: E402

import octavo  # noqa: E402
from octavo.errors import UsageError  # noqa: E402
from octavo.runtime import Runtime  # noqa: E402

pytestmark = pytest.mark.slow


def keras_2(path: Path) -> None:
    """Keras 2 in its own format, which keeps the variables below objects of the layers."""
    import tf_keras

    layers = tf_keras.layers
    given = layers.Input((8, 8, 3), name="image")
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, use_bias=False)(given))
    x = layers.Add()([x, layers.SeparableConv2D(4, 3, padding="same", activation="relu6")(x)])
    model = tf_keras.Model(given, {"score": layers.Dense(2)(layers.Flatten()(x)), "mean": tf.reduce_mean(x, [1, 2])})
    producers._randomize(model.weights)
    model.save(str(path), save_format="tf")


def module(path: Path) -> None:
    tf.saved_model.save(
        built := Module(),
        str(path),
        signatures={"serving_default": built.forward, "twice": built.twice, "encode": built.encode},
    )


class Module(tf.Module):
    """Three signatures over shared variables, one of which another one calls; several inputs and outputs."""

    def __init__(self) -> None:
        super().__init__()
        random = np.random.default_rng(3)
        self.kernel = tf.Variable(random.normal(size=(4, 4)).astype(np.float32), name="w")
        self.same_name = tf.Variable(random.normal(size=(4, 3)).astype(np.float32), name="w")
        self.half = tf.Variable(random.normal(size=3), dtype=tf.bfloat16)

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, "x")])
    def encode(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"code": tf.nn.relu(x @ self.kernel)}

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, "b"), tf.TensorSpec([None, 4], tf.float32, "a")])
    def forward(self, b: tf.Tensor, a: tf.Tensor) -> dict[str, tf.Tensor]:
        y = self.encode(a - 2.0 * b)["code"] @ self.same_name
        low, high = tf.split(y + tf.cast(self.half, tf.float32), [1, 2], axis=1)
        return {"low": low, "high": high}

    @tf.function(input_signature=[tf.TensorSpec([2, 4], tf.float32, "x")])
    def twice(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"code": self.encode(self.encode(x)["code"])["code"]}


PRODUCERS: dict[str, Callable[[Path], Any]] = {
    make.__name__: make
    for make in (
        producers.keras_export,
        producers.keras_by_tensorflow,
        keras_2,
        module,
        producers.resource_variables,
        producers.reference_variables,
        producers.constants_only,
    )
}


@dataclass(frozen=True)
class Case:
    name: str
    path: Path
    content: bytes
    theirs: Any


@pytest.fixture(scope="module", params=list(PRODUCERS))
def case(request, tmp_path_factory) -> Case:
    path = tmp_path_factory.mktemp("models") / request.param
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the producers warn of is not ours
        PRODUCERS[request.param](path)
        theirs = tf.saved_model.load(str(path))
    return Case(request.param, path, octavo.convert(path).content, theirs)


def inputs_of(function: Any, batch: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(batch)
    _, specs = function.structured_input_signature
    shapes = {name: [batch if size is None else size for size in spec.shape] for name, spec in specs.items()}
    return {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def test_every_signature_computes_what_tensorflow_computes(case):
    for key, function in case.theirs.signatures.items():
        runtime = Runtime(case.content, signature=key)
        for batch in (1, 3):
            inputs = inputs_of(function, batch)
            got = runtime.run(inputs)
            expected = _expected(function, inputs)
            assert set(got) == set(expected)
            for name, want in expected.items():
                assert got[name].shape == want.shape
                # a few layers of float32, which both sides add up in their own order
                np.testing.assert_allclose(got[name], want, rtol=0, atol=1e-5 * np.abs(want).max())


def _expected(function: Any, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    outputs = function(**{name: tf.constant(value) for name, value in inputs.items()})
    return {name: value.numpy() for name, value in outputs.items()}


def test_signatures_inputs_and_outputs_keep_their_names(case):
    from ai_edge_litert.interpreter import Interpreter

    listed = Interpreter(model_content=case.content).get_signature_list()
    assert set(listed) == set(case.theirs.signatures)
    for key, function in case.theirs.signatures.items():
        _, specs = function.structured_input_signature
        assert sorted(listed[key]["inputs"]) == sorted(specs)
        assert sorted(listed[key]["outputs"]) == sorted(function.structured_outputs)


@pytest.mark.parametrize("case", ["keras_export"], indirect=True)
def test_tensors_are_called_what_tensorflows_converter_calls_them(case):
    from ai_edge_litert.interpreter import Interpreter

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        converter = tf.lite.TFLiteConverter.from_saved_model(str(case.path), signature_keys=["serving_default"])
        theirs = Interpreter(model_content=converter.convert())
    ours = Interpreter(model_content=octavo.convert(case.path, signatures=["serving_default"]).content)
    for side in ("get_input_details", "get_output_details"):
        names = [[detail["name"] for detail in getattr(each, side)()] for each in (ours, theirs)]
        assert names[0] == names[1]


@pytest.mark.parametrize("case", ["keras_by_tensorflow"], indirect=True)
def test_twins_of_keras_variables_hold_the_trained_values(case):
    """TensorFlow's own converter reads the variable that nothing restores, and emits NaN without a word."""
    function = case.theirs.signatures["serving_default"]
    got = Runtime(case.content).run(inputs_of(function, 3))
    assert all(np.isfinite(value).all() and np.ptp(value) > 0 for value in got.values())


@pytest.mark.parametrize("case", ["module"], indirect=True)
def test_signatures_are_chosen_by_their_keys(case):
    from ai_edge_litert.interpreter import Interpreter

    content = octavo.convert(case.path, signatures=["twice"]).content
    assert list(Interpreter(model_content=content).get_signature_list()) == ["twice"]
    assert len(content) < len(case.content)
    with pytest.raises(UsageError, match="encode") as raised:
        octavo.convert(case.path, signatures=["encodes"])
    assert "'encode'" in raised.value.hint


@pytest.mark.parametrize("case", ["module"], indirect=True)
def test_variables_that_signatures_share_are_stored_once(case):
    kernel = case.theirs.kernel.numpy()
    copies = sum(case.content.count(matrix.tobytes()) for matrix in (kernel, np.ascontiguousarray(kernel.T)))
    assert copies == 1


@pytest.mark.parametrize("recipe", ["float16", "dynamic", "weight_only", "int8", "int16x8"])
@pytest.mark.parametrize("case", ["keras_export", "module"], indirect=True)
def test_every_precision_keeps_the_signatures_and_comes_near(case, recipe):
    function = case.theirs.signatures["serving_default"]
    inputs = inputs_of(function, 16)
    samples = [_row(inputs, number) for number in range(16)]
    result = octavo.convert(case.path, recipe=recipe, samples=samples, signatures=["serving_default"])
    expected = _expected(function, inputs)
    got = Runtime(result.content).run(inputs)
    for name, want in expected.items():
        # int8 has 1/255 of the range per layer; three layers, each with weights in as many steps
        assert np.abs(got[name] - want).max() < 0.05 * np.ptp(want)


def _row(inputs: dict[str, np.ndarray], number: int) -> dict[str, np.ndarray]:
    return {name: value[number : number + 1] for name, value in inputs.items()}


def test_a_recurrent_layer_of_keras_2_computes_what_tensorflow_computes(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        producers.keras_2(tmp_path / "keras_2")
    function = tf.saved_model.load(str(tmp_path / "keras_2")).signatures["serving_default"]
    runtime = Runtime(octavo.convert(tmp_path / "keras_2").content)
    for batch in (1, 3):
        inputs = inputs_of(function, batch)
        got = runtime.run(inputs)
        for name, want in _expected(function, inputs).items():
            np.testing.assert_allclose(got[name], want, rtol=1e-4, atol=1e-5)
