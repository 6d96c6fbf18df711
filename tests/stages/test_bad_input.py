"""Whatever is wrong with what a user hands over: an error of the right kind, its place, a cure, and no file touched.

Each case stands for one mistake. It is made through the public function and through the command line.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import octavo
from octavo.cli.app import app
from octavo.errors import (
    Invalid,
    OctavoError,
    RecipeError,
    SamplesError,
    TargetError,
    Unreadable,
    Unsupported,
    UsageError,
)
from saved_models import Model, bundle

KERNEL = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
GOOD = np.linspace(-1, 1, 32, dtype=np.float32).reshape(8, 4)
INT8 = {"precision": "int8"}
OLD = b"the model of yesterday"


@dataclass(frozen=True)
class Mistake:
    """What is done to a good model, what is asked of Octavo, and what it must answer."""

    kind: type[OctavoError]
    says: tuple[str, ...]
    where: str
    damage: Callable[[Path], object] = lambda _: None
    recipe: Any = "float32"
    samples: Any = None
    ask: dict[str, Any] = field(default_factory=dict)


def good_model(path: Path, *, op: str = "Relu", handles: bool = True) -> Path:
    """One dense layer whose kernel is a variable."""
    model = Model()
    model.node("serving_x", "Placeholder", dtype=np.dtype(np.float32), shape=(-1, 4))
    model.variable("dense/kernel", KERNEL)
    model.node("dense/read", "ReadVariableOp", "dense/kernel", dtype=np.dtype(np.float32))
    model.node("dense/MatMul", "MatMul", "serving_x", "dense/read", transpose_a=False, transpose_b=False)
    model.node("dense/activation", op, "dense/MatMul")
    model.signature("serving_default", {"x": "serving_x:0"}, {"y": "dense/activation:0"})
    dim = model.meta_graph.signature_def["serving_default"].inputs["x"].tensor_shape.dim
    dim.add(size=4)
    if handles:
        model.restore({"dense/kernel": "w"})
    bundle(path / "variables" / "variables", {"w": KERNEL})
    return model.save(path)


def cut(name: str) -> Callable[[Path], object]:
    def damage(model: Path) -> None:
        file = model / name
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])

    return damage


def lose(name: str) -> Callable[[Path], object]:
    return lambda model: (model / name).unlink()


def change(name: str) -> Callable[[Path], object]:
    def damage(model: Path) -> None:
        file = model / name
        content = file.read_bytes()
        file.write_bytes(bytes([content[0] ^ 1]) + content[1:])

    return damage


PB, INDEX, SHARD = "saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"
with_nan = GOOD.copy()
with_nan[5, 2] = np.nan

MISTAKES = {
    "no_such_model": Mistake(UsageError, ("no such",), "model", shutil.rmtree),
    "no_saved_model": Mistake(Unreadable, ("saved_model.pb",), "model", lose(PB)),
    "truncated_graph": Mistake(Unreadable, ("truncated",), PB, cut(PB)),
    "empty_graph": Mistake(Unreadable, ("empty",), PB, lambda model: (model / PB).write_bytes(b"")),
    "graph_of_noise": Mistake(Unreadable, (), PB, lambda model: (model / PB).write_bytes(bytes(range(256)))),
    "truncated_index": Mistake(Unreadable, (), INDEX, cut(INDEX)),
    "truncated_shard": Mistake(Unreadable, (), SHARD, cut(SHARD)),
    "missing_shard": Mistake(Unreadable, (), SHARD, lose(SHARD)),
    "missing_variables": Mistake(Unreadable, ("missing",), INDEX, lambda model: shutil.rmtree(model / "variables")),
    "wrong_checksum": Mistake(Unreadable, ("checksum", "'w'"), SHARD, change(SHARD)),
    "a_handle_without_a_value": Mistake(
        Invalid, ("dense/kernel",), "model", lambda model: good_model(model, handles=False)
    ),
    "an_unknown_operation": Mistake(
        Unsupported, ("Mystery", "dense/activation"), "serving_default", lambda model: good_model(model, op="Mystery")
    ),
    "an_unknown_signature": Mistake(
        UsageError, ("'classify'",), "model", ask={"signatures": ["classify"], "cli": ["--signature", "classify"]}
    ),
    "a_shape_for_an_unknown_input": Mistake(
        UsageError, ("'image'",), "", ask={"shapes": {"image": [1, 4]}, "cli": ["--shape", "image=1,4"]}
    ),
    "no_samples": Mistake(SamplesError, ("no samples",), "", recipe=INT8),
    "empty_samples": Mistake(SamplesError, ("no samples",), "samples", recipe=INT8, samples={"x": GOOD[:0]}),
    "samples_of_nan": Mistake(SamplesError, ("NaN",), "sample 5", recipe=INT8, samples={"x": with_nan}),
    "infinite_samples": Mistake(SamplesError, ("infinity",), "sample 0", recipe=INT8, samples={"x": GOOD * np.inf}),
    "mis_shaped_samples": Mistake(
        SamplesError, ("[1, 3]",), "sample 0", recipe=INT8, samples={"x": GOOD[:, :3]}
    ),
    "samples_of_text": Mistake(
        SamplesError, ("float32",), "sample 0", recipe=INT8, samples={"x": np.full((8, 4), "one")}
    ),
    "samples_of_other_inputs": Mistake(
        SamplesError, ("no input 'z'",), "samples", recipe=INT8, samples={"x": GOOD, "z": GOOD}
    ),
    "an_unknown_recipe_key": Mistake(RecipeError, ("'precison'",), "recipe", recipe={"precison": "int8"}),
    "an_unknown_precision": Mistake(RecipeError, ("int7",), "recipe", recipe={"precision": "int7"}),
    "a_layer_rule_that_matches_nothing": Mistake(
        RecipeError, ("matches nothing", "head"), "rule", samples={"x": GOOD},
        recipe={"precision": "int8", "rules": [{"layer": "head/*", "precision": "float32"}]},
    ),
    "an_op_rule_that_matches_nothing": Mistake(
        RecipeError, ("matches nothing", "CONV_2D"), "rule", samples={"x": GOOD},
        recipe={"precision": "int8", "rules": [{"op": "CONV_2D", "precision": "float32"}]},
    ),
    "an_interface_without_integers": Mistake(
        RecipeError, ("inputs='int8'",), "inputs", recipe={"precision": "float16", "inputs": "int8"}
    ),
}  # fmt: skip

KINDS = {UsageError: 2, RecipeError: 2, SamplesError: 2, Unreadable: 3, Invalid: 3, Unsupported: 4, TargetError: 5}


@pytest.fixture(params=MISTAKES)
def mistake(request) -> Mistake:
    return MISTAKES[request.param]


@pytest.fixture
def model(tmp_path, mistake) -> Path:
    """The damaged model, beside a file that was there before."""
    path = good_model(tmp_path / "model")
    mistake.damage(path)
    (tmp_path / "out.tflite").write_bytes(OLD)
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_undamaged_model_is_converted(tmp_path):
    """Or else every case below would fail for another reason than it says."""
    path = good_model(tmp_path / "model")
    assert octavo.convert(path).size
    assert octavo.convert(path, recipe=INT8, samples={"x": GOOD}).size


def test_a_mistake_is_a_typed_error_with_its_place_and_a_cure(tmp_path, model, mistake):
    before = files(tmp_path)
    asked = {key: value for key, value in mistake.ask.items() if key != "cli"}
    with pytest.raises(OctavoError) as raised:
        octavo.convert(model, recipe=mistake.recipe, samples=mistake.samples, **asked).save(tmp_path / "out.tflite")
    error = raised.value
    assert isinstance(error, mistake.kind)
    assert error.code == KINDS[mistake.kind]
    for text in mistake.says:
        assert text in str(error)
    assert mistake.where in error.where
    assert error.where or not mistake.where
    assert error.hint
    assert files(tmp_path) == before


def test_the_command_line_says_the_same_and_exits_by_kind(tmp_path, model, mistake):
    arguments = ["convert", str(model), "-o", str(tmp_path / "out.tflite"), "--json", *mistake.ask.get("cli", ())]
    if mistake.recipe != "float32":
        (tmp_path / "recipe.json").write_text(json.dumps(mistake.recipe))
        arguments += ["--recipe", str(tmp_path / "recipe.json")]
    if mistake.samples is not None:
        np.savez(tmp_path / "samples.npz", **mistake.samples)
        arguments += ["--samples", str(tmp_path / "samples.npz")]
    before = files(tmp_path)
    result = CliRunner().invoke(app, arguments, prog_name="octavo")
    assert result.exit_code == KINDS[mistake.kind]
    told = json.loads(result.stdout)["error"]
    assert told["kind"] == mistake.kind.__name__
    assert told["hint"]
    for text in mistake.says:
        assert text in result.stderr
    assert "Traceback" not in result.stderr
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("content", "kind"), [(b"", Unreadable), (b"\x20\0\0\0TFL3", Unreadable), (b"PK\x03\x04 a zip", Unreadable)]
)
def test_bytes_that_are_no_model_are_unreadable(content, kind):
    with pytest.raises(kind) as raised:
        octavo.convert(content)
    assert raised.value.where
    assert raised.value.code == 3


def test_a_model_that_is_no_path_is_a_usage_error():
    with pytest.raises(UsageError) as raised:
        octavo.convert(42)
    assert "int" in str(raised.value)
    assert raised.value.hint


def test_a_result_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    result = octavo.convert(good_model(tmp_path / "model"))
    before = files(tmp_path)
    with pytest.raises(UsageError) as raised:
        result.save(tmp_path / "absent" / "out.tflite")
    assert "absent" in raised.value.where
    assert files(tmp_path) == before
