"""`octavo benchmark`: how fast a model is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from octavo.cli.command import Command, option, preprocess_option

if TYPE_CHECKING:
    from octavo.benchmarking import Benchmark, Part

HOW = "How to measure"


@click.command(cls=Command)
@click.argument("model", type=click.Path())
@option("--reference", section="Data", metavar="MODEL", help="A .tflite to time beside it, in turns: the float model.")
@option("--samples", section="Data", metavar="FILE", help="The first sample goes in; without any, drawn numbers.")
@preprocess_option()
@option("--threads", section=HOW, multiple=True, type=click.IntRange(min=1), default=(1,), metavar="N",
        help="Threads, 1 by default; repeatable, to see how more of them help.")  # fmt: skip
@option("--rounds", section=HOW, type=click.IntRange(min=5), default=50, show_default=True, metavar="N",
        help="Calls of each model.")  # fmt: skip
@option("--operations", section=HOW, type=click.IntRange(min=0), default=10, show_default=True, metavar="N",
        help="Time each operation alone, and show the N slowest; 0 for none.")  # fmt: skip
def benchmark(  # noqa: PLR0913  # one for each option
    model: str,
    *,
    reference: str | None,
    samples: str | None,
    preprocess: str | None,
    threads: tuple[int, ...],
    rounds: int,
    operations: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Time the .tflite MODEL on this machine: as a whole, and each operation alone.

    Models take turns, so that noise hits all alike. An operation is timed in a model of its own, on the numbers that it
    reads in MODEL; delegates fuse operations, so that the whole can be faster than the sum.

    Examples:
      octavo benchmark my_model.tflite
      octavo benchmark my_model_int8.tflite --reference my_model_float.tflite --threads 1 --threads 2
    """
    import octavo
    from octavo.cli.progress import ProgressBar
    from octavo.cli.terminal import show_json
    from octavo.cli.values import dressed

    with ProgressBar("timing", quiet=quiet) as progress:
        found = octavo.benchmark(
            model,
            reference=reference,
            samples=dressed(samples, preprocess),
            rounds=rounds,
            threads=threads,
            operations=operations > 0,
            progress=progress,
        )
    if as_json:
        show_json(found)
    elif not quiet:
        _show(found, operations)


def _show(found: Benchmark, most: int) -> None:
    from octavo.cli.terminal import show_lines, show_table

    columns = ("model", ">threads", ">least", ">10 %", ">median", ">90 %", ">ratio")
    show_table("Milliseconds of one call", columns, [
        (each.model, str(each.timing.threads), *map(_number, (each.timing.least, each.timing.p10, each.timing.median,
         each.timing.p90)), f"×{each.ratio:.2f}")
        for each in found.wholes
    ])  # fmt: skip
    if not found.parts:
        return
    slowest = sorted(found.parts, key=lambda part: -part.milliseconds)[:most]
    beside = any(part.beside is not None for part in slowest)
    names = ("operation", "precision", ">alone", ">share", *([">float"] if beside else []), "layer")
    show_table(f"The slowest of {len(found.parts)} operations, each alone", names, [
        _row(part, beside=beside) for part in slowest
    ])  # fmt: skip
    total = sum(part.milliseconds for part in found.parts)
    show_lines(f"all operations, each alone: {_number(total)} ms")
    if found.left_out:
        told = ", ".join(f"{op} ×{count}" for op, count in found.left_out.items())
        show_lines(f"not timed alone: {told}")


def _row(part: Part, *, beside: bool) -> tuple[str, ...]:
    earlier = ("" if part.beside is None else _number(part.beside),) if beside else ()
    return part.op, part.precision, _number(part.milliseconds), f"{part.share:.1%}", *earlier, part.layer


def _number(milliseconds: float) -> str:
    return f"{milliseconds:.3g}"
