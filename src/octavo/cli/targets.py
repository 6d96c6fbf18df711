"""`octavo targets`: what a model can be made for."""

from __future__ import annotations

import click

from octavo.cli.command import Command


@click.command(cls=Command)
def targets(*, as_json: bool, quiet: bool) -> None:
    """List what a model can be made for, and what runs there.

    Each row has the document that says so.

    Examples:
      octavo targets
      octavo convert my_model -o my.tflite -r int8 --samples calibration.npz
          --target edgetpu
      octavo inspect my.tflite --target gpu
    """
    from octavo.cli.terminal import show_json, show_lines, show_table
    from octavo.recipe import PRECISIONS
    from octavo.targets.known import TARGETS

    if as_json:
        show_json([
            {
                "name": target.name,
                "about": target.about,
                "source": target.source,
                "precisions": [each for each in PRECISIONS if not target.precisions or each in target.precisions],
                "operators": sorted(target.operators),
                "dtypes": sorted(target.dtypes),
                "has_fallback": target.has_fallback,
            }
            for target in TARGETS.values()
        ])  # fmt: skip
    elif not quiet:
        rows = [
            (
                target.name,
                target.about,
                ", ".join(each for each in PRECISIONS if each in target.precisions) or "all",
                str(len(target.operators) or "all"),
            )
            for target in TARGETS.values()
        ]
        show_table("", ("target", "what it is", "precisions", ">operators"), rows)
        show_lines("Whose word that is", *(f"{target.name}: {target.source}" for target in TARGETS.values()))
