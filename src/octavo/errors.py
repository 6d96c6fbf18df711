"""Everything Octavo raises, by who can fix it.

```
OctavoError               .code  .where (layer, file, sample)  .hint (what to do next)
├── UsageError            the command, the recipe or the data                exit 2
│   ├── RecipeError       an unknown key, mode or rule that matches nothing
│   └── SamplesError      names, shapes, dtypes, NaN, empty
├── ModelError            the model file                                     exit 3
│   ├── Unreadable        not the format it claims to be, truncated, damaged
│   └── Invalid           readable, but it contradicts itself
├── Unsupported           a sound model, not done yet: all of its gaps       exit 4
├── TargetError           LiteRT, or the chosen target, cannot express it    exit 5
└── InternalError         a stage broke an invariant                         exit 70
```
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


class OctavoError(Exception):
    """An error with a place and a cure.

    `str(error)` is the message, the place and the hint, each on its own line.
    """

    code: ClassVar[int] = 1

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        """Say what is wrong, where (layer, file, sample), and what to do next."""
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        lines = [self.message]
        if self.where:
            lines.append(f"  at: {self.where}")
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


class UsageError(OctavoError):
    """The command, the recipe or the data must change."""

    code = 2


class RecipeError(UsageError):
    """The recipe asks for something that does not exist, or that matches nothing."""


class SamplesError(UsageError):
    """The samples do not fit the model, or hold nothing to learn from."""


class NotFiniteError(SamplesError):
    """The float model computes NaN or an infinity from a sample."""


class ModelError(OctavoError):
    """The model file is at fault."""

    code = 3


class Unreadable(ModelError):
    """The file is not what it claims to be, is truncated, or is damaged."""


class Invalid(ModelError):
    """The file was read, but what it says contradicts itself."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that a model needs and Octavo cannot do yet."""

    op: str
    layer: str
    reason: str


class Unsupported(OctavoError):
    """A sound model that needs something Octavo cannot do yet. `gaps` lists all of it."""

    code = 4

    def __init__(self, message: str, *, gaps: Sequence[Gap] = (), where: str = "", hint: str = "") -> None:
        """Hold every gap; the text groups them by op and reason."""
        super().__init__(message, where=where, hint=hint)
        self.gaps = tuple(gaps)

    def __str__(self) -> str:
        grouped: dict[tuple[str, str], list[str]] = {}
        for gap in self.gaps:
            grouped.setdefault((gap.op, gap.reason), []).append(gap.layer)
        rows = [
            f"  {op} ×{len(layers)}: {reason}\n      in {_some(layers)}" for (op, reason), layers in grouped.items()
        ]
        return "\n".join([self.message, *rows, *super().__str__().splitlines()[1:]])


class TargetError(OctavoError):
    """LiteRT, or the chosen target, cannot express what was asked for."""

    code = 5


class InternalError(OctavoError):
    """A stage broke one of its own promises: a defect of Octavo."""

    code = 70


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint with the nearest known names, or the list of them when none is near."""
    known = sorted(set(known))
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return "did you mean " + " or ".join(repr(word) for word in near) + "?"
    return "known: " + ", ".join(known) if known else ""


def nearest_file(path: Path) -> str:
    """A hint for a path that does not exist: the nearest names where it departs from what exists."""
    there = path
    while not there.parent.is_dir():
        there = there.parent
    near = difflib.get_close_matches(there.name, [sibling.name for sibling in there.parent.iterdir()], n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(repr(str(there.with_name(name))) for name in near) + "?"
    return f"{there.parent} exists, and has no {there.name!r} in it"


def _some(names: Sequence[str], most: int = 4) -> str:
    shown = ", ".join(dict.fromkeys(names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
