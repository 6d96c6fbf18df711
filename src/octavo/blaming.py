"""Making and running models of which only some layers are quantized: the pipeline of `octavo.blame`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Sequence

import msgspec
import numpy as np

from octavo.errors import UsageError
from octavo.ir.graph import Model
from octavo.ir.source import Array
from octavo.judge.blame import Blame, find_blame
from octavo.judge.real import RealRuntime
from octavo.plan import GraphPlan, Plan
from octavo.quantize.apply import apply
from octavo.read.open import read
from octavo.samples import Sample, SamplesLike, read_samples
from octavo.write.tflite import to_bytes

Progress = Callable[[str, int, int | None], None]
NOTHING_LEFT = 1e3
"""The noise over the signal of outputs that hold NaN or an infinity (a variance rounded to zero, and its root)."""


def blame(
    reference: bytes,
    plan: Plan,
    samples: SamplesLike,
    *,
    most: int,
    budget: int,
    progress: Progress | None = None,
) -> Blame:
    """Which of the plan's layers cost how much on the first `most` samples; see `octavo.blame`.

    Nothing is calibrated anew: the plan's grids serve every trial.

    Raises:
        UsageError: the plan quantizes nothing.
        Invalid: the plan is for another model.
    """
    layers = list(suspects_of(plan))
    if not layers:
        raise UsageError("the plan leaves every layer in float: there is nothing to blame")
    model = read(reference)
    assert isinstance(model, Model), "a Conversion's reference is a .tflite"
    runtime = RealRuntime(reference)
    kept = list(itertools.islice(read_samples(samples, runtime.inputs), most))
    exact = [runtime.run(sample) for sample in kept]
    done = 0

    def trial(quantized: Collection[str]) -> float:
        nonlocal done
        done += 1
        if progress is not None:
            progress("trying layers", done, None)
        return _noise(to_bytes(apply(model, only(plan, quantized))), kept, exact)

    return find_blame(layers, trial, samples=len(kept), budget=budget)


def only(plan: Plan, suspects: Collection[str]) -> Plan:
    """The plan with all suspects but these in float. Inputs and outputs of the model are float in it."""
    recipe = msgspec.structs.replace(plan.recipe, inputs="float32", outputs="float32")
    exempt = {node for name, nodes in suspects_of(plan).items() if name not in suspects for node in nodes}
    return msgspec.structs.replace(plan, recipe=recipe, graphs=tuple(_without(graph, exempt) for graph in plan.graphs))


def _without(graph: GraphPlan, exempt: Collection[str]) -> GraphPlan:
    ops = tuple(msgspec.structs.replace(row, precision="float32") if row.node in exempt else row for row in graph.ops)
    return msgspec.structs.replace(graph, ops=ops, grids=tuple(g for g in graph.grids if g.reader not in exempt))


def suspects_of(plan: Plan) -> dict[str, list[str]]:
    """The operations that are quantized at all, by layer, in the order of work.

    Operations of a layer that holds other layers, such as the whole model, stand for themselves, and so do those of
    the only layer that there is.
    """
    rows = [row for graph in plan.graphs for row in graph.ops]
    holders = {"/".join(parts[:end]) for parts in (row.layer.split("/") for row in rows) for end in range(len(parts))}
    suspects: dict[str, list[str]] = {}
    for row in rows:
        if row.precision not in ("exact", "float32"):
            suspects.setdefault(row.node if row.layer in holders else row.layer, []).append(row.node)
    if len(suspects) == 1:
        return {node: [node] for nodes in suspects.values() for node in nodes}
    return suspects


def _noise(content: bytes, samples: Sequence[Sample], exact: Sequence[dict[str, Array]]) -> float:
    """The power of the outputs' changes over the power of the outputs, mean over the outputs."""
    runtime = RealRuntime(content)
    changed: dict[str, float] = {}
    signal: dict[str, float] = {}
    for sample, outputs in zip(samples, exact, strict=True):
        found = runtime.run(sample)
        for name, array in outputs.items():
            if array.dtype.kind in "fiu":
                difference = np.subtract(found[name], array, dtype=np.float64)
                changed[name] = changed.get(name, 0.0) + float(np.square(difference).sum())
                signal[name] = signal.get(name, 0.0) + float(np.square(array, dtype=np.float64).sum())
    ratios = [changed[name] / (signal[name] or 1.0) for name in changed]
    noise = float(np.mean(ratios)) if ratios else 0.0
    return min(noise, NOTHING_LEFT) if np.isfinite(noise) else NOTHING_LEFT
