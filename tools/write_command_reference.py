"""Writes `docs/reference/commands.md`: the help of every command, as it is printed.

`python tools/write_command_reference.py` after a change of an option; a test holds the page to what is printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from octavo.cli.app import app

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "commands.md"
TEXT = """# Command line

Every command prints one JSON document and nothing else with `--json`. Its keys are held by snapshots in the tests:
they may be joined by others, but change their meaning only with a new version.
Results go to stdout, all else to stderr.

| exit code | what happened |
|---|---|
| 0 | done |
| 1 | plans differ (`plan diff`), or the doctor found something broken |
| 2 | the command, the recipe or the samples are wrong |
| 3 | the model file is wrong |
| 4 | the model is sound, and Octavo cannot do it yet |
| 5 | LiteRT or the target cannot express it |
| 70 | a defect of Octavo |
| 130 | interrupted; no file is half written, and the same command goes on from the samples already seen |
"""


def page() -> str:
    """The page's text."""
    return TEXT + "".join(f"\n## {name}\n```text\n{text}```\n" for name, text in helps(app, "octavo"))


def helps(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """The name and the help of a command and of all below it, at a width of 100."""
    context = click.Context(command, info_name=name.rpartition(" ")[2], parent=parent, max_content_width=100)
    context.terminal_width = 100
    yield name, "\n".join(line.rstrip() for line in command.get_help(context).splitlines()) + "\n"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            yield from helps(command.commands[below], f"{name} {below}", context)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
