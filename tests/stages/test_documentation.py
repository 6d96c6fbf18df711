"""What README and the documentation show works as written; the reference of commands is what is printed."""

import re
import runpy
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from octavo.cli.app import app

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "examples" / "digits"
PAGES = ("README.md", "docs/index.md")


def snippets(page, language):
    """The code blocks of a page, without the indentation of a list."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


def commands(page):
    """The `octavo` commands of a page; those that install something are run by .ci/run."""
    lines = (line for text in snippets(page, "sh") for line in text.splitlines())
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("octavo ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A directory with the files that the pages name."""
    folder = tmp_path_factory.mktemp("documentation")
    shutil.copytree(DIGITS / "saved_model", folder / "my_saved_model")
    for name in ("calibration.npz", "held_out.npz"):
        shutil.copy(DIGITS / name, folder)
    return folder


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_works_in_its_order(page, folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert commands(page)
    for command in commands(page):
        result = CliRunner().invoke(app, command, prog_name="octavo")
        assert result.exit_code == 0, f"octavo {shlex.join(command)}\n{result.output}"


@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_a_page_runs(page, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    for code in snippets(page, "python"):
        exec(compile(code, page, "exec"), {})  # noqa: S102  # our own pages
        assert capsys.readouterr().out


def test_every_recipe_of_the_readme_is_one():
    import msgspec

    from octavo.recipe import read_recipe

    for text in snippets("README.md", "toml"):
        assert read_recipe(msgspec.toml.decode(text)).precision == "int8"


def test_the_page_of_commands_is_what_they_print():
    written = runpy.run_path(str(ROOT / "tools" / "write_command_reference.py"))
    assert (ROOT / "docs/reference/commands.md").read_text() == written["page"](), (
        "if the change is meant: python tools/write_command_reference.py"
    )
