"""Writes `docs/architecture.md`: what imports what, drawn from the imports themselves.

`python tools/write_architecture.py` after a change of an import between parts; a test holds the page to the code.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
WIDTH, ROW, HEIGHT, GAP, ASIDE = 960, 64, 26, 8, 330
LETTER = 6.7  # width of a letter at 12 pixels
TEXT = """# Architecture

Where to look for what, and what may know of what: this page is written by `tools/write_architecture.py` from the imports in the
code, and the layers are those that `lint-imports` enforces.

Octavo is built from one idea: **facts are vertical, verbs are horizontal**
([decision 1](decisions/0001-facts-are-vertical-verbs-are-horizontal.md)). What is true of one LiteRT operation stands in one file
of `ops`. What is done to whole models is a *stage*, a folder:

{stages}

Stages never import each other; they meet in `pipeline`, which shows the product on one screen.

## What happens to a model
1. **read** parses a SavedModel, a Keras file, a frozen graph or a `.tflite` without TensorFlow.
2. **lower** runs the source graph with what is known beforehand, and makes LiteRT operations of the rest.
3. **optimize** rewrites the graph by rules, each of which is an equation with an example that is its test.
4. **equalize** makes channels more alike, where int8 would lose the small ones.
5. **calibrate** runs the float model over the samples, once, and keeps what tensors held.
6. **quantize** decides (a [plan](reference/results.md) with a reason for every operation), then does what the plan says.
7. **write** makes the bytes; the same input gives the same bytes.
8. **judge** holds the result against labels and against the float model; **report** shows all of it.

## Who imports whom
From top to bottom. A line is left out where a longer way says the same.

{drawing}

## The parts
{table}
"""


def layers() -> list[list[str]]:
    """The rows of the layers' contract, from the top."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rows = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    return [[part.strip(" ()") for part in row.replace(":", "|").split("|")] for row in rows]


def imports() -> dict[str, set[str]]:
    """What each part of the package imports, of the other parts."""
    graph = grimp.build_graph("octavo", cache_dir=None)
    found: dict[str, set[str]] = {}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            one, other = _part(module), _part(imported) or "api"  # what `octavo` has is in `octavo.api`
            if one and other and one != other:
                found.setdefault(one, set()).add(other)
    return found


def _part(module: str) -> str:
    return ".".join(module.split(".")[1:2])


def reduced(edges: Mapping[str, set[str]], known: set[str]) -> list[tuple[str, str]]:
    """The edges that no longer way implies."""

    def reaches(start: str, end: str) -> bool:
        seen, ahead = set(), [start]
        while ahead:
            for following in edges.get(ahead.pop(), set()) & known - seen:
                if following == end:
                    return True
                seen.add(following)
                ahead.append(following)
        return False

    direct = [(one, other) for one in sorted(edges) for other in sorted(edges[one]) if {one, other} <= known]
    return [(a, b) for a, b in direct if not any(reaches(c, b) for c in edges[a] & known - {b})]


def drawing(rows: Sequence[Sequence[str]], edges: Sequence[tuple[str, str]]) -> str:
    """Rows of boxes, and curves from each to what it imports, as SVG in the colors of the page."""
    place: dict[str, tuple[float, float, float]] = {}
    for number, row in enumerate(rows):
        widths = [len(part) * LETTER + 18 for part in row]
        space = (WIDTH - sum(widths)) / (len(row) + 1) if len(row) > 3 else 60
        left = (WIDTH - sum(widths) - space * (len(row) - 1)) / 2
        if len(row) == 1 and sum(row[0] in edge for edge in edges) < 3:
            left += ASIDE  # out of the way of lines that pass
        for part, width in zip(row, widths, strict=True):
            place[part] = (left, number * ROW + GAP, width)
            left += width + space
    curves = [_curve(place[one], place[other]) for one, other in edges if place[one][1] < place[other][1]]
    height = len(rows) * ROW
    opening = (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="The parts of Octavo in layers, and what they import" '
        'style="width: 100%; height: auto; font: 12px monospace" xmlns="http://www.w3.org/2000/svg">'
    )
    boxes = [
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{w:.0f}" height="{HEIGHT}" rx="4" fill="var(--md-default-bg-color, white)" '
        f'stroke="currentColor"/><text x="{x + w / 2:.0f}" y="{y + 17:.0f}" text-anchor="middle" fill="currentColor">{part}'
        "</text>"
        for part, (x, y, w) in place.items()
    ]
    lines = [f'<g fill="none" stroke="currentColor" stroke-opacity="0.35">{"".join(curves)}</g>']
    return "\n".join([opening, *lines, *boxes, "</svg>"])


def _curve(one: tuple[float, float, float], other: tuple[float, float, float]) -> str:
    x, y = one[0] + one[2] / 2, one[1] + HEIGHT
    end, floor = other[0] + other[2] / 2, other[1]
    middle = (y + floor) / 2
    return f'<path d="M{x:.0f} {y:.0f}C{x:.0f} {middle:.0f} {end:.0f} {middle:.0f} {end:.0f} {floor:.0f}"/>'


def said(part: str) -> str:
    """The first line of a part's docstring."""
    path = ROOT / "src" / "octavo" / part
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.split("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def page() -> str:
    """The page's text."""
    rows, edges = layers(), imports()
    stages = next(row for row in rows if "read" in row)
    lines = ["| part | what it is | imports |", "|---|---|---|"]
    known = {part for row in rows for part in row}
    beside = {name for names in edges.values() for name in names} - known
    for part in [*(part for row in rows for part in row), *sorted(beside)]:
        told = ", ".join(f"`{name}`" for name in sorted(edges.get(part, set())))
        lines.append(f"| `{part}` | {said(part)} | {told or 'nothing'} |")
    flow = " → ".join(f"`{stage}`" for stage in stages)
    return TEXT.format(stages=flow, drawing=drawing(rows, reduced(edges, known)), table="\n".join(lines))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
