"""Each layer's error, and why: the causes are planted, and must be found by name."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from msgspec import structs

import octavo
from octavo.cli.app import app
from octavo.errors import UsageError
from octavo.ir.graph import Model, Signature
from octavo.ir.text import parse
from octavo.ops import registry
from octavo.write.tflite import to_bytes

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
HELD_OUT = str(DIGITS / "held_out.npz")


@pytest.fixture(scope="module")
def digits():
    def made(recipe):
        return octavo.convert(DIGITS / "saved_model", recipe=recipe, samples=DIGITS / "calibration.npz")

    return made


def float_model(text, **constants):
    graph = parse(text, registry().ops)
    for value in graph.values:
        if value.name in constants:
            value.const = np.asarray(constants[value.name], np.float32)
    signature = Signature(
        "serving_default", graph, tuple(v.name for v in graph.inputs), tuple(v.name for v in graph.outputs)
    )
    return to_bytes(Model([graph], [signature]))


def normal(*shape, count=32):
    random = np.random.default_rng(1)
    return [random.standard_normal(shape).astype(np.float32) for _ in range(count)]


def regridded(made, name, **changes):
    """The conversion with another grid for one tensor, as somebody who edits the plan makes it."""
    graph = made.plan.graphs[0]
    assert any(grid.value == name for grid in graph.grids)
    grids = tuple(structs.replace(g, **changes) if g.value == name else g for g in graph.grids)
    plan = structs.replace(made.plan, graphs=(structs.replace(graph, grids=grids),))
    return octavo.convert(made.reference, plan=plan)


def causes(found, tensor):
    (layer,) = [layer for layer in found.layers if layer.tensor == tensor]
    return {cause.kind: cause for cause in layer.causes}


DENSE = """main(%x: float32[batch,16]) {
  %w = const float32[8,16]
  %b = const float32[8]
  %y = FULLY_CONNECTED(%x, %w, %b) {fused_activation_function=RELU}
  %z = TANH(%y)
  return %z
}"""


@pytest.fixture(scope="module")
def dense():
    random = np.random.default_rng(0)
    content = float_model(DENSE, w=random.standard_normal((8, 16)), b=random.standard_normal(8))
    return octavo.convert(content, recipe={"precision": "int8", "ranges": "minmax"}, samples=normal(1, 16))


@pytest.mark.parametrize(("recipe", "least"), [
    ("int8", 35), ("int16x8", 40), ("dynamic", 35), ("float16", 65), ("weight_only", 35),
])  # fmt: skip
def test_every_mode_is_diagnosed_layer_by_layer_and_none_of_the_digits_is_far(digits, recipe, least):
    made = digits(recipe)
    found = octavo.debug(made, samples=HELD_OUT)
    assert [layer.tensor for layer in found.layers] == [row.node for row in made.plan.graphs[0].ops]
    assert [layer.layer for layer in found.layers] == [row.layer for row in made.plan.graphs[0].ops]
    assert [layer.precision for layer in found.layers] == [row.precision for row in made.plan.graphs[0].ops]
    assert min(layer.loss for layer in found.layers) > least
    assert all(layer.own.cosine > 0.999 for layer in found.layers)
    assert not found.guilty


def test_the_whole_error_is_the_one_that_compare_measures(digits):
    made = digits("int8")
    found = {layer.tensor: layer.whole.sqnr for layer in octavo.debug(made, samples=HELD_OUT, most=8).layers}
    compared = {layer.tensor: layer.sqnr for layer in octavo.compare(made.reference, made.content, HELD_OUT).layers}
    inner = [name for name in found if name in compared and abs(found[name] - compared[name]) < 0.01]
    assert len(inner) >= len(found) - 1  # `compare` sees an output after its conversion to float


def test_what_an_operation_adds_does_not_hold_what_came_before():
    text = """main(%x: float32[batch,16]) {
      %y = TANH(%x)
      %z = LOGISTIC(%y)
      return %z
    }"""
    made = octavo.convert(float_model(text), recipe={"precision": "int8", "ranges": "minmax"}, samples=normal(1, 16))
    found = octavo.debug(regridded(made, "x", scale=(0.5,), zero_point=(0,)), samples=normal(1, 16))
    taken, tanh, logistic = found.layers
    assert (taken.op, taken.tensor) == ("input", "x")
    assert taken.loss < 20
    assert tanh.loss > 35
    assert tanh.whole.sqnr < 20
    assert logistic.loss > 35
    assert set(causes(found, "y")) == {"inherited"}


def test_the_record_comes_back_from_json(dense):
    found = octavo.debug(dense, samples=normal(1, 16))
    assert octavo.Diagnosis.from_json(found.to_json()) == found
    assert "FULLY_CONNECTED" in str(found)


def test_a_grid_that_is_too_small_is_called_saturation(dense):
    grid = next(g for g in dense.plan.graphs[0].grids if g.value == "y")
    worse = regridded(dense, "y", scale=(grid.scale[0] / 4,))
    found = causes(octavo.debug(worse, samples=normal(1, 16)), "y")
    assert "of the numbers lie outside" in found["saturation"].what
    assert "minmax" in found["saturation"].cure


def test_a_grid_that_these_samples_do_not_use_is_told(dense):
    grid = next(g for g in dense.plan.graphs[0].grids if g.value == "y")
    found = octavo.debug(regridded(dense, "y", scale=(grid.scale[0] * 40,)), samples=normal(1, 16))
    assert list(causes(found, "y")) == ["unused_range"]


def test_a_bias_at_the_end_of_its_integers_is_called_overflow():
    text = DENSE.replace("fused_activation_function=RELU", "")
    weight = np.random.default_rng(0).standard_normal((8, 16)) * np.array([[1e-7]] + [[1.0]] * 7)
    bias = np.array([1000.0] + [1.0] * 7)
    made = octavo.convert(float_model(text, w=weight, b=bias), recipe="int8", samples=normal(1, 16))
    assert not causes(octavo.debug(made, samples=normal(1, 16)), "y")  # the scale of that channel's weight was raised
    natural = tuple((np.abs(weight).max(axis=1) / 127).tolist())
    found = causes(octavo.debug(regridded(made, "w", scale=natural), samples=normal(1, 16)), "y")
    assert "1 of 8 biases do not fit into int32" in found["bias_overflow"].what


def test_one_scale_for_channels_of_different_magnitude_is_told():
    random = np.random.default_rng(0)
    weight = random.standard_normal((8, 16)) * np.array([[1e3]] + [[1.0]] * 7)
    narrow = np.where(np.arange(16) == 0, weight, weight / 1e3)  # the large channel reads one input, which is zero
    samples = [array * (np.arange(16) > 0).astype(np.float32) for array in normal(1, 16)]
    content = float_model(DENSE.replace("fused_activation_function=RELU", ""), w=narrow, b=np.zeros(8))
    made = octavo.convert(content, recipe={"precision": "weight_only", "small": 1, "per_channel": False})
    found = causes(octavo.debug(made, samples=samples), "y")
    assert found["weights"].cure == "per_channel = true in the recipe"


def test_a_concatenation_that_ruins_a_range_is_named_with_its_partner():
    text = """main(%x: float32[batch,16]) {
      %y = ABS(%x)
      %t = EXP(%x)
      %z = CONCATENATION(%y, %t) {axis=1}
      return %z
    }"""
    samples = [4 + array for array in normal(1, 16)]
    recipe = {"precision": "int8", "ranges": "minmax", "outputs": "int8"}  # else it would be joined in float
    made = octavo.convert(float_model(text), recipe=recipe, samples=samples)
    found = causes(octavo.debug(made, samples=samples), "y")
    assert "CONCATENATION joins it with 't'" in found["shared_range"].what
    assert "op = 'CONCATENATION'" in found["shared_range"].cure


def test_a_few_large_numbers_are_called_outliers():
    text = """main(%x: float32[batch,4096]) {
      %y = RELU(%x)
      return %y
    }"""
    samples = [np.abs(array) for array in normal(1, 4096, count=8)]
    samples[0][0, 0] = 500.0
    recipe = {"precision": "int8", "ranges": "minmax", "mixed": False}
    made = octavo.convert(float_model(text), recipe=recipe, samples=samples)
    assert {"outlier"} <= set(causes(octavo.debug(made, samples=samples), "x"))


def test_a_mask_constant_is_named():
    text = """main(%x: float32[batch,64]) {
      %n = NEG(%x)
      %m = const float32[1,64]
      %y = ADD(%n, %m)
      %z = TANH(%y)
      return %z
    }"""
    mask = np.where(np.arange(64) == 5, -500, 0)[np.newaxis]
    recipe = {"precision": "int8", "ranges": "minmax", "mixed": False}
    made = octavo.convert(float_model(text, m=mask), recipe=recipe, samples=normal(1, 64))
    found = octavo.debug(regridded(made, "y", scale=(500 / 255,), zero_point=(127,)), samples=normal(1, 64))
    assert "-500" in causes(found, "y")["mask_constant"].what


def test_weights_beyond_float16_are_told():
    weight = np.random.default_rng(0).standard_normal((8, 16)) * 1e5
    made = octavo.convert(float_model(DENSE.replace("RELU", "NONE"), w=weight, b=np.zeros(8)), recipe="float16")
    found = causes(octavo.debug(made, samples=normal(1, 16)), "y")
    assert "65504" in found["float16_overflow"].what


def test_models_that_do_not_belong_together_are_refused(dense):
    other = octavo.convert(float_model("main(%q: float32[batch,16]) {\n  %p = TANH(%q)\n  return %p\n}"))
    with pytest.raises(UsageError, match="no inner tensor in common"):
        octavo.debug(dense.reference, other.content, samples=normal(1, 16))
    with pytest.raises(UsageError, match="a candidate is missing"):
        octavo.debug(dense.reference, samples=normal(1, 16))


def run(*arguments):
    return CliRunner().invoke(app, ["debug", *map(str, arguments)], prog_name="octavo")


def test_the_command_converts_a_model_that_stands_alone():
    result = run(DIGITS / "saved_model", "--samples", HELD_OUT, "--layers", "3", "--count", "4")
    assert result.exit_code == 0, result.output
    assert "Layers that add most to the error" in result.stdout
    assert "samples  4" in result.stdout


def test_the_command_compares_two_files_and_speaks_json(digits, tmp_path):
    made = digits("int8")
    (tmp_path / "float.tflite").write_bytes(made.reference)
    made.save(tmp_path / "int8.tflite")
    made.plan.save(tmp_path / "plan.json")
    files = [tmp_path / "float.tflite", tmp_path / "int8.tflite"]
    result = run(*files, "--samples", HELD_OUT, "--plan", tmp_path / "plan.json", "--json")
    assert octavo.Diagnosis.from_json(result.stdout) == octavo.debug(made, samples=HELD_OUT)
    assert json.loads(result.stdout)["samples"] == 16
    assert run(*files, files[0], "--samples", HELD_OUT).exit_code == 2


def test_layers_that_are_called_the_same_are_told_apart_by_their_tensors():
    text = """main(%x: float32[batch,4]) {
      %w = const float32[4,4]
      %net/first = FULLY_CONNECTED(%x, %w)
      %net/second = FULLY_CONNECTED(%net/first, %w)
      return %net/second
    }"""
    content = float_model(text, w=np.eye(4))
    result = octavo.convert(content, recipe="int8", samples=normal(1, 4))
    found = octavo.debug(result, samples=normal(1, 4))
    same = structs.replace(found, layers=tuple(structs.replace(each, layer="net") for each in found.layers))
    products = [each for each in same.layers if each.op == "FULLY_CONNECTED"]
    assert [same.places(each) for each in products] == ["net/first", "net/second"]


def test_weights_of_four_bits_are_cured_by_eight():
    text = """main(%x: float32[batch,32]) {
      %w = const float32[8,32]
      %y = FULLY_CONNECTED(%x, %w)
      return %y
    }"""
    content = float_model(text, w=np.random.default_rng(0).standard_normal((8, 32)))
    recipe = {"precision": "int8", "weights": "int4", "mixed": False}
    result = octavo.convert(content, recipe=recipe, samples=normal(1, 32))
    assert "weights = 'int8'" in causes(octavo.debug(result, samples=normal(1, 32)), "y")["weights"].cure
