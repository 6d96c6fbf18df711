"""`octavo evaluate`: how good a model is."""

from __future__ import annotations

import click

from octavo.cli.command import Command, option, preprocess_option


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
        "f1_micro, f1_multilabel, auc, mean_iou, ctc_error_rate, psnr, mae, rmse, r2 or correlation. Without one: "
        "accuracy, or rmse where labels are real numbers. Repeatable.")  # fmt: skip
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
      octavo evaluate my.tflite --samples held_out.npz
      octavo evaluate my.tflite --samples held_out.npz --reference float.tflite
    """
    import octavo
    from octavo.cli.progress import ProgressBar
    from octavo.cli.terminal import show_json, show_tables
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
        show_tables(found.tables(model=model, reference=reference or ""))
