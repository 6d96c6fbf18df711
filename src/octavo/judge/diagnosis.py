"""What is known of each layer's error: records that print, serialize to JSON, and come back from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from octavo.showing import MOST, Shown, Table, facts

CauseKind = Literal[
    "saturation",
    "shared_range",
    "mask_constant",
    "outlier",
    "unused_range",
    "coarse_step",
    "bias_overflow",
    "weights",
    "float16_overflow",
    "kernel",
    "inherited",
]
"""Why a layer is far from float.

- `saturation`: numbers lie outside of what the grid can hold.
- `shared_range`: the grid is as wide as that of another tensor with which it is joined.
- `mask_constant`: a constant that stands for an infinity widens the range.
- `outlier`: a few large numbers widen the range.
- `unused_range`: calibration saw larger numbers than these samples hold.
- `coarse_step`: the numbers fill the range, and still the steps are too few.
- `bias_overflow`: a bias does not fit into its integers.
- `weights`: what rounding the weights changes.
- `float16_overflow`: weights are too large for float16.
- `kernel`: what remains: the integer kernel's own arithmetic.
- `inherited`: the layer itself is near; what it reads is not.
"""


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """A named reason for an error: what was found, with its numbers, and what to do about it."""

    kind: CauseKind
    what: str
    cure: str


class Fidelity(msgspec.Struct, frozen=True, kw_only=True):
    """How near numbers come to those of float.

    `sqnr` in decibels, within ±200; None where nothing differs. `cosine` of the angle between both. `max_error`,
    `mean_error` (signed: a shift), `rms_error` in the tensor's own unit.
    """

    sqnr: float | None
    cosine: float
    max_error: float
    mean_error: float
    rms_error: float


class StoredGrid(msgspec.Struct, frozen=True, kw_only=True):
    """How the tensor is stored: real = scale · (stored − zero_point), between `low` and `high`.

    `saturated` is the share of numbers outside of that.
    """

    dtype: str
    scale: float
    zero_point: int
    low: float
    high: float
    saturated: float


class LayerDiagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """One result of one operation, as the float model makes it and as the candidate does.

    `whole` compares it with the float model's, so that it holds all errors made before too. `own` compares it with
    what the float operation makes of the very inputs that the candidate's operation reads, so that it holds only
    what this operation adds; None where there is no such twin. `low` and `high` are the least and greatest number in
    float. `grid` is None where the tensor is stored as float.
    """

    tensor: str
    op: str
    layer: str
    precision: str
    whole: Fidelity
    own: Fidelity | None
    low: float
    high: float
    grid: StoredGrid | None = None
    causes: tuple[Cause, ...] = ()

    @property
    def loss(self) -> float:
        """What to sort by, least first: the operation's own SQNR, or the whole one where there is no own."""
        sqnr = (self.own or self.whole).sqnr
        return float("inf") if sqnr is None else sqnr


class Diagnosis(Shown, msgspec.Struct, frozen=True, kw_only=True):
    """Each layer's error on `samples` samples of real data, in the order of work."""

    samples: int
    layers: tuple[LayerDiagnosis, ...]

    @property
    def guilty(self) -> tuple[LayerDiagnosis, ...]:
        """The layers with a cause of their own (not inherited), those that add most first."""
        found = [layer for layer in self.layers if any(cause.kind != "inherited" for cause in layer.causes)]
        return tuple(sorted(found, key=lambda layer: layer.loss))

    @property
    def by_layer(self) -> Mapping[str, LayerDiagnosis]:
        """For each source layer, by its name, the one of its tensors that lost most by its own operation."""
        found: dict[str, LayerDiagnosis] = {}
        for each in self.layers:
            if each.layer not in found or each.loss < found[each.layer].loss:
                found[each.layer] = each
        return found

    @property
    def places(self) -> Callable[[LayerDiagnosis], str]:
        """What to call each layer, in rules too: its source layer, or its tensor where others are called the same."""
        alike = Counter((each.op, each.layer) for each in self.layers)
        return lambda each: each.layer if each.layer and alike[each.op, each.layer] == 1 else each.tensor

    def tables(self, *, most: int = MOST) -> tuple[Table, ...]:
        """The `most` layers that add most (0 for all, in the order of work), then the causes and their cures."""
        shown, place = sorted(self.layers, key=lambda each: each.loss)[:most] if most else self.layers, self.places
        columns = ("operation", "precision", ">own", ">whole", ">cosine", ">greatest error", "layer")
        rows = [
            (
                each.op,
                each.precision,
                decibels(each.own),
                decibels(each.whole),
                f"{each.whole.cosine:.5f}",
                f"{each.whole.max_error:.3g}",
                place(each),
            )
            for each in shown
        ]
        causes = [(place(each), cause.kind, cause.what, cause.cure) for each in self.guilty for cause in each.causes]
        return (
            Table("Layers that add most to the error" if most else "Layers in the order of work", columns, rows),
            Table("Causes", ("layer", "cause", "what was found", "cure"), causes),
            facts(("samples", str(self.samples)), ("causes", "" if causes else "no layer adds an error worth a name")),
        )  # fmt: skip

    def to_json(self) -> str:
        """The record as indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Diagnosis:
        """What `to_json` wrote.

        Raises:
            msgspec.ValidationError: the text is something else.
        """
        return msgspec.json.decode(text, type=cls)

    def __str__(self) -> str:
        """One line per tensor in the order of work, then each cause with its cure."""
        place = self.places
        rows = [
            (each.op, decibels(each.own), decibels(each.whole), each.precision, place(each)) for each in self.layers
        ]
        rows.insert(0, ("operation", "own", "whole", "precision", "layer"))
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = [
            "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]) for row in rows
        ]
        for each in self.guilty:
            for cause in each.causes:
                lines += [f"{place(each)}: {cause.kind}: {cause.what}", f"  cure: {cause.cure}"]
        return "\n".join(lines)


def decibels(fidelity: Fidelity | None) -> str:
    """An SQNR to read: `31.2 dB`, `equal`, or nothing where there is none."""
    if fidelity is None:
        return ""
    return "equal" if fidelity.sqnr is None else f"{fidelity.sqnr:.1f} dB"
