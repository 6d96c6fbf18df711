"""`octavo debug`: which layer loses what, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from octavo.cli.command import Command, option, preprocess_option

if TYPE_CHECKING:
    from octavo.judge.diagnosis import Diagnosis

HOW = "How to debug"
WORST = 10
USED = 16


@click.command(cls=Command)
@click.argument("models", nargs=-1, required=True, type=click.Path(), metavar="MODEL [CANDIDATE]")
@option("--samples", section="Data", required=True, metavar="FILE", help="Inputs; labels are not needed.")
@preprocess_option()
@option("-r", "--recipe", section=HOW, metavar="NAME|FILE", default="int8", show_default=True, help="How a MODEL that "
        "stands alone is quantized first.")  # fmt: skip
@option("--plan", section=HOW, type=click.Path(path_type=Path), metavar="FILE", help="The plan of CANDIDATE, which "
        "knows the source layers.")  # fmt: skip
@option("--layers", section=HOW, type=click.IntRange(min=0), default=WORST, show_default=True, metavar="N",
        help="Show the N layers that add most to the error; 0 for all, in the order of work.")  # fmt: skip
@option("--count", section=HOW, type=click.IntRange(min=1), default=USED, show_default=True, metavar="N",
        help="Use the first N samples.")  # fmt: skip
def debug(  # noqa: PLR0913  # one for each option
    models: tuple[str, ...],
    *,
    samples: str,
    preprocess: str | None,
    recipe: str,
    plan: Path | None,
    layers: int,
    count: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Find the layers that quantization hurts, and why.

    MODEL is anything that `octavo convert` takes, quantized here as the recipe says; or a float .tflite, with its
    quantized CANDIDATE. Each operation is run on real samples beside its float twin, which reads the same inputs:
    "own" is the error that it adds, "whole" all that has gathered.

    Examples:
      octavo debug my_model --recipe int8 --samples calibration.npz
      octavo debug float.tflite my.tflite --samples held_out.npz
    """
    from octavo.cli.terminal import show_json, show_tables
    from octavo.cli.values import dressed

    found = _run(models, samples=dressed(samples, preprocess), recipe=recipe, plan=plan, count=count, quiet=quiet)
    if as_json:
        show_json(found)
    elif not quiet:
        show_tables(found.tables(most=layers))


def _run(  # one for each option
    models: tuple[str, ...], *, samples: Any, recipe: str, plan: Path | None, count: int, quiet: bool
) -> Diagnosis:
    import octavo
    from octavo.cli.progress import ProgressBar
    from octavo.errors import UsageError

    if len(models) > 2:
        raise UsageError(f"{len(models)} models are given: one, or a float one and its candidate", where=models[2])
    with ProgressBar("debugging", quiet=quiet) as progress:
        if len(models) == 2:
            return octavo.debug(*models, samples=samples, plan=plan, most=count, progress=progress)
        if plan is not None:
            raise UsageError("a plan belongs to a CANDIDATE, and there is none", where=f"--plan {plan}")
        made = octavo.convert(models[0], recipe=recipe, samples=samples, progress=progress)
        return octavo.debug(made, samples=samples, most=count, progress=progress)
