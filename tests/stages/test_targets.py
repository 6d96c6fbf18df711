"""Accelerators: what is decided for them, what is refused, and what of any model they would leave to the CPU."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import octavo
from octavo import lite
from octavo.cli.app import app
from octavo.errors import TargetError, UsageError
from octavo.recipe import TargetName
from octavo.schema.tables import OPERATORS
from octavo.targets.known import TARGETS

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
SAMPLES = DIGITS / "calibration.npz"


def converted(**recipe):
    samples = SAMPLES if recipe["precision"].startswith("int") else None
    return octavo.convert(DIGITS / "saved_model", recipe=recipe, samples=samples, signatures=["serving_default"])


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
    assert target.per_channel <= target.operators


@pytest.mark.parametrize("name", ["tflm", "edgetpu", "ethos-u", "hexagon"])
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
    with pytest.raises(TargetError, match="gpu has no MEAN") as caught:
        converted(precision="float16", target="gpu")
    assert "MEAN at digits_1/pool_1" in str(caught.value)
    made = converted(precision="float16", target="gpu", deny=["MEAN"])
    assert [each.op for each in octavo.off_target(made, "gpu")] == ["MEAN"]


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
    lite.experimental.Analyzer.analyze(model_content=converted(precision="float16").content, gpu_compatibility=True)
    assert "GPU COMPATIBILITY WARNING: MEAN" in capsys.readouterr().out


def test_a_float_operation_is_told_to_leave_an_integer_accelerator():
    rules = [{"op": "SOFTMAX", "precision": "float32"}]
    found = octavo.off_target(converted(precision="int8", rules=rules), "edgetpu")
    assert {each.op for each in found} >= {"SOFTMAX"}
    assert any(np.char.find(each.why, "computes in int8") >= 0 for each in found)
