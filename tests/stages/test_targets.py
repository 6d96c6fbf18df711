"""Accelerators: what is decided for them, what is refused, and what of any model they would leave to the CPU."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import octavo
from octavo import lite
from octavo.cli.app import app
from octavo.errors import TargetError, UsageError
from octavo.ir.graph import Model, Signature
from octavo.ir.text import parse
from octavo.ops import registry
from octavo.recipe import TargetName
from octavo.schema.tables import OPERATORS
from octavo.targets.known import TARGETS
from octavo.write.tflite import to_bytes

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
SAMPLES = DIGITS / "calibration.npz"


def converted(**recipe):
    samples = SAMPLES if recipe["precision"].startswith("int") else None
    return octavo.convert(DIGITS / "saved_model", recipe=recipe, samples=samples, signatures=["serving_default"])


LEAKY = """main(%x: float32[1,8,8,4]) {
  %w = const float32[4,3,3,4]
  %b = const float32[4]
  %c = CONV_2D(%x, %w, %b)
  %l = LEAKY_RELU(%c) {alpha=0.1}
  %y = MAX_POOL_2D(%l) {filter_width=2, filter_height=2, stride_w=2, stride_h=2}
  return %y
}"""


def content_of(text):
    graph = parse(text, registry().ops)
    return to_bytes(Model([graph], [Signature("serving_default", graph, ("x",), ("y",))]))


def made_of(text, **recipe):
    shape = parse(text, registry().ops).inputs[0].shape
    random = np.random.default_rng(0)
    samples = [{"x": random.standard_normal(shape).astype(np.float32)} for _ in range(8)]
    return octavo.convert(content_of(text), recipe={"precision": "int8", **recipe}, samples=samples)


def scales(made, op):
    return {
        t.scales
        for each in octavo.inspect(made).graphs[0].operations
        if each.op == op
        for t in each.weights
        if t.dtype == "int8"
    }


def test_every_target_that_a_recipe_may_name_is_known_with_its_source():
    assert set(TARGETS) == set(TargetName.__args__)
    assert all(target.source.startswith("https://") for target in TARGETS.values())


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_names_operators_of_the_schema(name):
    target = TARGETS[name]
    assert (target.operators | target.per_channel) <= set(OPERATORS)
    assert (target.per_channel | target.on_one_grid | set(target.fewer)) <= target.operators
    for limit in target.limits:
        assert limit.op in target.operators
        assert limit.of in ("rank", "version") or limit.of in {field.name for field in fields(registry().ops[limit.op])}


@pytest.mark.parametrize("name", ["nnapi", "tflm", "edgetpu", "ethos-u", "hexagon"])
def test_an_integer_model_is_made_for_an_accelerator(name):
    made = converted(precision="int8", inputs="int8", outputs="int8", target=name)
    assert octavo.off_target(made, name) == ()


def test_dense_weights_get_one_scale_where_the_target_takes_one():
    assert scales(converted(precision="int8", target="tflm"), "FULLY_CONNECTED") == {None}
    assert None not in scales(converted(precision="int8", target="tflm"), "CONV_2D")
    assert scales(converted(precision="int8"), "FULLY_CONNECTED") == {10}


@pytest.mark.parametrize(
    ("name", "precision"), [("gpu", "int8"), ("edgetpu", "int16x8"), ("tflm", "dynamic"), ("hexagon", "float16")]
)
def test_a_precision_that_the_target_does_not_run_is_refused_before_any_work(name, precision):
    with pytest.raises(TargetError, match=f"{name} does not run") as caught:
        octavo.convert("nowhere", recipe={"precision": precision, "target": name})
    assert "set precision to" in caught.value.hint
    assert caught.value.code == 5


def test_what_the_target_cannot_run_is_named_unless_it_is_left_to_the_cpu():
    with pytest.raises(TargetError, match="edgetpu has no LEAKY_RELU") as caught:
        made_of(LEAKY, target="edgetpu")
    assert "deny" in caught.value.hint
    made = made_of(LEAKY, target="edgetpu", deny=("LEAKY_RELU",))
    assert {each.op for each in octavo.off_target(made, "edgetpu")} == {"LEAKY_RELU", "DEQUANTIZE", "QUANTIZE"}
    told = {row.op: row.off_target for row in made.plan.graphs[0].ops}
    assert told == {"CONV_2D": "", "LEAKY_RELU": "edgetpu has no LEAKY_RELU", "MAX_POOL_2D": ""}
    assert any("1 operation(s) run on the CPU, not on edgetpu: LEAKY_RELU" in each for each in made.warnings)


def test_convert_takes_the_target_beside_the_recipe_but_not_beside_a_plan():
    made = octavo.convert(DIGITS / "saved_model", recipe="int8", target="nnapi", samples=SAMPLES)
    assert made.plan.recipe.target == "nnapi"
    assert octavo.off_target(made, "nnapi") == ()
    with pytest.raises(UsageError, match="no target is called 'tpu'"):
        octavo.convert(DIGITS / "saved_model", target="tpu")
    with pytest.raises(UsageError, match="a plan has been made for a target already"):
        octavo.convert(DIGITS / "saved_model", plan=made.plan, target="gpu")


def test_the_nnapi_gets_means_on_the_grid_of_their_input():
    text = """main(%x: float32[1,4,4,8]) {
      %axes = const int32[2] [1, 2]
      %y = MEAN(%x, %axes)
      return %y
    }"""
    free, tied = made_of(text), made_of(text, target="nnapi")
    scales = {made: {t.scale for o in octavo.inspect(made).graphs[0].operations if o.op == "MEAN"
                     for t in (*o.inputs, *o.outputs)} for made in (free.content, tied.content)}  # fmt: skip
    assert (len(scales[free.content]), len(scales[tied.content])) == (2, 1)
    assert [each.why for each in octavo.off_target(free, "nnapi")] == [
        "nnapi wants the result of MEAN on the grid of its input"
    ]


@pytest.mark.parametrize(
    ("target", "text", "why"),
    [
        ("hexagon", "%y = MAX_POOL_2D(%x) {fused_activation_function=RELU}", "fused_activation_function"),
        ("ethos-u", "%y = MAX_POOL_2D(%x) {stride_w=4, stride_h=2}", "stride_w of MAX_POOL_2D is 4, and has to be 1 to 3"),
        ("gpu", "%y = SOFTMAX(%x) {beta=0.5}", "beta of SOFTMAX is 0.5, and has to be 1"),
        ("nnapi", "%y = EXP(%x)", "nnapi computes EXP in float32"),
    ],
)  # fmt: skip
def test_a_form_of_an_operator_that_the_target_does_not_take_is_named(target, text, why):
    precision = "float32" if target == "gpu" else "int8"
    made = made_of(f"main(%x: float32[1,8,8,4]) {{\n  {text}\n  return %y\n}}", precision=precision)
    assert why in octavo.off_target(made, target)[-1].why


def test_the_command_lists_the_targets_with_their_sources():
    rows = json.loads(CliRunner().invoke(app, ["targets", "--json"]).stdout)
    assert [row["name"] for row in rows] == list(TARGETS)
    assert all(row["source"].startswith("https://") for row in rows)
    assert "nnapi_delegate" in CliRunner().invoke(app, ["targets"]).stdout


def test_the_command_converts_for_a_target(tmp_path):
    path = tmp_path / "made.tflite"
    told = CliRunner().invoke(app, ["convert", str(DIGITS / "saved_model"), "-o", str(path), "-t", "tflm", "-r", "int8",
                                    "--samples", str(SAMPLES)])  # fmt: skip
    assert told.exit_code == 0, told.output
    assert octavo.off_target(path, "tflm") == ()


def test_the_command_lists_what_would_leave_a_target(tmp_path):
    path = converted(precision="int8").save(tmp_path / "int8.tflite")
    told = CliRunner().invoke(app, ["inspect", str(path), "--target", "tflm", "--json"])
    (row,) = json.loads(told.stdout)
    assert (row["op"], "one scale" in row["why"]) == ("FULLY_CONNECTED", True)
    assert (
        "every operation runs on edgetpu"
        in CliRunner().invoke(app, ["inspect", str(path), "--target", "edgetpu"]).stdout
    )
    assert CliRunner().invoke(app, ["inspect", str(path), "--target", "tpu"]).exit_code == 2
    with pytest.raises(UsageError, match="no target is called"):
        octavo.off_target(path, "tpu")


def test_the_analyzer_tells_what_a_gpu_leaves(capsys):
    text = "main(%x: float32[1,8,8,4]) {\n  %y = LOG_SOFTMAX(%x)\n  return %y\n}"
    lite.experimental.Analyzer.analyze(model_content=content_of(text), gpu_compatibility=True)
    assert "GPU COMPATIBILITY WARNING: LOG_SOFTMAX" in capsys.readouterr().out


def test_a_float_operation_is_told_to_leave_an_integer_accelerator():
    rules = [{"op": "SOFTMAX", "precision": "float32"}]
    found = octavo.off_target(converted(precision="int8", rules=rules), "edgetpu")
    assert {each.op for each in found} >= {"SOFTMAX"}
    assert any(np.char.find(each.why, "computes in int8") >= 0 for each in found)
