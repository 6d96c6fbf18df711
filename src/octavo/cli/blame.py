"""`octavo blame`: which layers cost how much of the outputs' error."""

from __future__ import annotations

from pathlib import Path

import click

from octavo.cli.command import Command, option, preprocess_option

HOW = "How to blame"


@click.command(cls=Command)
@click.argument("model", type=click.Path())
@option("--samples", section="Data", required=True, metavar="FILE", help="Inputs; labels are not needed.")
@preprocess_option()
@option("-r", "--recipe", section=HOW, metavar="NAME|FILE", default="int8", show_default=True,
        help="How MODEL is quantized.")  # fmt: skip
@option("--plan", section=HOW, type=click.Path(path_type=Path), metavar="FILE", help="Replay this plan in place of "
        "--recipe; calibrates nothing.")  # fmt: skip
@option("--layers", section=HOW, type=click.IntRange(min=1), default=10, show_default=True, metavar="N",
        help="Show the N worst.")  # fmt: skip
@option("--count", section=HOW, type=click.IntRange(min=1), default=16, show_default=True, metavar="N",
        help="Use the first N samples in each trial.")  # fmt: skip
@option("--budget", section=HOW, type=click.IntRange(min=1), default=100, show_default=True, metavar="N",
        help="Trials. A model of more layers is divided: groups that cost little are tried as a whole.")  # fmt: skip
def blame(  # noqa: PLR0913  # one for each option
    model: str,
    *,
    samples: str,
    preprocess: str | None,
    recipe: str,
    plan: Path | None,
    layers: int,
    count: int,
    budget: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Find the layers whose quantization costs the outputs most.

    MODEL is anything that `octavo convert` takes. Each layer is quantized alone; then the worst are left in float, one
    more each time, to see what that gains. `octavo debug` tells why a layer is far from float.

    Example:
      octavo blame my_model --samples calibration.npz
    """
    import octavo
    from octavo.cli.progress import ProgressBar
    from octavo.cli.terminal import show_json, show_tables
    from octavo.cli.values import dressed

    given = dressed(samples, preprocess)
    with ProgressBar("blaming", quiet=quiet) as progress:
        made = octavo.convert(
            model,
            recipe="float32" if plan else recipe,
            samples=None if plan else given,
            plan=plan,
            progress=progress,
        )
        found = octavo.blame(made, samples=given, most=count, budget=budget, progress=progress)
    if as_json:
        show_json(found)
    elif not quiet:
        show_tables(found.tables(most=layers))
