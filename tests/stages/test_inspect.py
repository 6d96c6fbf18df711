"""What is in a model, as told to a user."""

import json
from pathlib import Path

import numpy as np
import pytest

import octavo
from octavo.ir.graph import Graph, Model
from octavo.ir.type import Type
from octavo.ops.add_n import AddN
from octavo.report.inspection import inspect

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
MODEL = DIGITS / "saved_model"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The digits in each precision."""
    folder = tmp_path_factory.mktemp("digits")
    samples = DIGITS / "calibration.npz"
    recipes = ["float32", "float16", "dynamic", "weight_only", "int8", "int16x8"]
    targets = {"dynamic": "xnnpack-dot"}  # on other CPUs none of its convolutions is faster in int8
    return {
        name: octavo.convert(MODEL, recipe=name, samples=samples, target=targets.get(name)).save(
            folder / f"{name}.tflite"
        )
        for name in recipes
    }


def test_a_saved_model_is_shown_as_it_will_be_converted(files):
    before, after = octavo.inspect(MODEL), octavo.inspect(files["float32"])
    assert before.totals.operations == after.totals.operations
    assert before.totals.parameters == after.totals.parameters
    assert before.totals.constant_bytes == after.totals.constant_bytes


def test_inputs_and_outputs_bear_the_users_names_and_open_dimensions():
    (signature,) = (s for s in octavo.inspect(MODEL).signatures if s.key == "serving_default")
    assert [(t.name, str(t)) for t in signature.inputs] == [("image", "float32[batch,20,20,1]")]
    assert [str(t) for t in signature.outputs] == ["float32[batch,10]"]


def test_operations_of_a_saved_model_name_their_layers():
    assert octavo.inspect(MODEL).graphs[0].operations[0].layer.endswith("stem_relu6_1")


def test_a_saved_model_tells_its_rewrites():
    assert "fuse_activation" in {rewrite.rule for rewrite in octavo.inspect(MODEL).rewrites}


def test_a_tflite_is_shown_as_it_stands_unless_asked_why(files):
    assert octavo.inspect(files["float32"]).rewrites == ()
    assert octavo.inspect(files["int8"], why=True).totals == octavo.inspect(files["int8"]).totals


@pytest.mark.parametrize(("recipe", "precision"), [
    ("float32", "float32"), ("float16", "float16"), ("dynamic", "dynamic"), ("weight_only", "weight_only"),
    ("int8", "int8"), ("int16x8", "int16x8"),
])  # fmt: skip
def test_the_precision_of_a_file_is_told_from_its_tensors(files, recipe, precision):
    operations = [op for graph in octavo.inspect(files[recipe]).graphs for op in graph.operations]
    (largest,) = (op for op in operations if op.op == "CONV_2D" and op.outputs[0].shape[-1] == 48)
    assert largest.precision == precision


def test_integer_models_hold_integers(files):
    totals = octavo.inspect(files["int8"]).totals
    assert set(totals.constant_bytes) == {"int8", "int32"}
    assert totals.parameters == octavo.inspect(MODEL).totals.parameters


def test_sizes_are_those_on_disk(files):
    assert octavo.inspect(files["int8"]).totals.size == files["int8"].stat().st_size
    assert octavo.inspect(MODEL).totals.size == sum(f.stat().st_size for f in MODEL.rglob("*") if f.is_file())


def test_bytes_a_path_and_a_conversion_say_the_same(files):
    content = files["float32"].read_bytes()
    assert octavo.inspect(content) == octavo.inspect(files["float32"]) == octavo.inspect(str(files["float32"]))
    assert octavo.inspect(octavo.convert(MODEL)) == octavo.inspect(content)


def test_quantized_tensors_tell_their_grid(files):
    operation = next(op for op in octavo.inspect(files["int8"]).graphs[0].operations if op.op == "CONV_2D")
    weight = operation.weights[0]
    # a scale for each of the 16 output channels
    assert (weight.dtype, weight.scale, weight.scales) == ("int8", None, 16)
    assert operation.outputs[0].scale is not None
    assert operation.weight_bytes == 16 * 9 + 16 * 4


def test_the_record_is_json_and_text():
    seen = octavo.inspect(MODEL)
    assert json.loads(seen.to_json())["totals"]["parameters"] == seen.totals.parameters
    assert "image: float32[batch,20,20,1]" in str(seen)
    assert "CONV_2D" in str(seen)


def test_a_constant_that_two_operations_read_counts_once():
    graph = Graph()
    given = graph.input("x", Type(np.dtype(np.float32), (3,)))
    weight = graph.const(np.ones(3, np.float32))
    first = graph.insert(AddN(), [given, weight], [given.type], names=["first"])
    second = graph.insert(AddN(), [first.output, weight], [given.type], names=["second"])
    graph.outputs = [second.output]
    totals = inspect(Model([graph]), size=0).totals
    assert totals.parameters == 3
    assert totals.constant_bytes == {"float32": 12}
    assert totals.operations == {"ADD_N": 2}
