"""What a command shows: tables and lines, or one JSON document."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any

import click

from octavo.showing import Table, shortened

PIPED_WIDTH = 160
"""Columns of a table when stdout is no terminal, whose width would be known."""
LEAST = 10
"""A column is not made narrower than this to fit the terminal."""


def show_json(record: Any) -> None:
    """Print a record as the only thing on stdout. What is not finite becomes null."""
    import msgspec

    try:
        click.echo(msgspec.json.format(msgspec.json.encode(record), indent=1).decode())
    except UnicodeEncodeError:  # a path that the locale cannot decode
        text = json.dumps(msgspec.to_builtins(record), ensure_ascii=False)
        click.echo(json.dumps(json.loads(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")), indent=1))


def show_tables(tables: Iterable[Table]) -> None:
    """Print the tables that have rows; those without columns as lines."""
    for table in tables:
        if table.columns and table.rows:
            show_table(table.title, table.columns, table.rows)
        elif table.rows:
            width = max(len(row[0]) for row in table.rows)
            for word, told in table.rows:
                show_wrapped(f"{word.ljust(width)}  ", " " * (width + 2), told)


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under the names of their columns. A column whose name starts with `>` is aligned to the right."""
    names = [name.lstrip(">") for name in columns]
    right = [name.startswith(">") for name in columns]
    cells = [names, *([shortened(str(cell)) for cell in row] for row in rows)]
    widths = _fit([max(map(len, column)) for column in zip(*cells, strict=True)], room())
    plain = False if os.environ.get("NO_COLOR") else None
    if title:
        click.secho(title, bold=True, color=plain)
    if sum(widths) + 2 * (len(widths) - 1) > room():
        _show_stacked(cells)
        return
    for number, row in enumerate(cells):
        for line in _lines(row, widths, right):
            click.secho(line, bold=number == 0, color=plain)
        if number == 0:
            click.echo("─" * (sum(widths) + 2 * (len(widths) - 1)))
    click.echo()


def _show_stacked(cells: Sequence[Sequence[str]]) -> None:
    """Print rows below each other, a line for each cell: the terminal is too narrow for columns."""
    names, *rows = cells
    width = max(map(len, names))
    for row in rows:
        for name, cell in zip(names, row, strict=True):
            if cell:
                show_wrapped(f"{name.ljust(width)}  ", " " * (width + 2), cell)
        click.echo()


def room() -> int:
    """How many columns a line may have."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPED_WIDTH


def show_wrapped(first: str, others: str, text: str) -> None:
    """Print a text that begins with `first`, and goes on in lines that begin with `others`; as one line in a pipe."""
    if not sys.stdout.isatty():
        click.echo(first + text)
        return
    for number, part in enumerate(folded(text, max(LEAST, room() - len(others)))):
        click.echo((others if number else first) + part)


def show_lines(*lines: str) -> None:
    """Print lines as they are."""
    for line in lines:
        click.echo(line)


def _fit(widths: list[int], room: int) -> list[int]:
    """The widths, the widest made narrower until all columns and two blanks between them fit."""
    widths = list(widths)
    room -= 2 * (len(widths) - 1)
    while sum(widths) > room and max(widths) > LEAST:
        widest = widths.index(max(widths))
        others = sorted(widths)[-2] if len(widths) > 1 else 0
        widths[widest] = max(LEAST, min(max(others, room - sum(widths) + widths[widest]), widths[widest] - 1))
    return widths


def _lines(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> Iterable[str]:
    """The lines that a row takes: what is too long for its column goes on below."""
    parts = [folded(cell, width) for cell, width in zip(row, widths, strict=True)]
    for line in zip_longest(*parts, fillvalue=""):
        aligned = [p.rjust(w) if r else p.ljust(w) for p, w, r in zip(line, widths, right, strict=True)]
        yield "  ".join(aligned).rstrip()


def folded(text: str, width: int) -> list[str]:
    """The lines of a text, none longer than `width`: cut at blanks, and longer names behind what joins their parts."""
    lines = [""]
    for word in text.split():
        pieces = [word] if len(word) <= width else re.findall(r"[^/_,;:\[]*[/_,;:\[]|[^/_,;:\[]+$", word)
        for number, piece in enumerate(pieces):
            glued = piece if number or not lines[-1] else f" {piece}"
            lines[-1:] = [lines[-1] + glued] if len(lines[-1] + glued) <= width else [lines[-1], piece]
            while len(lines[-1]) > width:
                lines[-1:] = [lines[-1][:width], lines[-1][width:]]
    return [line for line in lines if line] or [""]
