"""`octavo evaluate`: how good a model is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from octavo.cli.command import Command, option, preprocess_option

if TYPE_CHECKING:
    from octavo.judge.certainty import Difference
    from octavo.judge.score import Evaluation, Judgement, Score


@click.command(cls=Command)
@click.argument("model", type=click.Path())
@option(
    "--samples",
    section="Data",
    required=True,
    metavar="FILE",
    help="Inputs with labels: an .npz with the array "
    "`labels`, a folder of pictures or WAV files for each class, a CSV of paths and labels, a TFRecord file.",
)
@preprocess_option()
@option("--reference", section="Data", metavar="MODEL", help="A .tflite to score on the same samples: the float model. "
        "Labels are not needed then.")  # fmt: skip
@option("--metric", section="Score", multiple=True, metavar="NAME", help="accuracy, top5, error_rate, f1_macro, "
        "f1_micro, f1_multilabel, auc, mean_iou, ctc_error_rate, psnr, mae, rmse, r2 or correlation; accuracy where "
        "there are labels, if none is named. Repeatable.")  # fmt: skip
@option("--output", section="Score", metavar="NAME", help="The output to judge, if there are several.")
@option("--signature", section="Score", metavar="KEY", help="The signature to run, if there are several.")
@option("--threads", section="Score", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
        help="Threads of each model.")  # fmt: skip
def evaluate(  # noqa: PLR0913  # one for each option
    model: str,
    *,
    samples: str,
    preprocess: str | None,
    reference: str | None,
    metric: tuple[str, ...],
    output: str | None,
    signature: str | None,
    threads: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Score the .tflite MODEL, and the float model beside it.

    A score comes with the interval that holds the true one with 95 % confidence. The difference to the reference
    comes with its own, which is narrower, because both models see the same samples, and with the chance that it is an
    accident.

    Examples:
      octavo evaluate my_model.tflite --samples held_out.npz
      octavo evaluate my_model.tflite --samples held_out.npz --reference my_model_float.tflite
    """
    import octavo
    from octavo.cli.progress import ProgressBar
    from octavo.cli.terminal import show_json
    from octavo.cli.values import dressed

    with ProgressBar("evaluating", quiet=quiet) as progress:
        found = octavo.evaluate(
            model,
            dressed(samples, preprocess),
            reference=reference,
            metric=metric or None,
            output=output,
            signature=signature,
            threads=threads,
            progress=progress,
        )
    if as_json:
        show_json({"model": model, "reference": reference, "evaluation": found})
    elif not quiet:
        show_evaluation(found, model=model, reference=reference)


def show_evaluation(found: Evaluation, *, model: str, reference: str | None) -> None:
    """The scores, then the outputs of both models beside each other, then what it means."""
    from octavo.cli.terminal import show_lines, show_table

    if found.judgements:
        rows = [row for judged in found.judgements for row in _rows(judged, model, reference)]
        show_table("", ("metric", "model", ">score", ">95 % interval"), rows)
    if found.outputs:
        columns = ("output", ">SQNR", ">same greatest entry", ">95 % interval", ">KL divergence")
        show_table("Beside the reference", columns, map(_output, found.outputs))
    show_lines(f"samples  {found.samples}", *(_verdict(judged) for judged in found.judgements if judged.difference))


def number(score: Score, value: float) -> str:
    """A share as a percentage, decibels as such, any other metric as a number."""
    if score.unit == "share":
        return f"{value:.2%}"
    return f"{value:.2f} dB" if score.unit == "dB" else f"{value:.4g}"


def _rows(judged: Judgement, model: str, reference: str | None) -> list[tuple[str, ...]]:
    score = judged.score
    rows: list[tuple[str, ...]] = [
        (score.metric, model, number(score, score.value), _interval(score, score.low, score.high))
    ]
    if judged.reference is not None:
        other = judged.reference
        rows.insert(
            0, (score.metric, reference or "", number(other, other.value), _interval(other, other.low, other.high))
        )
    if judged.difference is not None:
        change = judged.difference
        rows.append(
            (score.metric, "difference", _signed(score, change.value), _interval(score, change.low, change.high))
        )
    return rows


def _interval(score: Score, low: float, high: float) -> str:
    return f"{number(score, low)} to {number(score, high)}"


def _signed(score: Score, value: float) -> str:
    return f"{'+' if value > 0 else ''}{number(score, value)}"


def _output(output: object) -> tuple[str, ...]:
    from octavo.cli.compare import decibels
    from octavo.judge.fidelity import OutputFidelity

    assert isinstance(output, OutputFidelity)
    divergence = "" if output.divergence is None else f"{output.divergence:.2e}"
    between = f"{output.low:.2%} to {output.high:.2%}"
    return output.name, decibels(output.sqnr), f"{output.agreement:.2%}", between, divergence


def _verdict(judged: Judgement) -> str:
    """Whether the difference is more than chance, in words."""
    change: Difference | None = judged.difference
    assert change is not None
    counted = "" if change.better is None else f"{change.better} better and {change.worse} worse; "
    name = f"{judged.score.metric:7}  "
    if change.value == 0:
        return f"{name}{counted}no difference"
    good = (change.value > 0) == judged.score.higher_is_better
    said = f"{'better' if good else 'worse'} than the reference" if change.is_certain else "may well be chance"
    return f"{name}{counted}{said} (p = {change.p:.2g}, {change.test})"
