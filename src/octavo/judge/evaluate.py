"""A model and its reference on the same samples, in one pass: against labels, and against each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from octavo.errors import SamplesError, UsageError, did_you_mean
from octavo.ir.source import Array
from octavo.judge.certainty import difference
from octavo.judge.fidelity import Nearness
from octavo.judge.labelled import entries, labelled
from octavo.judge.metric import Function, Metric
from octavo.judge.metrics import metric
from octavo.judge.real import RealRuntime
from octavo.judge.score import Evaluation, Judgement, score
from octavo.samples import Sample, Samples

Progress = Callable[[str, int, int | None], None]
Metrics = str | Function | Metric | Sequence[str | Function | Metric]
Outputs = dict[str, Array]


def evaluate(  # noqa: PLR0913  # what to run, on what, judged how
    model: RealRuntime,
    samples: Samples,
    *,
    reference: RealRuntime | None = None,
    labels: Array | None = None,
    metrics: Metrics | None = None,
    output: str | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """How good the model is, how good the reference is, and how near they are.

    `metrics` is one or several; by default accuracy where labels are classes, the root mean square error where they are
    real numbers, and none where there are no labels and a reference makes up for them. Of a model with several outputs,
    `output` is judged; functions see all if it is not given.

    Raises:
        UsageError: no metric or output has that name, several outputs leave the choice open, or the models differ in
            their outputs.
        SamplesError: there are no labels though a metric needs them, or they do not fit.
    """
    chosen = [metric(each) for each in _listed(metrics)]
    kept: list[tuple[list[Array], list[Array]]] = [([], []) for _ in chosen]
    near: dict[str, Nearness] = {}
    count = 0
    for done, (sample, label) in enumerate(labelled(samples, labels), start=1):
        if done == 1 and not chosen and metrics is None and (label is not None or reference is None):
            chosen, kept = [metric(_usual(label))], [([], [])]
        ours = model.run(sample)
        theirs = reference.run(sample) if reference is not None else None
        if theirs is not None:
            _compare(near, theirs, ours)
        for each, (mine, other) in zip(chosen, kept, strict=True):
            mine.append(_rows(each, ours, label, sample, output))
            if theirs is not None:
                other.append(_rows(each, theirs, label, sample, output))
        count += entries(sample)
        if progress is not None:
            progress("evaluating", done, samples.count)
    judgements = [_judge(each, mine, other) for each, (mine, other) in zip(chosen, kept, strict=True)]
    return Evaluation(
        samples=count,
        judgements=tuple(judgements),
        outputs=tuple(each.fidelity() for each in near.values()),
    )


def _listed(metrics: Metrics | None) -> Sequence[str | Function | Metric]:
    if metrics is None:
        return ()
    return (metrics,) if isinstance(metrics, str | Metric) or callable(metrics) else metrics


def _usual(label: Array | None) -> str:
    """The metric of labels like this one: classes are whole numbers, one-hot or not."""
    is_real = label is not None and label.dtype.kind == "f" and bool((label != np.rint(label)).any())
    return "rmse" if is_real else "accuracy"


def _compare(near: dict[str, Nearness], reference: Outputs, candidate: Outputs) -> None:
    if list(reference) != list(candidate):
        raise UsageError(f"the models have different outputs: {list(reference)} and {list(candidate)}")
    for name, array in reference.items():
        if array.dtype.kind in "fiub":
            near.setdefault(name, Nearness(name)).add(array, candidate[name])


def _rows(each: Metric, outputs: Outputs, label: Array | None, sample: Sample, output: str | None) -> Array:
    """The metric's rows for one call of the model."""
    if label is None:
        hint = "store them beside the inputs, as the array `labels` of the .npz, or let samples be (inputs, label)"
        raise SamplesError("a metric needs labels, and the samples hold none", hint=hint)
    count = entries(sample)
    if len(label) != count:
        raise SamplesError(f"there are {len(label)} labels for {count} samples")
    if each.sees_all_outputs and output is None and len(outputs) > 1:
        return each.rows({name: _per_sample(array, count) for name, array in outputs.items()}, label)
    return each.rows(_per_sample(outputs[_the_output(outputs, output)], count), label)


def _per_sample(array: Array, count: int) -> Array:
    """[samples, …]; an output without the batch belongs to the one sample."""
    return array if array.ndim and len(array) == count else array[np.newaxis]


def _the_output(outputs: Outputs, output: str | None) -> str:
    if output is None and len(outputs) > 1:
        hint = f"say which: output={' or '.join(map(repr, outputs))}"
        raise UsageError(f"the model has {len(outputs)} outputs", hint=hint)
    name = output or next(iter(outputs))
    if name not in outputs:
        raise UsageError(f"the model has no output {name!r}", hint=did_you_mean(name, outputs))
    return name


def _judge(each: Metric, mine: list[Array], other: list[Array]) -> Judgement:
    rows: Any = np.concatenate(mine)
    if not other:
        return Judgement(score=score(each, rows))
    theirs = np.concatenate(other)
    return Judgement(score=score(each, rows), reference=score(each, theirs), difference=difference(each, theirs, rows))
