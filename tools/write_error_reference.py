"""Writes `docs/reference/errors.md`: every kind of error and every message that the code raises, with its cure.

`python tools/write_error_reference.py` after a change of a message; a test holds the page to the code. Messages are read
from the source, so none can be missing; `…` stands for what is known only when it happens.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from octavo import errors
from octavo.errors import OctavoError

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "octavo"
PAGE = ROOT / "docs" / "reference" / "errors.md"
TEXT = """# Errors

What each error means and what to do next. All are kinds of `OctavoError`, which has a `message`, a place
(`where`: layer, file, sample), a `hint` and a `code`, with which the command line exits. When one is raised, no file is half
written.

<!-- not run: a drawing -->
```text
{drawing}
```

In Python one handler is enough, because `str(error)` holds all three lines:

```python
import octavo

try:
    octavo.convert("no_such_model")
except octavo.OctavoError as error:
    print(error.code, error)
```

`octavo COMMAND --json` prints the same as `{{"error": {{"kind", "message", "at", "hint", "code"}}}}`, and `--debug` a traceback.
The tables list every message in the source, `…` in place of names and numbers. Where a row has no cure of its own, that of the
kind holds.
"""
GAPS = "LayerError", "NotLoweredError"
"""What readers and lowerings raise for one operation; all of them come back together in one `Unsupported`."""


@dataclass(frozen=True, order=True)
class Message:
    """What is raised somewhere: its kind, its text and its hint, if it has one of its own."""

    kind: str
    text: str
    hint: str


def kinds(above: type[OctavoError] = OctavoError) -> Iterator[type[OctavoError]]:
    """The kinds of errors in `octavo.errors` below one, in the order of their definition."""
    for kind in above.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind
            yield from kinds(kind)


def messages() -> list[Message]:
    """Every message that is raised in the source, each once."""
    known = {*(kind.__name__ for kind in kinds()), *GAPS}
    found: set[Message] = set()
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found.update(_raised(tree, known))
    return sorted(found)


def _raised(tree: ast.Module, known: set[str]) -> Iterator[Message]:
    above = [node for node in tree.body if isinstance(node, ast.Assign)]
    for function in [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))]:
        own = [node for node in ast.walk(function) if isinstance(node, ast.Assign)] if function is not tree else []
        for call in _own(function):
            if isinstance(call.func, ast.Name) and call.func.id in known and call.args:
                names = _given([*above, *sorted(own, key=lambda node: node.lineno)], call.lineno)
                hint = next((word.value for word in call.keywords if word.arg == "hint"), None)
                yield Message(call.func.id, _text(call.args[0], names), _text(hint, names) if hint else "")


def _own(function: ast.AST) -> Iterator[ast.Call]:
    """The calls in a function or module, without those in functions inside of it."""
    for child in ast.iter_child_nodes(function):
        if isinstance(child, ast.FunctionDef):
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from _own(child)


def _given(assignments: list[ast.Assign], line: int) -> dict[str, ast.expr]:
    """What names were given last, above a line."""
    given = [node for node in assignments if node.lineno <= line]
    return {target.id: node.value for node in given for target in node.targets if isinstance(target, ast.Name)}


def _text(node: ast.expr, names: dict[str, ast.expr]) -> str:
    """What an expression says: text as it is, `…` for the rest."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, {}) for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left, names) + _text(right, names)
        case ast.IfExp(body=body, orelse=other):
            return " / ".join(filter(None, (_text(body, names), _text(other, names))))
        case ast.BoolOp(values=values):
            return " / ".join(filter(None, (_text(value, names) for value in values)))
        case ast.Call(func=ast.Name(id="did_you_mean" | "nearest_file" | "_nearest")):
            return "the nearest known names"
        case ast.Call(func=ast.Attribute(value=inner, attr="format")):
            return _text(inner, names)
        case ast.Name(id=name) if name in names:
            return _text(names[name], {key: value for key, value in names.items() if key != name})
    return "…"


def page() -> str:
    """The page's text."""
    drawing = (errors.__doc__ or "").split("```")[1].strip("\n")
    every = messages()
    parts = [TEXT.format(drawing=drawing)]
    for kind in kinds():
        own = [message for message in every if message.kind == kind.__name__]
        parts.append(f"\n## {kind.__name__}\n*Exit code {kind.code}.* {kind.__doc__}\n\n**What to do.** {kind.cure}\n")
        if own:
            parts.append(_table(own))
    gaps = [message for message in every if message.kind in GAPS]
    parts.append(
        "\n## Reasons in an Unsupported\nEach row of the table that an `Unsupported` prints has one of these.\n"
    )
    return "".join([*parts, _table(gaps)])


def _table(rows: list[Message]) -> str:
    told = [(row.text, row.hint) for row in rows if set(row.text) - set("… :,.'")]
    lines = dict.fromkeys(f"| {_cell(text)} | {_cell(hint)} |" for text, hint in told)
    return "\n| message | cure |\n|---|---|\n" + "".join(f"{line}\n" for line in lines)


def _cell(text: str) -> str:
    """The text as one cell, in which nothing is markup."""
    flat = " ".join(text.split())
    return re.sub(r"([\\|*_\[\]{}`])", r"\\\1", flat).replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
