"""What one can do with a model, one function each; `octavo` has them all under its own name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from octavo.benchmarking import Benchmark
    from octavo.judge.blame import Blame
    from octavo.judge.compare import Comparison
    from octavo.judge.diagnosis import Diagnosis
    from octavo.judge.evaluate import Metrics
    from octavo.judge.score import Evaluation
    from octavo.ledger import Ledger
    from octavo.pipeline import Conversion
    from octavo.plan import Plan
    from octavo.recipe import RecipeLike, TargetName
    from octavo.report.inspection import Inspection
    from octavo.report.record import Run
    from octavo.samples import SamplesLike
    from octavo.targets.target import Departures

Progress = Callable[[str, int, int | None], None]
"""`(what, done, total)`: called after each step; `total` is None where it is not known beforehand."""


def convert(  # noqa: PLR0913  # the whole of the public surface, by keyword
    model: Any,
    *,
    recipe: RecipeLike = "float32",
    target: TargetName | None = None,
    samples: SamplesLike | Mapping[str, SamplesLike] | None = None,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    signatures: Sequence[str] | None = None,
    shapes: Mapping[str, Sequence[int | None]] | None = None,
    unroll: int = 1,
    allow_custom_ops: bool | Collection[str] = False,
    lowerings: Mapping[str, Callable[..., Any]] | None = None,
    layers: Mapping[str, Callable[..., Any]] | None = None,
    plan: Plan | str | Path | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    statistics: str | Path | Ledger | None = None,
    progress: Progress | None = None,
) -> Conversion:
    """A `.tflite` model out of a trained TensorFlow model.

    Args:
        model: the directory of a SavedModel, the path of a Keras file (`.keras`, `.h5`) or of a frozen graph (`.pb`,
            `.pbtxt`), a Keras model in memory, a `tf.function`, concrete functions (one, a list, or a mapping by
            signature key) or a `tf.Module`, or the path or the bytes of a float `.tflite`.
        recipe: a precision ("float32", "float16", "dynamic", "weight_only", "int8", "int16x8"), a `Recipe`, a
            mapping, or the path of a TOML or JSON file.
        target: what the model is to run on, in place of the recipe's: "xnnpack", "xnnpack-dot", "gpu", "nnapi", "tflm",
            "edgetpu", "ethos-u" or "hexagon". What it does not run is an error, unless the recipe leaves it in float by
            `deny` or a rule; then the plan says why the target does not run it.
        samples: representative inputs, which "int8" and "int16x8" learn activation ranges from, and "dynamic" and
            "weight_only", if there are any, how to round: an `.npz` or `.npy` file, a folder of `.npy`, an iterable or
            a function that returns one; per signature as a mapping by key.
        inputs: the names of the nodes that go into a frozen graph; by default its placeholders.
        outputs: the names of the nodes that come out of a frozen graph; by default those that nobody reads.
        signatures: the keys of the signatures to convert; all by default.
        shapes: shapes of inputs, by name, in place of those that the model declares; None for an unknown length.
        unroll: loops of up to so many turns are written out, where their number is known beforehand: larger, and
            faster where a turn does little.
        allow_custom_ops: whether operations that LiteRT cannot express become custom operators, of TensorFlow's name
            and attributes, for which you have kernels: all of them, or those named. Octavo cannot run such a model.
        lowerings: what operations compute, in others, by the name of the operation: functions
            `(operation, *inputs) -> value`; see "Layers and operations of your own" in the documentation.
        layers: what Keras layers of your own compute, by the name of the class: functions `(layer, *inputs) -> tensor`.
        plan: a plan to replay, or its file, in place of deciding anew.
        ranges: the least and greatest number of inputs, by name, where you know it; under "*" that of every tensor of
            which nothing else is known. FakeQuant operations of a model give such ranges, too.
        statistics: a file for what calibration learns of the samples. It is written when calibration is done, fails or
            is interrupted; where it is there already, of the same model and samples, work goes on from it.
        progress: called with `(what, done, total)` while the samples run.

    Raises:
        OctavoError: see `octavo.errors`; nothing has been written to disk, apart from `statistics`.
    """
    from octavo.pipeline import Job, run
    from octavo.plan import Plan as PlanType
    from octavo.recipe import read_recipe
    from octavo.targeting import aimed

    replayed = PlanType.load(plan) if isinstance(plan, str | Path) else plan
    ledger = _ledger(statistics)
    with ledger.keeping() if ledger else nullcontext():
        return run(
            Job(
                model=model,
                recipe=aimed(read_recipe(recipe), target, replayed),
                samples=samples,
                inputs=inputs,
                outputs=outputs,
                signatures=signatures,
                shapes=shapes,
                unroll=unroll,
                custom_ops=allow_custom_ops,
                lowerings=lowerings or {},
                layers=layers or {},
                plan=replayed,
                ranges=ranges or {},
                ledger=ledger,
                progress=progress,
            )
        )


def _ledger(statistics: str | Path | Ledger | None) -> Ledger | None:
    if not isinstance(statistics, str | Path):
        return statistics
    from octavo.ledger import Ledger as Kept

    return Kept(statistics)


def evaluate(  # noqa: PLR0913  # by keyword
    model: Any,
    samples: SamplesLike,
    *,
    reference: Any = None,
    labels: Any = None,
    metric: Metrics | None = None,
    output: str | None = None,
    signature: str | None = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> Evaluation:
    """How good a `.tflite` model is: against labels, and beside the float model on the same samples.

    With a reference, the difference comes with an interval and a paired test, and the outputs of both are compared:
    that needs no labels.

    Args:
        model: the path or the bytes of a `.tflite`, or a `Conversion`, which is judged beside its float model.
        samples: inputs, in any form that `convert` takes, or an iterable of `(inputs, label)`.
        reference: the float model, as `model`.
        labels: one entry per sample; by default those that come with the samples (the array `labels` of the `.npz`).
        metric: one or several of "accuracy", "top5" (any number), "error_rate", "f1_macro", "f1_micro",
            "f1_multilabel", "auc", "mean_iou", "ctc_error_rate", "psnr", "mae", "rmse", "r2", "correlation", or
            functions `(outputs, labels) -> float`. By default accuracy,
            or, where labels are real numbers, "rmse".
        output: the name of the output to judge, if there are several.
        signature: the key of the signature to run, if there are several; `serving_default` or the first by default.
        threads: threads of each model.
        progress: called with `(what, done, total)` while the samples run.
    """
    from octavo.judge.evaluate import evaluate as run
    from octavo.samples import read_samples

    runtime = _runtime(model, threads=threads, signature=signature)
    reference = getattr(model, "reference", None) if reference is None else reference
    return run(
        runtime,
        read_samples(samples, runtime.inputs),
        reference=None if reference is None else _runtime(reference, threads=threads, signature=signature),
        labels=labels,
        metrics=metric,
        output=output,
        progress=progress,
    )


def compare(
    reference: Any,
    candidate: Any,
    samples: SamplesLike,
    *,
    signature: str | None = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> Comparison:
    """How near a candidate `.tflite` comes to a reference: outputs, layers, latency and size.

    Both are paths or bytes of `.tflite` models with the same inputs and outputs; `samples` in any form that
    `convert` takes, labels not needed. `signature` is the key of the one to run, if there are several.
    """
    from octavo.judge.compare import compare as run
    from octavo.samples import read_samples

    return run(
        _content(reference),
        _content(candidate),
        read_samples(samples, _runtime(reference, signature=signature).inputs),
        signature=signature,
        threads=threads,
        progress=progress,
    )


def debug(
    model: Any,
    candidate: Any = None,
    *,
    samples: SamplesLike,
    plan: Plan | str | Path | None = None,
    most: int | None = 16,
    progress: Progress | None = None,
) -> Diagnosis:
    """Each layer's error on real samples: what it adds itself, what has come before it, and why.

    Args:
        model: a `Conversion`, whose result is held against its float model; or the path or the bytes of a float
            `.tflite`, with the quantized one as `candidate`.
        candidate: the path or the bytes of the quantized `.tflite`, where `model` is the float one.
        samples: inputs, in any form that `convert` takes; labels are not needed.
        plan: the plan of the candidate, or its file, which knows the source layers; a `Conversion` has it.
        most: how many of the samples are used; None for all.
        progress: called with `(what, done, total)` while the samples run.

    Raises:
        OctavoError: a model cannot be read, the two do not belong together, or the samples do not fit.
    """
    from octavo.debugging import debug as run
    from octavo.plan import Plan as PlanType

    reference = getattr(model, "reference", model)
    if candidate is None and reference is model:
        from octavo.errors import UsageError

        raise UsageError("a candidate is missing", hint="pass a Conversion, or the float and the quantized .tflite")
    loaded = PlanType.load(plan) if isinstance(plan, str | Path) else plan or getattr(model, "plan", None)
    quantized = model if candidate is None else candidate
    return run(_content(reference), _content(quantized), samples, plan=loaded, most=most, progress=progress)


def blame(
    model: Any,
    plan: Plan | str | Path | None = None,
    *,
    samples: SamplesLike,
    most: int = 16,
    budget: int = 100,
    progress: Progress | None = None,
) -> Blame:
    """Which layers cost how much of the outputs' error: each quantized alone, then the worst left in float.

    Where `debug` tells what each layer adds to its own output, this tells what of it arrives at the end. Nothing is
    calibrated anew. A model of more layers than `budget` is divided: groups that cost little are tried as a whole.

    Args:
        model: a `Conversion`; or the path or the bytes of a float `.tflite`, with its `plan`.
        plan: the plan, or its file; a `Conversion` has it.
        samples: inputs, in any form that `convert` takes; labels are not needed.
        most: how many of the samples are used, in each trial.
        budget: how many trials are made, apart from a few at the end.
        progress: called with `(what, done, total)` after each trial.

    Raises:
        OctavoError: the plan quantizes nothing or is for another model, or the samples do not fit.
    """
    from octavo.blaming import blame as run
    from octavo.plan import Plan as PlanType

    loaded = PlanType.load(plan) if isinstance(plan, str | Path) else plan or getattr(model, "plan", None)
    if loaded is None:
        from octavo.errors import UsageError

        raise UsageError("a plan is missing", hint="pass a Conversion, or the float .tflite and its plan")
    reference = _content(getattr(model, "reference", model))
    return run(reference, loaded, samples, most=most, budget=budget, progress=progress)


def off_target(model: Any, target: str) -> Departures:
    """The operations of a model that would leave an accelerator, each with its layer, why, and the cure.

    Args:
        model: anything that `convert` takes, quantized or not, or a `Conversion`.
        target: "xnnpack", "xnnpack-dot", "gpu", "nnapi", "tflm", "edgetpu", "ethos-u" or "hexagon".

    Raises:
        OctavoError: there is no such target, or the model cannot be read.
    """
    from octavo.pipeline import off_target as run

    return run(getattr(model, "content", model), target)


def quantize_inputs(model: Any, inputs: Mapping[str, Any], *, signature: str | None = None) -> dict[str, NDArray[Any]]:
    """Real numbers as a `.tflite` with integer inputs takes them.

    Args:
        model: the path or the bytes of a `.tflite`, or a `Conversion`.
        inputs: arrays by the names of the inputs; those that the model takes as they are stay so.
        signature: the key of the signature that is called; by default `serving_default`, or the first.

    Raises:
        OctavoError: the model cannot be read, or has no such input.
    """
    from octavo.interface import quantize_inputs as run

    return run(_content(model), inputs, signature=signature)


def dequantize_outputs(
    model: Any, outputs: Mapping[str, Any], *, signature: str | None = None
) -> dict[str, NDArray[Any]]:
    """Real numbers for what a `.tflite` with integer outputs gives; arguments as of `quantize_inputs`."""
    from octavo.interface import dequantize_outputs as run

    return run(_content(model), outputs, signature=signature)


def inspect(
    model: Any, *, why: bool = False, inputs: Sequence[str] | None = None, outputs: Sequence[str] | None = None
) -> Inspection:
    """What is in a model: signatures, operations, shapes, precisions and sizes.

    `model` is anything that `convert` takes, quantized or not, or a `Conversion`. A SavedModel is shown after lowering
    and optimizing, a `.tflite` as it stands. With `why`, what the optimizer did and nearly did is told for a `.tflite`
    too. `inputs` and `outputs` name the nodes of a frozen graph, as for `convert`.
    """
    from octavo.pipeline import look

    return look(getattr(model, "content", model), why=why, inputs=inputs, outputs=outputs)


def record(  # noqa: PLR0913  # the whole of the public surface, by keyword
    result: Conversion,
    *,
    samples: SamplesLike | None = None,
    held_out: SamplesLike | None = None,
    metric: Metrics | None = None,
    output: str | None = None,
    source: Any = "",
    command: str = "",
    progress: Progress | None = None,
) -> Run:
    """Everything known of a conversion, measured, as a record that becomes one HTML page.

    `octavo.record(result, samples=...).to_html()` is the page, `.to_json()` what `octavo report` reads.

    Args:
        result: what `convert` returned.
        samples: inputs on which outputs, layers and latency are compared with those of the float model.
        held_out: labelled inputs, which both models are scored on, and compared on in place of `samples`.
        metric: as for `evaluate`.
        output: the name of the output to judge, if there are several.
        source: the model that was converted, for its name and hash.
        command: how to get the same again.
        progress: called with `(what, done, total)` meanwhile.
    """
    from octavo.recording import Evidence
    from octavo.recording import record as run

    evidence = Evidence(samples=samples, held_out=held_out, metric=metric, output=output)
    return run(result, evidence, source=source, command=command, progress=progress)


def benchmark(  # noqa: PLR0913  # by keyword
    model: Any,
    *,
    reference: Any = None,
    samples: SamplesLike | None = None,
    rounds: int = 50,
    threads: int | Sequence[int] = 1,
    operations: bool = True,
    progress: Progress | None = None,
) -> Benchmark:
    """How fast a `.tflite` model is: as a whole, beside the float model in turns, and each operation alone.

    Args:
        model: the path or the bytes of a `.tflite`, or a `Conversion`, which is timed beside its float model.
        reference: another model to time beside it.
        samples: the first is what goes in; without any, drawn numbers.
        rounds: calls of each model.
        threads: how many; several numbers are tried one after the other.
        operations: whether each operation is timed alone, too.
        progress: called with `(what, done, total)` meanwhile.
    """
    from octavo.benchmarking import Course
    from octavo.benchmarking import benchmark as run

    reference = getattr(model, "reference", None) if reference is None else reference
    models = [each if isinstance(each, str) else _content(each) for each in (reference, model) if each is not None]
    counts = (threads,) if isinstance(threads, int) else tuple(threads)
    course = Course(rounds=rounds, threads=counts, samples=samples, operations=operations)
    return run(models, course, progress=progress)


def _content(model: Any) -> bytes:
    from octavo.pipeline import content_of

    return content_of(getattr(model, "content", model))


def _runtime(model: Any, *, threads: int = 1, signature: str | None = None) -> Any:
    from octavo.judge.real import RealRuntime

    return RealRuntime(_content(model), signature=signature, threads=threads)
