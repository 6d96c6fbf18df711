"""`tf.function`, concrete functions and `tf.Module` in memory: names and numbers are TensorFlow's."""

from __future__ import annotations

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

import octavo  # noqa: E402
from octavo.errors import Unsupported, UsageError  # noqa: E402
from octavo.runtime import Runtime  # noqa: E402

ROWS = np.linspace(-2, 2, 6, dtype=np.float32).reshape(3, 2)


class Model(tf.Module):
    """Two functions over one variable, one of which calls a third."""

    def __init__(self):
        super().__init__()
        self.weight = tf.Variable([[1.0, 2.0], [3.0, 4.0]], name="weight")
        self.shift = tf.constant(np.arange(2, dtype=np.float32))
        self.half = tf.Variable([0.5, 0.25], dtype=tf.bfloat16)

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "data"), tf.TensorSpec([2], tf.float32)])
    def forward(self, second, first):
        return {"sum": self.inner(second) + first, "all": second @ self.weight + self.shift}

    @tf.function
    def inner(self, x):
        return tf.nn.relu(x) * self.weight[0] + tf.cast(self.half, tf.float32)

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])
    def encode(self, x):
        return x @ self.weight, tf.reduce_sum(x)


@tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])
def halved(x):
    return x / 2.0


def run(result, *arrays, signature=None, **named):
    runtime = Runtime(result.content, signature=signature)
    return runtime.run(named or {port.name: a for port, a in zip(runtime.inputs, arrays, strict=True)})


def test_a_function_with_an_input_signature_is_a_model():
    (got,) = run(octavo.convert(halved), ROWS).values()
    np.testing.assert_array_equal(got, ROWS / 2)


def test_a_concrete_function_keeps_the_order_of_its_arguments_and_the_names_of_both_sides():
    module = Model()
    result = octavo.convert(module.forward.get_concrete_function())
    runtime = Runtime(result.content)
    assert [port.name for port in runtime.inputs] == ["data", "first"]
    got = runtime.run({"data": ROWS, "first": np.float32([5, 6])})
    for key, expected in module.forward(tf.constant(ROWS), tf.constant([5.0, 6.0])).items():
        np.testing.assert_allclose(got[key], expected, rtol=1e-6)  # bfloat16 is exact in float32


def test_a_module_has_a_signature_for_each_function_whose_inputs_are_known():
    module = Model()
    result = octavo.convert(module)
    code, total = run(result, ROWS, signature="encode").values()
    expected = module.encode(tf.constant(ROWS))
    np.testing.assert_allclose(code, expected[0], rtol=1e-6)
    np.testing.assert_allclose(total, expected[1], rtol=1e-6)
    assert run(result, data=ROWS, first=np.float32([0, 0]), signature="forward")["all"].shape == (3, 2)


def test_functions_share_the_variables_that_they_capture():
    module = Model()
    content = octavo.convert([module.encode, module.forward]).content
    assert content.count(np.float32([[1, 3], [2, 4]]).tobytes()) == 1


def test_later_training_does_not_change_what_was_converted():
    module = Model()
    result = octavo.convert(module.encode)
    module.weight.assign(module.weight * 0)
    assert run(result, ROWS)["output_0"].any()


def test_a_loaded_saved_model_keeps_its_signatures(tmp_path):
    module = Model()
    tf.saved_model.save(module, str(tmp_path), signatures={"one": module.encode, "two": module.forward})
    loaded, read = octavo.convert(tf.saved_model.load(str(tmp_path))), octavo.convert(tmp_path)
    for key in ("one", "two"):
        live, stored = Runtime(loaded.content, signature=key), Runtime(read.content, signature=key)
        assert {port.name for port in live.inputs} == {port.name for port in stored.inputs}
        assert [port.name for port in live.outputs] == [port.name for port in stored.outputs]
        sample = {"data": ROWS, "first": np.float32([1, 2])} if key == "two" else {"x": ROWS}
        for name, array in stored.run(sample).items():
            np.testing.assert_array_equal(live.run(sample)[name], array)


def test_a_mapping_names_the_signatures():
    module = Model()
    result = octavo.convert({"half": halved, "encode": module.encode})
    np.testing.assert_array_equal(run(result, ROWS, signature="half")["output_0"], ROWS / 2)


def test_names_are_those_of_tensorflows_converter():
    module = Model()
    for functions in ([module.encode.get_concrete_function()], [module.forward.get_concrete_function()]):
        theirs = Runtime(tf.lite.TFLiteConverter.from_concrete_functions(functions, module).convert())
        ours = Runtime(octavo.convert(functions).content)
        assert ours.signature == theirs.signature
        assert sorted(port.name for port in ours.inputs) == sorted(port.name for port in theirs.inputs)
        assert sorted(port.name for port in ours.outputs) == sorted(port.name for port in theirs.outputs)


def test_without_a_module_inputs_stand_in_tensorflows_order():
    module = Model()
    functions = [module.forward.get_concrete_function()]
    theirs = Runtime(tf.lite.TFLiteConverter.from_concrete_functions(functions).convert())
    ours = Runtime(octavo.convert(functions).content)
    assert [port.name for port in ours.inputs] == [port.name for port in theirs.inputs]


@pytest.mark.parametrize("tracked", [False, True])
def test_the_drop_in_takes_concrete_functions_with_and_without_their_module(tracked):
    from octavo import lite

    module = Model()
    converter = lite.TFLiteConverter.from_concrete_functions(
        [module.forward.get_concrete_function()], *([module] if tracked else [])
    )
    runtime = Runtime(converter.convert())
    got = runtime.run({"data": ROWS, "first": np.float32([1, 2])})
    np.testing.assert_allclose(got["sum"], module.forward(tf.constant(ROWS), tf.constant([1.0, 2.0]))["sum"], rtol=1e-6)


def test_a_function_that_was_never_traced_says_how_to_trace_it():
    with pytest.raises(UsageError, match="never") as caught:
        octavo.convert(tf.function(lambda x: x + 1))
    assert "get_concrete_function" in caught.value.hint


def test_a_function_that_was_traced_for_several_inputs_says_so():
    function = tf.function(lambda x: x + 1)
    for size in (2, 3):
        function(tf.zeros([size]))
    with pytest.raises(UsageError, match="2 kinds"):
        octavo.convert(function)


def test_a_module_without_functions_is_told():
    with pytest.raises(UsageError, match=r"no tf\.function"):
        octavo.convert(tf.Module())


def test_gaps_are_told_by_the_layer():
    @tf.function(input_signature=[tf.TensorSpec([2, 2], tf.float32)])
    def inverse(x):
        return tf.raw_ops.SelfAdjointEigV2(input=x, compute_v=True, name="spectrum").e

    with pytest.raises(Unsupported, match="spectrum"):
        octavo.convert(inverse)
