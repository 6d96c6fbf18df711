"""The plan: what becomes of each operation and each tensor, who decided, and why.

A plan can be printed, saved as JSON, edited, compared and replayed: `apply` needs nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from octavo.errors import Invalid, UsageError, nearest_file
from octavo.recipe import Precision, Recipe
from octavo.showing import Shown, Table

Treatment = Precision | Literal["exact"]
"""A precision, or `exact`: nothing in the operation is a real number (indices, shapes, booleans)."""
Who = Literal["recipe", "rule", "kernel", "graph", "calibration", "measured", "speed"]
"""Who decided: the recipe's default, one of its rules, what LiteRT's kernel accepts, what surrounds it, the data,
what was measured on some of it, or how fast the kernels are."""

VERSION = 1
DENIED = "the recipe denies it"
"""Why an operation stays in float that `deny` names."""
NOTHING_BEHIND = "what lies outside changes nothing behind it"
"""Why a grid may be smaller than the range of its numbers without harm."""


class OpDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one operation computes. `node` is the name of its first output; `asked` what the recipe wanted.

    `slow` says why the operation takes many times as long as in float, if it does; `off_target` why the target does
    not run it, so that the CPU will.
    """

    node: str
    op: str
    layer: str
    precision: Treatment
    asked: Precision
    who: Who
    why: str
    slow: str = ""
    off_target: str = ""


class Grid(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the stored numbers of one tensor stand for real numbers: real = scale · (stored − zero_point).

    `scale` and `zero_point` have one entry, or one per index of dimension `axis`, or one per `block` numbers in a
    row; none for float16, and none for a bias, whose scale is the product of its input's and its weight's. `moved` is
    int8, in the shape of a constant: what is added to its nearest integers; compressed by zlib, and empty where nothing
    is. `low` and `high` are the range that was chosen. `correction` is added to a bias, entry by entry, before it is
    stored. `reader` names the operation (by its first output) for which a constant is stored so.
    """

    value: str
    dtype: Literal["int2", "int4", "int8", "int16", "int32", "int64", "float16"]
    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()
    axis: int | None = None
    block: int = 0
    reader: str = ""
    correction: tuple[float, ...] = ()
    moved: bytes = b""
    low: float = 0.0
    high: float = 0.0
    who: Who = "calibration"
    why: str = ""

    @property
    def is_cut(self) -> bool:
        """Whether numbers outside of the grid do no harm, since nothing behind it tells them apart."""
        if self.dtype != "int8" or len(self.scale) != 1 or not self.why.startswith(NOTHING_BEHIND):
            return False
        ends = self.scale[0] * (-128 - self.zero_point[0]), self.scale[0] * (127 - self.zero_point[0])
        return ends[0] <= self.low * 0.98 and self.high * 0.98 <= ends[1]


class Equalized(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Channels of some values that are divided by `factors`; the constants around them take these up.

    `values` have as many channels as there are factors, or several times so many. `gain` is how much less noise is
    predicted behind them, in decibels.
    """

    graph: str
    values: tuple[str, ...]
    factors: tuple[float, ...]
    gain: float = 0.0
    why: str = ""


class GraphPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The decisions for one graph of the model.

    Of the body of a loop, or a branch, `inputs` and `outputs` hold the grids on which it takes and gives tensors; None
    for one that stays as it is.
    """

    graph: str
    ops: tuple[OpDecision, ...]
    grids: tuple[Grid, ...]
    inputs: tuple[Grid | None, ...] = ()
    outputs: tuple[Grid | None, ...] = ()


class Plan(Shown, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The decisions for a whole model, and the recipe that led to them."""

    recipe: Recipe
    graphs: tuple[GraphPlan, ...]
    equalized: tuple[Equalized, ...] = ()
    version: int = VERSION

    @property
    def left_float(self) -> tuple[OpDecision, ...]:
        """The operations that compute in float although the recipe asked for something else."""
        return tuple(
            op for graph in self.graphs for op in graph.ops if op.precision == "float32" and op.asked != "float32"
        )

    @property
    def is_float(self) -> bool:
        """Whether every tensor stays as it was trained."""
        return not any(graph.grids for graph in self.graphs)

    def tables(self) -> tuple[Table, ...]:
        """One row for each operation: how it computes, who decided, and why."""
        rows = [(o.precision, o.op, o.layer or o.node, o.who, o.why) for g in self.graphs for o in g.ops]
        return (Table("", ("precision", "operation", "layer", "who", "why"), rows),)

    def to_json(self) -> str:
        """The plan as indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1).decode()

    def save(self, path: str | Path) -> None:
        """Write the plan as JSON."""
        Path(path).write_text(self.to_json() + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Plan:
        """Read what `save` wrote, perhaps edited since; or the plan that is in a run.

        Raises:
            UsageError: the file cannot be opened.
            Invalid: the file is not a plan; the message says where it departs from one.
        """
        try:
            content = Path(path).read_bytes()
            return msgspec.json.decode(content, type=_Run).plan or msgspec.json.decode(content, type=cls)
        except OSError as error:
            hint = "" if Path(path).exists() else nearest_file(Path(path))
            raise UsageError(f"the plan cannot be read: {error.strerror}", where=str(path), hint=hint) from error
        except msgspec.DecodeError as error:
            raise Invalid(f"neither a plan nor a run: {error}", where=str(path)) from error

    def __str__(self) -> str:
        """One line per operation: precision, operator, layer, and who decided why."""
        rows = [(op.precision, op.op, op.layer, f"{op.who}: {op.why}") for graph in self.graphs for op in graph.ops]
        widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
        lines = [
            "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
        ]
        return "\n".join([*lines, *(f"equalized  {', '.join(row.values)}: {row.why}" for row in self.equalized)])


class _Run(msgspec.Struct):
    """A run, of which nothing but its plan is of interest here."""

    plan: Plan | None = None


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that two plans decide differently: `what` of the operation or tensor `where`; "" where one has none."""

    what: str
    where: str
    before: str
    after: str


def differences(old: Plan, new: Plan) -> tuple[Difference, ...]:
    """What two plans decide differently: the recipe's keys, then operations, then the grids of tensors."""
    asked = [_keyed(msgspec.structs.asdict(plan.recipe)) for plan in (old, new)]
    computed = [
        {op.node: f"{op.precision} ({op.who}: {op.why})" for g in plan.graphs for op in g.ops} for plan in (old, new)
    ]
    stored = [
        {f"{g.value} for {g.reader}" if g.reader else g.value: _told(g) for graph in plan.graphs for g in graph.grids}
        for plan in (old, new)
    ]
    evened = [{row.values[0]: f"{row.why} {row.factors}" for row in plan.equalized} for plan in (old, new)]
    return (
        *_between("recipe", *asked),
        *_between("operation", *computed),
        *_between("tensor", *stored),
        *_between("channels", *evened),
    )


def _keyed(record: dict[str, object]) -> dict[str, str]:
    return {key: str(value) for key, value in record.items()}


def _told(grid: Grid) -> str:
    """A grid, short: its scales are told by the range that they cover."""
    scales = (
        f", {len(grid.scale)} scales" if len(grid.scale) > 1 else f", step {grid.scale[0]:.6g}" if grid.scale else ""
    )
    span = f" {grid.low:.6g} to {grid.high:.6g}" if grid.low or grid.high else ""
    return f"{grid.dtype}{span}{scales}"


def _between(what: str, old: dict[str, str], new: dict[str, str]) -> list[Difference]:
    return [
        Difference(what=what, where=where, before=old.get(where, ""), after=new.get(where, ""))
        for where in dict.fromkeys([*old, *new])
        if old.get(where) != new.get(where)
    ]
