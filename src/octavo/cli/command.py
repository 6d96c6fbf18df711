"""Commands whose options stand in sections, and whose errors say what to do next."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from typing import Any

import click

from octavo.cli.complete import completion_of
from octavo.cli.failure import reported

OUTPUT = "What is printed"


class Option(click.Option):
    """An option that stands in a section of the help."""

    def __init__(self, *declarations: Any, section: str = "Options", **attributes: Any) -> None:
        """Take what `click.Option` takes, and the title of the section."""
        super().__init__(*declarations, **attributes)
        self.section = section


class Command(click.Command):
    """A command with `--json`, `--quiet` and `--debug`; its errors are printed, and end the process with their code."""

    def __init__(self, *arguments: Any, **attributes: Any) -> None:
        """Take what `click.Command` takes."""
        super().__init__(*arguments, **attributes)
        self.help = _verbatim(self.help)
        self.params += [
            Option(["--json", "as_json"], is_flag=True, section=OUTPUT, help="One JSON document, and nothing else."),
            Option(["-q", "--quiet"], is_flag=True, section=OUTPUT, help="Nothing but errors."),
            Option(["--debug"], is_flag=True, section=OUTPUT, help="A traceback with each error."),
        ]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with reported(as_json=ctx.params["as_json"], debug=ctx.params.pop("debug")):
            return super().invoke(ctx)

    def get_short_help_str(self, limit: int = 80) -> str:
        """The first sentence of the help, for the list of commands."""
        return super().get_short_help_str(max(limit, 80))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, section by section, in the order in which they were declared."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row is not None and isinstance(parameter, click.Option):
                sections.setdefault(getattr(parameter, "section", OUTPUT), []).append(row)
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows, col_max=28)


class Group(click.Group):
    """Commands in the order in which they were added; an unknown one brings the nearest to mind."""

    def __init__(self, *arguments: Any, **attributes: Any) -> None:
        """Take what `click.Group` takes."""
        super().__init__(*arguments, **attributes)
        self.help = _verbatim(self.help)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """The names, in the order of a first visit rather than of the alphabet."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant.

        Raises:
            click.UsageError: no command has the name.
        """
        if args[0] not in self.commands and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self.commands, n=1, cutoff=0.5)
            hint = f"Did you mean '{near[0]}'?" if near else f"Commands: {', '.join(self.commands)}."
            raise click.UsageError(f"No such command '{args[0]}'. {hint}", ctx)
        return super().resolve_command(ctx, args)


def option(*declarations: str, section: str, **attributes: Any) -> Callable[[Any], Any]:
    """An option of a command, in a section of its help."""
    if (completion := completion_of(declarations, attributes.get("metavar", ""))) is not None:
        attributes.setdefault("shell_complete", completion)
    return click.option(*declarations, cls=Option, section=section, **attributes)


def preprocess_option(section: str = "Data") -> Callable[[Any], Any]:
    """The option of commands that take samples: how pictures become numbers."""
    how = (
        "How pictures among the samples become numbers: raw, 0..1, -1..1 (tf), torch or caffe; after commas "
        "fit=crop|stretch|pad, crop=0.875, filter=bicubic."
    )
    return option("--preprocess", section=section, metavar="HOW", help=how)


def _verbatim(text: str | None) -> str | None:
    """The help with its paragraphs that hold indented lines, such as examples, marked to be left as they are."""
    if text is None:
        return None
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(f"\b\n{part}" if "\n  " in part else part for part in paragraphs)
