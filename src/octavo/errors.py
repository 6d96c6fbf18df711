"""Everything Octavo raises, by who can fix it.

```
OctavoError               .code  .where (layer, file, sample)  .hint (what to do next)
├── UsageError            the command, the recipe or the data                exit 2
│   ├── RecipeError       an unknown key, mode or rule that matches nothing
│   └── SamplesError      names, shapes, dtypes, NaN, empty
│       └── NotFiniteError   the float model itself computes NaN
├── ModelError            the model file                                     exit 3
│   ├── Unreadable        not the format it claims to be, truncated, damaged
│   └── Invalid           readable, but it contradicts itself
├── Unsupported           a sound model, not done yet: all of its gaps       exit 4
├── TargetError           LiteRT, or the chosen target, cannot express it    exit 5
└── InternalError         a stage broke an invariant                         exit 70
```
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


class OctavoError(Exception):
    """An error with a place and a cure.

    `str(error)` is the message, the place and the hint, each on its own line.
    """

    code: ClassVar[int] = 1
    cure: ClassVar[str] = ""
    """What to do about errors of this kind, in general; `hint` is about the one at hand."""

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
    cure = "Change the call or the command as the hint says; `octavo COMMAND --help` lists what there is."


class RecipeError(UsageError):
    """The recipe asks for something that does not exist, or that matches nothing."""

    cure = (
        "Look the key up in the recipe reference. Names of layers and operators are those that `octavo inspect MODEL` "
        "lists; a name may hold `*`."
    )


class SamplesError(UsageError):
    """The samples do not fit the model, or hold nothing to learn from."""

    cure = "Compare names, shapes and dtypes with the inputs that `octavo inspect MODEL` lists."


class NotFiniteError(SamplesError):
    """The float model computes NaN or an infinity from a sample."""

    cure = (
        "Leave the sample out if it is broken. If it is not, the layer that is named overflows in float too: look for "
        "a division by zero or a logarithm of zero."
    )


class ModelError(OctavoError):
    """The model file is at fault."""

    code = 3
    cure = "Save the model anew with the library that made it."


class Unreadable(ModelError):
    """The file is not what it claims to be, is truncated, or is damaged."""

    cure = "Check the path, and that the file was copied whole (its size, its hash); else save it anew."


class Invalid(ModelError):
    """The file was read, but what it says contradicts itself."""

    cure = (
        "Save the model anew. If it is a plan that does not fit, make a new one for this model; if the program that "
        "wrote the file runs it, please report it."
    )


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that a model needs and Octavo cannot do yet."""

    op: str
    layer: str
    reason: str


class Unsupported(OctavoError):
    """A sound model that needs something Octavo cannot do yet. `gaps` lists all of it."""

    code = 4
    cure = (
        "Every gap is listed, with its layer. Replace these layers by others, cut them off (pre- and postprocessing "
        "often is what is missing: convert a signature without it), or report what you need."
    )

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
    cure = (
        "Leave what the target cannot run in float by `deny` or a rule, where it has a processor that runs it; else "
        "choose another target or change the layer."
    )


class InternalError(OctavoError):
    """A stage broke one of its own promises: a defect of Octavo."""

    code = 70
    cure = "Please report it with the command, the lines that `--debug` prints and, if you may, the model."


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint with the nearest known names, or the list of them when none is near."""
    import difflib  # most conversions name nothing wrongly

    known = sorted(set(known))
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return "did you mean " + " or ".join(repr(word) for word in near) + "?"
    return "known: " + ", ".join(known) if known else ""


def nearest_file(path: Path) -> str:
    """A hint for a path that does not exist: the nearest names where it departs from what exists."""
    import difflib

    there = path
    while not there.parent.is_dir():
        there = there.parent
    near = difflib.get_close_matches(there.name, [sibling.name for sibling in there.parent.iterdir()], n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(repr(str(there.with_name(name))) for name in near) + "?"
    return f"{there.parent.absolute()} holds no {there.name!r}"


def _some(names: Sequence[str], most: int = 4) -> str:
    shown = ", ".join(dict.fromkeys(names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
