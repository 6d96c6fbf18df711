"""`octavo compare`: one model beside another."""

from __future__ import annotations

import click

from octavo.cli.command import Command, option, preprocess_option

WORST = 5


@click.command(cls=Command)
@click.argument("reference", type=click.Path())
@click.argument("candidate", type=click.Path())
@option("--samples", section="Data", required=True, metavar="FILE", help="Inputs; labels are not needed.")
@preprocess_option()
@option("--layers", section="Comparison", type=click.IntRange(min=0), default=WORST, show_default=True, metavar="N",
        help="Show the N layers that lost most.")  # fmt: skip
@option("--signature", section="Comparison", metavar="KEY", help="The signature to run, if there are several.")
@option("--threads", section="Comparison", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
        help="Threads of each model.")  # fmt: skip
def compare(  # noqa: PLR0913  # one for each option
    reference: str,
    candidate: str,
    *,
    samples: str,
    preprocess: str | None,
    layers: int,
    signature: str | None,
    threads: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure how near the .tflite CANDIDATE comes to the .tflite REFERENCE.

    Outputs and layers in decibels of SQNR (20 dB more is ten times nearer), latency measured in turns, size.

    Example:
      octavo compare float.tflite my.tflite --samples held_out.npz
    """
    import octavo
    from octavo.cli.progress import ProgressBar
    from octavo.cli.terminal import show_json, show_tables
    from octavo.cli.values import dressed

    with ProgressBar("comparing", quiet=quiet) as progress:
        compared = octavo.compare(
            reference,
            candidate,
            dressed(samples, preprocess),
            signature=signature,
            threads=threads,
            progress=progress,
        )
    if as_json:
        show_json(compared)
    elif not quiet:
        show_tables(compared.tables(most=layers))
