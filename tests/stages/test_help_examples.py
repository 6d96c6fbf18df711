"""The examples in the help of every command work as written."""

import re
import shlex
import shutil

import click
import pytest
from click.testing import CliRunner
from google.protobuf import text_format

import octavo
from octavo.cli.app import app
from octavo.read.saved_model.protos import message
from pages import DIGITS


def commands(command=app, name="octavo"):
    """Every command by the words that call it."""
    if isinstance(command, click.Group):
        for word, below in command.commands.items():
            yield from commands(below, f"{name} {word}")
    else:
        yield name, command


def examples(command):
    """The example lines of a command's help, those that go on below in one."""
    help = (command.help or "").replace("\b", "")
    _, _, shown = re.sub(r"Examples?:", "Example:", help).partition("Example:")
    joined = re.sub(r"\n {3,}(?!octavo)", " ", shown)
    return [line.strip() for line in joined.splitlines() if line.strip().startswith("octavo ")]


FROZEN = """
node {
  name: "image" op: "Placeholder"
  attr { key: "dtype" value { type: 1 } }
}
node {
  name: "scores" op: "Relu" input: "image"
  attr { key: "T" value { type: 1 } }
}
"""
EXAMPLES = {name: examples(command) for name, command in commands() if examples(command)}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A directory with the files that the examples name."""
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra: images)")
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(DIGITS / "saved_model", folder / "my_model")
    for name in ("calibration.npz", "held_out.npz"):
        shutil.copy(DIGITS / name, folder)
    (folder / "photos").mkdir()
    for grey in range(8):
        pillow.new("L", (24, 24), grey * 30).save(folder / "photos" / f"{grey}.png")
    (folder / "frozen.pb").write_bytes(text_format.Parse(FROZEN, message("GraphDef")()).SerializeToString())
    result = octavo.convert(folder / "my_model", recipe="int8", samples=folder / "calibration.npz")
    result.save(folder / "my.tflite")
    result.plan.save(folder / "plan.json")
    (folder / "float.tflite").write_bytes(result.reference)
    run = octavo.record(result, samples=folder / "calibration.npz", source=folder / "my_model").to_json()
    for name in ("run.json", "earlier.json"):
        (folder / name).write_text(run)
    return folder


def test_most_commands_show_examples():
    assert len(EXAMPLES) >= 10
    assert sum(map(len, EXAMPLES.values())) >= 20


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_a_command_work_as_written(name, prepared, tmp_path, monkeypatch):
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for line in EXAMPLES[name]:
        result = CliRunner().invoke(app, shlex.split(line)[1:], prog_name="octavo")
        assert result.exit_code == 0, f"{line}\n{result.output}"
