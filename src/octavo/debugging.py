"""Reading, pairing and running two models, so that each layer's error can be told: the pipeline of `octavo.debug`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from octavo.errors import Invalid, UsageError
from octavo.ir.graph import Graph, Model
from octavo.judge.diagnose import FEW, Subjects, diagnose
from octavo.judge.diagnosis import Diagnosis
from octavo.judge.real import RealRuntime
from octavo.judge.twin import Pair, grow_twins, twins_in
from octavo.optimize.engine import adapt
from octavo.pipeline import Conversion, content_of
from octavo.plan import Plan
from octavo.quantize.apply import apply
from octavo.quantize.decide import decide
from octavo.quantize.precision import unserved
from octavo.read.open import read
from octavo.recipe import Recipe
from octavo.report.inspection import precision_of
from octavo.runtime import DEFAULT_SIGNATURE
from octavo.samples import SamplesLike, read_samples
from octavo.write.tflite import to_bytes

Progress = Callable[[str, int, int | None], None]
MARK = "octavo.twins"
"""The metadata entry that marks a model with float twins."""


def debug(
    reference: bytes,
    candidate: bytes,
    samples: SamplesLike,
    *,
    plan: Plan | None = None,
    most: int | None = FEW,
    progress: Progress | None = None,
) -> Diagnosis:
    """Each layer's error in the candidate, with its causes; see `octavo.debug`."""
    subjects = paired(reference, candidate, plan=plan)
    given = read_samples(samples, RealRuntime(subjects.reference or subjects.twinned).inputs)
    return diagnose(subjects, given, most=most, progress=progress)


def paired(reference: bytes, candidate: bytes, *, plan: Plan | None = None) -> Subjects:
    """Both models, ready to be run side by side: the candidate with a float twin beside each operation.

    Raises:
        UsageError: the models have different inputs, or nothing in common.
        ModelError: one of them cannot be read.
    """
    first, second = _model(reference), _model(candidate)
    ours, theirs = _main(first), _main(second)
    if len(ours.inputs) != len(theirs.inputs):
        raise UsageError(f"the models take {len(ours.inputs)} and {len(theirs.inputs)} inputs")
    pairs = grow_twins(ours, theirs)
    if not any(pair.node for pair in pairs):
        raise UsageError("the models have no inner tensor in common", hint="compare a model with what it was made from")
    second.metadata[MARK] = b"1"
    cut = [grid.value for graph in plan.graphs for grid in graph.grids if grid.is_cut] if plan is not None else []
    return Subjects(to_bytes(first), to_bytes(second), pairs, _labels(pairs, plan), cut)


def paired_already(twinned: bytes) -> Subjects | None:
    """A model that has float twins already; None of any other model.

    Raises:
        ModelError: it cannot be read.
    """
    model = _model(twinned)
    if MARK not in model.metadata:
        return None
    pairs = twins_in(_main(model))
    return Subjects(None, twinned, pairs, {})


def requantized(made: Conversion, recipe: Recipe) -> Conversion:
    """The conversion anew, by another recipe, from what calibration has learnt.

    Raises:
        RecipeError: a rule matches nothing.
        TargetError: the recipe is strict, and something must stay float.
    """
    model = _model(made.reference)
    for graph, wanted in unserved(model, recipe).items():
        adapt(graph, wanted)
    plan = decide(model, recipe, made.statistics)
    content = made.reference if plan.is_float else to_bytes(apply(model, plan))
    return replace(made, plan=plan, content=content)


def _model(content: bytes) -> Model:
    model = read(content_of(content))
    if not isinstance(model, Model):
        raise Invalid("this is no .tflite file")
    return model


def _main(model: Model) -> Graph:
    """The graph that a runtime loads by default."""
    by_key = {signature.key: signature.graph for signature in model.signatures}
    return by_key.get(DEFAULT_SIGNATURE) or next(iter(by_key.values()), model.main)


def _labels(pairs: list[Pair], plan: Plan | None) -> Mapping[str, tuple[str, str]]:
    """The source layer and the precision of each tensor: the plan's, or what the file tells."""
    rows = {row.node: row for graph in plan.graphs for row in graph.ops} if plan is not None else {}
    labels = {}
    for pair in pairs:
        name, maker = pair.reference.name, pair.candidate.producer
        row = rows.get(pair.node.name) if pair.node is not None else None
        if row is not None:
            labels[name] = (row.layer, str(row.precision))
        elif pair.node is None or maker is None:
            labels[name] = (name, pair.candidate.dtype.name)
        else:
            labels[name] = (name.rpartition("/")[0] or name, str(precision_of(maker)))
    return labels
