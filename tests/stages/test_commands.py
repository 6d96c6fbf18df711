"""Commands that look at models, plans and the machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

import octavo
from octavo.benchmarking import sample_for
from octavo.cli import demo, doctor
from octavo.cli.app import app

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
SNAPSHOT = Path(__file__).parent / "command_documents.json"


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], prog_name="octavo")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The digits in int8 and float, their plan, and another plan."""
    folder = tmp_path_factory.mktemp("models")
    samples = ("--samples", DIGITS / "calibration.npz", "-r", "int8")
    saves = (
        "--save-float",
        folder / "float.tflite",
        "--save-plan",
        folder / "plan.json",
        "--save-run",
        folder / "run.json",
    )
    made = run("convert", DIGITS / "saved_model", "-o", folder / "int8.tflite", *samples, *saves)
    assert made.exit_code == 0, made.output
    other = (
        "-o",
        folder / "other.tflite",
        "--rule",
        "op=SOFTMAX,precision=float32",
        "--save-plan",
        folder / "other.json",
    )
    assert run("convert", DIGITS / "saved_model", *samples, *other).exit_code == 0
    return folder


def shape(value):
    """The keys and kinds of a document; of lists of mappings, all keys that any entry has."""
    if isinstance(value, dict):
        return {key: shape(entry) for key, entry in sorted(value.items())}
    if isinstance(value, list):
        return [together([shape(entry) for entry in value])] if value else []
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def together(shapes):
    """One shape that has what each of them has; where they differ, the first that is known."""
    if all(isinstance(each, dict) for each in shapes):
        keys = sorted({key for each in shapes for key in each})
        return {key: together([each[key] for each in shapes if key in each]) for key in keys}
    if all(isinstance(each, list) for each in shapes):
        inner = [entry for each in shapes for entry in each]
        return [together(inner)] if inner else []
    return next((each for each in shapes if each != "NoneType"), "NoneType")


def documents(folder):
    """A command line for each command that prints a document."""
    samples = ("--samples", DIGITS / "calibration.npz")
    return {
        "convert": ("convert", DIGITS / "saved_model", "-o", folder / "x.tflite", "-r", "int8", *samples),
        "evaluate": (
            "evaluate", folder / "int8.tflite", "--reference", folder / "float.tflite", "--samples",
            DIGITS / "held_out.npz",
        ),
        "compare": ("compare", folder / "float.tflite", folder / "int8.tflite", *samples),
        "debug": ("debug", folder / "float.tflite", folder / "int8.tflite", *samples),
        "blame": ("blame", DIGITS / "saved_model", *samples, "--count", 2),
        "inspect": ("inspect", folder / "int8.tflite"),
        "report": ("report", folder / "run.json"),
        "benchmark": ("benchmark", folder / "int8.tflite", "--reference", folder / "float.tflite", "--rounds", 5),
        "plan show": ("plan", "show", folder / "plan.json"),
        "plan diff": ("plan", "diff", folder / "plan.json", folder / "other.json"),
        "targets": ("targets",),
        "demo": ("demo", "-o", folder / "demo"),
        "doctor": ("doctor",),
    }  # fmt: skip


def test_the_form_of_each_document_changes_only_with_its_snapshot(folder, monkeypatch):
    monkeypatch.setattr(demo, "MODES", {"float32": {}, "int8": {"precision": "int8"}})  # two of six show the form
    found = {name: shape(json.loads(run(*command, "--json").stdout)) for name, command in documents(folder).items()}
    assert found == json.loads(SNAPSHOT.read_text()), f"if the change is meant, store: {json.dumps(found)}"


def test_each_command_has_its_document_and_its_help_held_by_a_snapshot(folder):
    def commands(group, before=()):
        for name, command in group.commands.items():
            words = (*before, name)
            yield from commands(command, words) if isinstance(command, click.Group) else [" ".join(words)]

    known = set(commands(app))
    assert known - {"plan schema"} == set(documents(folder))  # that document is held by recipe.schema.json itself
    page = (Path(__file__).parents[2] / "docs/reference/commands.md").read_text()
    assert all(f"\nUsage: octavo {name} " in page for name in known)


def test_benchmark_times_models_in_turns_and_each_operation_beside_its_float_one(folder):
    found = octavo.benchmark(folder / "int8.tflite", reference=folder / "float.tflite", rounds=6, threads=[1, 2])
    assert [whole.timing.threads for whole in found.wholes] == [1, 1, 2, 2]
    assert all(w.timing.least <= w.timing.p10 <= w.timing.median <= w.timing.p90 for w in found.wholes)
    assert found.wholes[0].ratio == 1
    operations = octavo.inspect(folder / "int8.tflite").graphs[0].operations
    assert [part.op for part in found.parts] == [operation.op for operation in operations]
    assert all(part.beside is not None for part in found.parts if part.op == "CONV_2D")
    assert sum(part.share for part in found.parts) == pytest.approx(1)
    assert not found.left_out


def test_benchmark_draws_inputs_where_there_are_no_samples(folder):
    content = (folder / "float.tflite").read_bytes()
    drawn = sample_for(content, None)["image"]
    assert drawn.shape == (1, 20, 20, 1)
    assert np.array_equal(drawn, sample_for(content, None)["image"])


def test_benchmark_says_the_slowest_operations_and_what_they_sum_to(folder):
    text = run("benchmark", folder / "int8.tflite", "--rounds", 5, "--operations", 3).stdout
    assert "The slowest of 16 operations, each alone" in text
    assert "all operations, each alone:" in text
    assert "slowest" not in run("benchmark", folder / "int8.tflite", "--rounds", 5, "--operations", 0).stdout


def test_a_plan_is_shown_whether_it_stands_alone_or_in_a_run(folder):
    alone, inside = (json.loads(run("plan", "show", folder / n, "--json").stdout) for n in ("plan.json", "run.json"))
    assert alone == inside
    assert "recipe's default" in run("plan", "show", folder / "plan.json", "--tensors").stdout


def test_plans_that_differ_end_with_one_as_diff_does(folder):
    same = run("plan", "diff", folder / "plan.json", folder / "run.json")
    assert (same.exit_code, same.stdout) == (0, "the plans are the same\n")
    other = run("plan", "diff", folder / "plan.json", folder / "other.json")
    assert other.exit_code == 1
    assert "float32 (rule:" in other.stdout


def test_what_is_no_plan_is_told_as_such(tmp_path):
    path = tmp_path / "x.json"
    path.write_text("{")
    result = run("plan", "show", path)
    assert result.exit_code == 3
    assert "neither a plan nor a run" in result.stderr
    assert run("plan", "show", tmp_path / "y.json").exit_code == 2


def test_a_mistyped_subcommand_brings_the_nearest_to_mind():
    assert "Did you mean 'diff'?" in run("plan", "dif").stderr


def test_the_doctor_converts_and_runs_a_model():
    told = json.loads(run("doctor", "--json").stdout)
    states = {finding["what"]: finding["state"] for finding in told}
    assert states["convert and run"] == "ok"
    assert "broken" not in states.values()


def test_the_doctor_tells_what_is_broken_and_ends_with_one(monkeypatch):
    monkeypatch.setattr(doctor, "_digits", lambda: 1 / 0)
    result = run("doctor")
    assert result.exit_code == 1
    assert "BROKEN" in result.stdout
    assert "ZeroDivisionError" in result.stdout


def test_the_tree_nests_layers_as_their_paths_do(folder):
    text = run("inspect", folder / "int8.tflite", "--tree").stdout
    assert "│  ├─ narrow_swish_1  (3 operations" in text
    assert "CONV_2D int8 → int8[batch,10,10,16], weights 208 bytes" in text


def test_constants_that_several_operations_read_are_listed():
    from octavo.ir.graph import Model, Signature
    from octavo.ir.text import parse
    from octavo.ops import registry
    from octavo.write.tflite import to_bytes

    graph = parse(
        """main(%x: float32[2,4]) {
          %w = const float32[4,4]
          %a: float32[2,4] = FULLY_CONNECTED(%x, %w, _)
          %b: float32[2,4] = FULLY_CONNECTED(%a, %w, _)
          return %b
        }""",
        registry().ops,
    )
    seen = octavo.inspect(to_bytes(Model([graph], [Signature("f", graph, ("x",), ("b",))])))
    assert [(shared.size, len(shared.layers)) for shared in seen.shared] == [(64, 2)]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_completion(shell):
    command = [sys.executable, "-c", "from octavo.cli import main; main()"]
    environment = {**os.environ, "_OCTAVO_COMPLETE": f"{shell}_source"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "_OCTAVO_COMPLETE" in done.stdout
