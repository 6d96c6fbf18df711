"""`octavo compare`: one model beside another."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from octavo.cli.command import Command, option, preprocess_option

if TYPE_CHECKING:
    from octavo.judge.compare import Comparison

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
      octavo compare my_model_float.tflite my_model_int8.tflite --samples held_out.npz
    """
    import octavo
    from octavo.cli.progress import ProgressBar
    from octavo.cli.terminal import show_json
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
        show_comparison(compared, layers=layers)


def show_comparison(compared: Comparison, *, layers: int = WORST) -> None:
    """Outputs, the worst layers, then size and latency."""
    from octavo.cli.terminal import bytes_of, show_lines, show_table

    outputs = [(o.name, decibels(o.sqnr), f"{o.agreement:.2%}", f"{o.relative_error:.2e}") for o in compared.outputs]
    show_table("", ("output", ">SQNR", ">same greatest entry", ">greatest relative difference"), outputs)
    worst = sorted(compared.layers, key=lambda layer: layer.sqnr)[:layers]
    if worst:
        rows = [(layer.tensor, decibels(layer.sqnr)) for layer in worst]
        show_table("Layers that lost most", ("tensor", ">SQNR"), rows)
    latency, ratio = compared.latency, compared.candidate_size / compared.reference_size
    show_lines(
        f"size     {bytes_of(compared.candidate_size)} for {bytes_of(compared.reference_size)}: {ratio:.1%}",
        f"latency  {latency.candidate:.3g} ms for {latency.reference:.3g} ms: ×{latency.ratio:.2f} "
        f"({latency.threads} thread(s), median)",
        f"samples  {compared.samples}",
    )


def decibels(value: float) -> str:
    """A ratio in decibels, or `equal`."""
    return "equal" if value == math.inf else f"{value:.1f} dB"
