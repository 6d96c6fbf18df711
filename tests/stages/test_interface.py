"""Integers in and out: dtypes by name, grids that no operation computes on, and the way from real numbers and back."""

import numpy as np
import pytest

import octavo
from octavo.errors import RecipeError, SamplesError
from octavo.ir.graph import Model, Signature
from octavo.ir.text import parse
from octavo.ops import registry
from octavo.runtime import Runtime
from octavo.write.tflite import to_bytes

TWO = """main(%a: float32[batch,8], %b: float32[batch,8]) {
  %s = ADD(%a, %b)
  %t = TANH(%s)
  return %s, %t
}"""


@pytest.fixture(scope="module")
def two():
    graph = parse(TWO, registry().ops)
    return to_bytes(Model([graph], [Signature("serving_default", graph, ("left", "right"), ("sum", "tanh"))]))


def samples(count=16):
    random = np.random.default_rng(0)
    return [{"left": random.normal(size=(1, 8)).astype(np.float32), "right": 3 * random.normal(size=(1, 8)).astype(np.float32)}
            for _ in range(count)]  # fmt: skip


def converted(two, precision="int8", **interface):
    return octavo.convert(two, recipe={"precision": precision, **interface}, samples=samples())


def dtypes(made):
    runtime = Runtime(made.content)
    return {port.name: port.dtype.name for port in (*runtime.inputs, *runtime.outputs)}


@pytest.mark.parametrize("precision", ["int8", "int16x8"])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "float32"])
def test_every_interface_goes_with_every_integer_precision(two, precision, dtype):
    made = converted(two, precision, inputs=dtype, outputs=dtype)
    assert set(dtypes(made).values()) == {dtype}
    compared = octavo.compare(made.reference, made.content, samples())
    # 256 levels over the range give 35 dB and more to normal numbers; the outputs are at most that much coarser
    assert min(output.sqnr for output in compared.outputs) > 28


def test_each_input_and_output_may_have_a_dtype_of_its_own(two):
    made = converted(two, inputs={"left": "uint8", "right": "int16"}, outputs={"tanh": "int8"})
    assert dtypes(made) == {"left": "uint8", "right": "int16", "sum": "float32", "tanh": "int8"}
    made = converted(two, inputs={"*": "int8", "right": "float32"})
    assert dtypes(made) == {"left": "int8", "right": "float32", "sum": "float32", "tanh": "float32"}


def test_inputs_may_be_integers_where_the_first_operation_is_float(two):
    made = converted(two, inputs="uint8", outputs="int8", rules=[{"op": "ADD", "precision": "float32"}])
    assert set(dtypes(made).values()) == {"uint8", "int8"}
    assert octavo.compare(made.reference, made.content, samples()).outputs[0].sqnr > 28


def test_an_input_that_does_not_exist_brings_the_nearest_to_mind(two):
    with pytest.raises(RecipeError, match="no input 'rihgt'") as caught:
        converted(two, inputs={"rihgt": "int8"})
    assert "'right'" in caught.value.hint


def test_a_plan_with_mixed_interfaces_replays(two):
    made = converted(two, inputs={"left": "uint8"}, outputs={"sum": "int16"})
    assert octavo.convert(two, plan=made.plan).content == made.content


def test_real_numbers_go_in_and_come_out_through_two_functions(two):
    made = converted(two, inputs={"left": "uint8", "right": "int16"}, outputs={"sum": "int8"})
    reference, candidate = Runtime(made.reference), Runtime(made.content)
    for sample in samples(4):
        stored = octavo.quantize_inputs(made, sample)
        assert {name: array.dtype.name for name, array in stored.items()} == {"left": "uint8", "right": "int16"}
        outputs = octavo.dequantize_outputs(made.content, candidate.run(stored))
        exact = reference.run(sample)
        for name, array in outputs.items():
            assert array.dtype == np.float32
            # inputs rounded to 1/255 of their range each, the sum to 1/255 of its own: three half steps at most
            assert np.abs(array - exact[name]).max() <= 1.5 * np.ptp(exact["sum"]) / 20
    with pytest.raises(SamplesError, match="no input 'middle'"):
        octavo.quantize_inputs(made, {"middle": 0.0})
