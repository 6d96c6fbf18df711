"""`octavo benchmark`: how fast a model is."""

from __future__ import annotations

import click

from octavo.cli.command import Command, option, preprocess_option

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
      octavo benchmark my.tflite
      octavo benchmark my.tflite --reference float.tflite --threads 1 --threads 2
    """
    import octavo
    from octavo.cli.progress import ProgressBar
    from octavo.cli.terminal import show_json, show_tables
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
        show_tables(found.tables(most=operations))
