"""The results of `coverage.py` as a page of Markdown."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

Told = dict[str, Any]
FORMS = ("SavedModel", ".keras", ".h5", "TensorFlow")
MODES = ("int8", "int16x8", "dynamic", "float16")
ALIKE = 100.0
"""Decibels from which on two models count as alike: these are roundings of float32, a hundred thousandth of the signal."""
GROUPS = {
    "layers and operations": "Layers and operations",
    "networks": "Networks",
    "families": "Families of keras.applications",
}


def page(results: Sequence[Told], *, near: float, absent: Sequence[str] = ()) -> str:
    """The whole page; `absent` names what was not measured."""
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("keras", "tensorflow_cpu", "ai_edge_litert")
    )
    parts = [
        "# Coverage",
        "Written by `python benchmarks/coverage.py --write docs/coverage.md`; do not edit. Measured with "
        + versions
        + ".",
        (
            "Each model is made by Keras 3 with random weights, saved in three ways, and converted by Octavo from each, "
            "without TensorFlow. TensorFlow's own converter gets the SavedModel, and builtin operations only. A figure is "
            "the largest difference from Keras' own answers over the largest answer; `0` is exact. *no* tells what stands "
            "in the way. Decibels are signal over noise against Keras on 16 samples that calibration (32 random samples) "
            "has not seen, Octavo's first and TensorFlow's second; `–` where there is no model or no real output. Above "
            f"{ALIKE:g} dB two models count as alike. In `int16x8` TensorFlow leaves in float what its kernels lack "
            "(3-D convolutions, rearrangements of pixels), which is exact; Octavo computes it in integers, whose weights "
            "have 8 bits."
        ),
        summary(results, near=near),
        decibel_summary(results),
    ]
    for group, title in GROUPS.items():
        rows = [told for told in results if told["group"] == group]
        if rows:
            parts += [f"## {title}", table(rows, modes=group != "families")]
    if absent:
        parts += ["## Not measured", f"These {len(absent)} of the inventory have no result yet: {', '.join(absent)}."]
    return "\n\n".join(parts) + "\n"


def summary(results: Sequence[Told], *, near: float) -> str:
    """How many models convert from each file, and how many of these are equal to Keras."""
    lines = ["| | models | " + " | ".join(FORMS) + " |", "|---|---|" + "---|" * len(FORMS)]
    for group, title in GROUPS.items():
        if not (rows := [told for told in results if told["group"] == group]):
            continue
        cells = [_share(rows, form, near) for form in FORMS]
        lines.append(f"| {title} | {len(rows)} | " + " | ".join(cells) + " |")
    return "Models that convert and run, and of these those within " + f"{near:g} of Keras:\n\n" + "\n".join(lines)


def _share(rows: Sequence[Told], form: str, near: float) -> str:
    made = [told["files"][form] for told in rows if "error" in told["files"].get(form, {})]
    return f"{len(made)} ({sum(each['error'] <= near for each in made)})"


def decibel_summary(results: Sequence[Told]) -> str:
    """For each mode how many convert, and who is nearer to Keras where both do."""
    lines = [("| mode | Octavo converts | TensorFlow converts | both | Octavo better by over 1 dB | within 1 dB | worse | "
             "median difference |"), "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for mode in MODES:
        pairs = [told["modes"][mode] for told in results if mode in told["modes"]]
        ours, theirs = (sum("failure" not in pair[maker] for pair in pairs) for maker in ("octavo", "tensorflow"))
        gaps = [
            min(pair["octavo"]["decibels"], ALIKE) - min(pair["tensorflow"]["decibels"], ALIKE)
            for pair in pairs
            if all(pair[maker].get("decibels") is not None for maker in ("octavo", "tensorflow"))
        ]
        better, worse = sum(gap > 1 for gap in gaps), sum(gap < -1 for gap in gaps)
        middle = f"{median(gaps):+.1f} dB" if gaps else "–"
        counts = f"{len(gaps)} | {better} | {len(gaps) - better - worse} | {worse} | {middle}"
        lines.append(f"| {mode} | {ours} | {theirs} | {counts} |")
    return "\n".join(lines)


def table(rows: Sequence[Told], *, modes: bool) -> str:
    """One line for each model."""
    heads = ["model", *FORMS, "operations: Octavo (TensorFlow)", *(MODES if modes else ())]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for told in rows:
        files = told["files"]
        cells = [told["name"], *(_cell(files.get(form, {})) for form in FORMS), _operations(files)]
        cells += [_pair(told["modes"].get(mode, {})) for mode in MODES] if modes else []
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(told: Told) -> str:
    if "failure" in told:
        return "*" + told["failure"].replace("|", "/") + "*"
    return _number(told["error"]) if "error" in told else "–"


def _number(error: float) -> str:
    return "0" if error == 0 else f"{error:.0e}".replace("e-0", "e-")


def _operations(files: Told) -> str:
    ours, theirs = (files.get(form, {}).get("operations", "–") for form in ("SavedModel", "TensorFlow"))
    return f"{ours} ({theirs})"


def _pair(told: Told) -> str:
    show: Callable[[Told], str] = lambda made: "–" if made.get("decibels") is None else f"{made['decibels']:.0f}"  # noqa: E731
    return f"{show(told.get('octavo', {}))} / {show(told.get('tensorflow', {}))}"
