"""`octavo convert`: the main job."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import click

from octavo.cli.command import Command, option, preprocess_option

if TYPE_CHECKING:
    from octavo.ledger import Ledger
    from octavo.pipeline import Conversion
    from octavo.recipe import Recipe, TargetName
    from octavo.report.summary import Summary

HOW = "How to quantize"
WHAT = "What to convert"
FILES = "Files"
INTERFACE = ["float32", "int8", "uint8", "int16"]
RECIPE_OPTIONS = {
    "recipe": "--recipe", "target": "--target", "inputs": "--inputs", "outputs": "--outputs", "rule": "--rule",
}  # fmt: skip
"""Options that a plan makes meaningless: it holds a recipe, and what came of it."""

EXTRA_FILES = ("save_plan", "save_float", "save_run", "report")
"""Options that name a file to write beside the model."""
INTERRUPTED = ".statistics"
"""What is added to the name of the output for what calibration has learnt when it is interrupted."""


class Options(TypedDict):
    """The options of the command."""

    output: Path
    recipe: str | None
    target: TargetName | None
    samples: tuple[str, ...]
    inputs: str | None
    outputs: str | None
    rule: tuple[str, ...]
    strict: bool
    allow_custom_ops: bool
    signature: tuple[str, ...]
    input_node: tuple[str, ...]
    output_node: tuple[str, ...]
    shape: tuple[str, ...]
    plan: Path | None
    save_plan: Path | None
    save_float: Path | None
    save_run: Path | None
    report: Path | None
    held_out: str | None
    preprocess: str | None
    statistics: Path | None
    metric: tuple[str, ...]
    as_json: bool
    quiet: bool


@click.command(cls=Command)
@click.argument("model", type=click.Path())
@option("-o", "--output", section=FILES, type=click.Path(path_type=Path), required=True, help="The .tflite to write.")
@option("--samples", section=FILES, multiple=True, metavar="FILE", help="Representative inputs: .npz, .npy, a "
        "folder of .npy, pictures or WAV files, a CSV of paths, a TFRecord "
        "file. Of a model with several signatures: KEY=FILE for each.")  # fmt: skip
@option("--save-float", section=FILES, type=click.Path(path_type=Path), metavar="FILE", help="Write the float model "
        "too, to compare with.")  # fmt: skip
@option("--save-plan", section=FILES, type=click.Path(path_type=Path), metavar="FILE", help="Write the decisions for "
        "each operation and tensor, as JSON.")  # fmt: skip
@option("--report", section=FILES, type=click.Path(path_type=Path), metavar="FILE", help="Write a page that shows "
        "what it cost, what it gained, and each layer: one .html that needs no network.")  # fmt: skip
@option("--save-run", section=FILES, type=click.Path(path_type=Path), metavar="FILE", help="Write what the report "
        "shows as JSON, for `octavo report` and for later comparison.")  # fmt: skip
@option("--held-out", section=FILES, metavar="FILE", help="Labelled inputs for the report: both models are scored on "
        "them.")  # fmt: skip
@preprocess_option(FILES)
@option("--statistics", section=FILES, type=click.Path(path_type=Path), metavar="FILE", help="Keep here what "
        "calibration learns, and go on from what is there; without it, only an interrupted calibration is kept, beside "
        "the output.")  # fmt: skip
@option("--plan", section=FILES, type=click.Path(path_type=Path), metavar="FILE", help="Replay a plan, perhaps "
        "edited, in place of deciding anew.")  # fmt: skip
@option("-r", "--recipe", section=HOW, metavar="NAME|FILE", help="float32 (default), float16, dynamic, weight_only, "
        "int8, int16x8, or a .toml or .json file.")  # fmt: skip
@option("-t", "--target", section=HOW, metavar="NAME", help="What the model is to run on: `octavo targets` lists them. "
        "What it cannot run is an error, unless a rule leaves it in float.")  # fmt: skip
@option("--rule", section=HOW, multiple=True, metavar="RULE", help="A precision for some operations, such as "
        "op=SOFTMAX,precision=float32 or layer=head/*,precision=int16x8. The last that matches counts.")  # fmt: skip
@option("--inputs", section=HOW, type=click.Choice(INTERFACE), help="The dtype of the model's real inputs.")
@option("--outputs", section=HOW, type=click.Choice(INTERFACE), help="The dtype of the model's real outputs.")
@option("--strict", section=HOW, is_flag=True, help="Fail where an operation must stay float.")
@option("--metric", section=HOW, multiple=True, metavar="NAME", help="A score of the report, as for `octavo evaluate`. "
        "Repeatable.")  # fmt: skip
@option("--signature", section=WHAT, multiple=True, metavar="KEY", help="Convert this signature only; may be repeated.")
@option("--input-node", section=WHAT, multiple=True, metavar="NAME", help="A node that goes into a frozen graph (.pb), "
        "in place of its placeholders; may be repeated.")  # fmt: skip
@option("--output-node", section=WHAT, multiple=True, metavar="NAME", help="A node that comes out of a frozen graph, "
        "in place of those that nobody reads; may be repeated.")  # fmt: skip
@option("--allow-custom-ops", section=HOW, is_flag=True, help="Let operations that LiteRT cannot express become custom "
        "operators, for which you have kernels.")  # fmt: skip
@option("--shape", section=WHAT, multiple=True, metavar="NAME=DIMS", help="The shape of an input, such as "
        "image=1,224,224,3; ? for a length known only at run time.")  # fmt: skip
def convert(model: str, **options: Unpack[Options]) -> None:
    """Turn MODEL into a .tflite, quantized as the recipe says.

    MODEL is the directory of a SavedModel, a Keras file (.keras, .h5), a frozen graph (.pb, .pbtxt) or a float .tflite.

    Examples:
      octavo convert my_model -o my.tflite
      octavo convert my_model -o my.tflite -r dynamic
      octavo convert my_model -o my.tflite -r int8 --samples calibration.npz
      octavo convert my_model -o my.tflite -r int8 --samples calibration.npz
          --held-out held_out.npz --report report.html
      octavo convert my_model -o my.tflite -r int8 --samples photos/
          --preprocess tf,crop=0.875
      octavo convert my_model -o my.tflite -r int8 --samples calibration.npz
          --inputs int8 --outputs int8 --rule op=SOFTMAX,precision=float32
      octavo convert frozen.pb -o my.tflite --input-node image
          --output-node scores --shape image=1,224,224,3
    """
    _check_places(model, options)
    result = _run(model, options)
    _save(result, options)
    _report(model, result, options)
    if not options["quiet"]:
        _tell(model, result, options)


def _check_places(model: str, options: Options) -> None:
    """Before any work, so that an hour of calibration is not lost to a mistyped directory."""
    from octavo.cli.values import place_for_output

    inputs = [model, *options["samples"], *([str(options["plan"])] if options["plan"] else [])]
    places: list[Path] = [options["output"], *filter(None, (options[key] for key in (*EXTRA_FILES, "statistics")))]  # type: ignore[literal-required]  # of the keys
    for place in places:
        place_for_output(place, inputs=inputs)
    if len({place.absolute() for place in places}) < len(places):
        from octavo.errors import UsageError

        raise UsageError("two outputs would be written to the same file", where=", ".join(map(str, places)))


def _run(model: str, options: Options) -> Conversion:
    import octavo
    from octavo.cli import values
    from octavo.cli.progress import ProgressBar

    recipe: Any = "float32" if options["plan"] else _recipe(options)
    if options["plan"]:
        _check_plan_stands_alone(options)
    with ProgressBar("converting", quiet=options["quiet"]) as progress:
        return octavo.convert(
            model,
            recipe=recipe,
            target=options["target"],
            samples=values.dressed(values.samples(options["samples"]), options["preprocess"]),
            signatures=options["signature"] or None,
            inputs=options["input_node"] or None,
            outputs=options["output_node"] or None,
            shapes=values.shapes(options["shape"]),
            allow_custom_ops=options["allow_custom_ops"],
            plan=options["plan"],
            statistics=_ledger(options),
            progress=progress,
        )


def _ledger(options: Options) -> Ledger:
    """Where what calibration learns is kept, so that an interrupt loses nothing."""
    from octavo.ledger import Ledger

    output = options["output"]
    return Ledger(
        options["statistics"] or output.with_name(output.name + INTERRUPTED), passing=not options["statistics"]
    )


def _recipe(options: Options) -> Recipe:
    """The recipe of that name or file, as the other options change it."""
    import msgspec

    from octavo.cli import values
    from octavo.recipe import read_recipe

    base = read_recipe(options["recipe"] or "float32")
    changes = {key: options[key] for key in ("inputs", "outputs") if options[key]}
    more = read_recipe({**changes, "rules": values.rules(options["rule"])})
    return msgspec.structs.replace(
        base,
        **{key: getattr(more, key) for key in changes},
        rules=(*base.rules, *more.rules),
        strict=base.strict or options["strict"],
    )


def _check_plan_stands_alone(options: Options) -> None:
    from octavo.errors import UsageError

    given = [flag for key, flag in RECIPE_OPTIONS.items() if options[key]]  # type: ignore[literal-required]  # of the keys
    given += ["--samples"] if options["samples"] else []
    given += ["--strict"] if options["strict"] else []
    given += ["--statistics"] if options["statistics"] else []
    if given:
        raise UsageError(
            f"a plan holds its own recipe and ranges: leave out {', '.join(given)}", where=f"--plan {options['plan']}"
        )


def _save(result: Conversion, options: Options) -> None:
    from octavo.write.file import save

    if options["save_float"]:
        save(result.reference, options["save_float"])
    if options["save_plan"]:
        save(f"{result.plan.to_json()}\n".encode(), options["save_plan"])
    result.save(options["output"])


def _report(model: str, result: Conversion, options: Options) -> None:
    """Measure, and write the record and the page, if one of them is wanted."""
    if options["report"] is None and options["save_run"] is None:
        return
    import octavo
    from octavo.cli.progress import ProgressBar
    from octavo.cli.values import command_line, dressed, main_samples
    from octavo.write.file import save

    with ProgressBar("measuring", quiet=options["quiet"]) as progress:
        run = octavo.record(
            result,
            samples=dressed(main_samples(options["samples"]), options["preprocess"]),
            held_out=dressed(options["held_out"], options["preprocess"]),
            metric=options["metric"] or None,
            source=model,
            command=command_line(),
            progress=progress,
        )
    if options["save_run"]:
        save(run.to_json().encode(), options["save_run"])
    if options["report"]:
        save(run.to_html().encode(), options["report"])


def _tell(model: str, result: Conversion, options: Options) -> None:
    from octavo.cli.terminal import show_json
    from octavo.report.summary import summarize

    summary = summarize(
        result.plan, size=len(result.content), float_size=len(result.reference), warnings=result.warnings
    )
    following = _following(model, result, options)
    if options["as_json"]:
        import msgspec

        files = {key: str(options[key]) for key in ("output", *EXTRA_FILES) if options[key]}  # type: ignore[literal-required]  # of the keys
        show_json({**files, **msgspec.structs.asdict(summary), "next": following})
    else:
        _print(summary, options["output"], following)


def _print(summary: Summary, output: Path, following: str) -> None:
    from octavo.cli.terminal import show_lines, show_tables

    size, *rest = summary.tables()
    show_lines(f"wrote {output}: {size.rows[0][1]}", "")
    show_tables(rest)
    show_lines(f"next: {following}")


def _following(model: str, result: Conversion, options: Options) -> str:
    """The command that a user would most likely run now."""
    output = options["output"]
    if result.plan.recipe.precision == "float32" and not result.plan.recipe.rules:
        target = output.with_name(f"{output.stem}_int8{output.suffix}")
        return shlex.join(["octavo", "convert", model, "-o", str(target), "--recipe", "int8", "--samples", "FILE"])
    reference = ["--reference", str(options["save_float"])] if options["save_float"] else []
    return shlex.join(["octavo", "evaluate", str(output), *reference, "--samples", "HELD_OUT"])
