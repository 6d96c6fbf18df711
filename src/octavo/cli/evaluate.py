"""`octavo evaluate`: how good a model is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from octavo.cli.command import Command, option

if TYPE_CHECKING:
    from octavo.judge.score import Score


@click.command(cls=Command)
@click.argument("model", type=click.Path())
@option("--samples", section="Data", required=True, metavar="FILE", help="Inputs, and the array `labels`: an .npz.")
@option("--reference", section="Data", metavar="MODEL", help="A .tflite to score too, and to compare with: the float "
        "model.")  # fmt: skip
@option("--metric", section="Score", default="accuracy", show_default=True, help="accuracy, top5 or psnr.")
@option("--output", section="Score", metavar="NAME", help="The output to judge, if there are several.")
def evaluate(  # noqa: PLR0913  # one for each option
    model: str, *, samples: str, reference: str | None, metric: str, output: str | None, as_json: bool, quiet: bool
) -> None:
    """Score the .tflite MODEL on labelled samples.

    Shares such as accuracy come with the interval that holds the true one with 95 % confidence.

    Examples:
      octavo evaluate my_model.tflite --samples held_out.npz
      octavo evaluate my_model.tflite --samples held_out.npz --reference my_model_float.tflite
    """
    import octavo
    from octavo.cli.compare import show_comparison
    from octavo.cli.progress import ProgressBar
    from octavo.cli.terminal import show_json

    with ProgressBar("evaluating", quiet=quiet) as progress:
        scores = {
            path: octavo.evaluate(path, samples, metric=metric, output=output, progress=progress)
            for path in dict.fromkeys(filter(None, (reference, model)))
        }
        compared = octavo.compare(reference, model, samples, progress=progress) if reference else None
    if as_json:
        both = {"reference": scores.get(reference or ""), "comparison": compared} if reference else {}
        show_json({"model": model, "score": scores[model], **both})
    elif not quiet:
        show_scores(scores)
        if compared is not None:
            show_comparison(compared)


def show_scores(scores: dict[str, Score]) -> None:
    """One row for each model."""
    from octavo.cli.terminal import show_table

    rows = [(path, number(score), interval(score), str(score.samples)) for path, score in scores.items()]
    name = next(iter(scores.values())).metric
    show_table("", ("model", f">{name}", ">95 % interval", ">samples"), rows)


def number(score: Score) -> str:
    """A share as a percentage, any other metric as a number."""
    return f"{score.value:.4g}" if score.low is None else f"{score.value:.2%}"


def interval(score: Score) -> str:
    """The interval of a share, else nothing."""
    return "" if score.low is None or score.high is None else f"{score.low:.2%} to {score.high:.2%}"
