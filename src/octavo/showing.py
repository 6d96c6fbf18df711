"""How results show themselves: tables, which the command line prints and a notebook renders."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from msgspec import Struct

MOST = 10
"""Rows of the worst of something, unless told otherwise."""
_FRAME = "max-height:32em;overflow:auto;margin:.4em 0 1em"
_TABLE = "border-collapse:collapse;font-variant-numeric:tabular-nums;color:inherit;background:none"
_CELL = "padding:.15em .8em;border-bottom:1px solid #8884;color:inherit;background:none;vertical-align:top"


class Table(Struct, frozen=True):
    """Rows under the names of their columns; a column whose name starts with `>` is aligned to the right.

    Without columns the rows are facts: a word, and what it says.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


class Shown:
    """What has tables to show, and so shows itself in a notebook."""

    __slots__ = ()

    def tables(self) -> tuple[Table, ...]:
        """The tables, the most wanted first."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return as_html(self.tables())


def as_html(tables: Iterable[Table]) -> str:
    """The tables that have rows, in the colours and the font of the page around them."""
    return "".join(_html(table) for table in tables if table.rows)


def facts(*rows: tuple[str, str]) -> Table:
    """A table without head; what says nothing is left out."""
    return Table("", (), [row for row in rows if row[1]])


def bytes_of(count: float) -> str:
    """A size such as `1.4 MB`: three digits, powers of 1000."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def decibels_of(value: float | None) -> str:
    """A ratio in decibels, or `equal` where nothing differs."""
    return "equal" if value is None or value == math.inf else f"{value:.1f} dB"


def counted(counts: Mapping[str, int]) -> str:
    """How many there are of each: `CONV_2D ×3, SOFTMAX`."""
    return ", ".join(f"{name} ×{count}" if count > 1 else name for name, count in counts.items())


def shortened(text: str) -> str:
    """The text with each name that lists what was fused, `a/Relu;b/Conv2D;b/BiasAdd`, cut to its first: `a/Relu +2`."""
    return re.sub(r"([^\s;]+)((?:;[^\s;]+)+)", lambda found: f"{found[1]} +{found[2].count(';')}", text)


def _html(table: Table) -> str:
    aligns = ["right" if name.startswith(">") else "left" for name in table.columns]
    title = f'<div style="font-weight:600">{escape(table.title)}</div>' if table.title else ""
    names = [name.lstrip(">") for name in table.columns]
    head = f"<thead>{_row('th', names, aligns)}</thead>" if names else ""
    body = "".join(_row("td", row, aligns) for row in table.rows)
    return f'{title}<div style="{_FRAME}"><table style="{_TABLE}">{head}<tbody>{body}</tbody></table></div>'


def _row(tag: str, cells: Sequence[str], aligns: Sequence[str]) -> str:
    ways = aligns or ["left"] * len(cells)
    told = map(escape, map(shortened, cells))
    made = (f'<{tag} style="{_CELL};text-align:{way}">{cell}</{tag}>' for cell, way in zip(told, ways, strict=True))
    return f"<tr>{''.join(made)}</tr>"
