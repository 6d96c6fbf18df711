"""`octavo demo`: the main job on a model that comes with Octavo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from octavo.cli.command import Command, option

if TYPE_CHECKING:
    from octavo.cli.progress import ProgressBar
    from octavo.judge.compare import Comparison, LayerFidelity
    from octavo.judge.score import Score

MODES: dict[str, dict[str, Any]] = {
    "float32": {"precision": "float32"},
    "float16": {"precision": "float16"},
    "dynamic": {"precision": "dynamic"},
    "weight_only": {"precision": "weight_only"},
    "int8": {"precision": "int8"},
    "int8_io": {"precision": "int8", "inputs": "int8", "outputs": "int8"},
    "int16x8": {"precision": "int16x8"},
}
"""The recipe behind each file: `int8_io` takes and gives integers, too."""


@click.command(cls=Command)
@option("-o", "--output", section="Files", type=click.Path(path_type=Path, file_okay=False), default="octavo-demo",
        show_default=True, metavar="DIR", help="The directory to write to; made if it does not exist.")  # fmt: skip
def demo(*, output: Path, as_json: bool, quiet: bool) -> None:
    """Convert a small digit classifier in every precision, and measure each.

    The model, its calibration samples and its labelled held-out samples come with Octavo. For each precision a .tflite
    and its plan are written.
    """
    from octavo.cli.progress import ProgressBar
    from octavo.cli.terminal import show_json, show_lines
    from octavo.write.file import check_writable

    example = find_example("digits")
    output.mkdir(parents=True, exist_ok=True)
    check_writable(output / "plan.json")
    with ProgressBar("converting", quiet=quiet) as progress:
        rows = [_measure(example, output, mode, progress) for mode in MODES]
    if as_json:
        show_json({"example": str(example), "modes": rows})
    elif not quiet:
        show_lines(f"{example} in every precision; files in {output}/", "")
        _show(rows)
        best = output / "digits_int8.tflite"
        show_lines(f"next: octavo inspect {best}")


def find_example(name: str) -> Path:
    """The directory of an example: in the installed package, or in the repository of an editable one.

    Raises:
        InternalError: this copy of Octavo came without examples.
    """
    import importlib.resources

    from octavo.errors import InternalError

    package = Path(str(importlib.resources.files("octavo")))
    places = [package / "examples" / name, package.parents[1] / "examples" / name]
    found = next((place for place in places if (place / "saved_model").is_dir()), None)
    if found is None:
        raise InternalError(f"the example {name!r} did not come with this copy of Octavo", where=str(places[0]))
    return found


def _measure(example: Path, output: Path, mode: str, progress: ProgressBar) -> dict[str, Any]:
    """Convert, save, and measure beside the float model."""
    import octavo
    from octavo.write.file import save

    held_out = example / "held_out.npz"
    progress(f"converting to {mode}", 0, None)
    result = octavo.convert(
        example / "saved_model", recipe=MODES[mode], samples=example / "calibration.npz", progress=progress
    )
    path = result.save(output / f"digits_{mode}.tflite")
    save(f"{result.plan.to_json()}\n".encode(), output / f"digits_{mode}.plan.json")
    score = octavo.evaluate(result.content, held_out, progress=progress).score
    compared = octavo.compare(result.reference, result, held_out, progress=progress)
    return _row(mode, path, score, compared)


def _row(mode: str, path: Path, score: Score, compared: Comparison) -> dict[str, Any]:
    worst = compared.worst_layer
    return {
        "mode": mode,
        "file": str(path),
        "size": compared.candidate_size,
        "ratio": compared.candidate_size / compared.reference_size,
        "score": score,
        "latency_ratio": compared.latency.ratio,
        "output_sqnr": min(output.sqnr for output in compared.outputs),
        "worst_layer": worst,
    }


def _show(rows: list[dict[str, Any]]) -> None:
    """One row per mode, narrow enough for 80 columns."""
    from octavo.cli.terminal import show_table
    from octavo.showing import bytes_of

    table = []
    for row in rows:
        score, worst = row["score"], row["worst_layer"]
        accuracy = f"{score.told(score.value)} {100 * score.low:.1f}–{100 * score.high:.1f}"
        measured = (bytes_of(row["size"]), f"{row['ratio']:.0%}", accuracy, f"×{row['latency_ratio']:.2f}")
        table.append((row["mode"], *measured, *_lost(worst)))
    show_table("", ("mode", ">size", ">ratio", ">accuracy (95 %)", ">latency", ">worst", "layer"), table)


def _lost(worst: LayerFidelity | None) -> tuple[str, str]:
    """The SQNR of the worst layer, and its name without the model's and the operation's own part."""
    from octavo.showing import decibels_of

    if worst is None:
        return "equal", ""
    parts = worst.tensor.split("/")
    return decibels_of(worst.sqnr), "/".join(parts[1:-1] if len(parts) > 2 else parts)
