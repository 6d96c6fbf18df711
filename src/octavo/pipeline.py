"""The product on one screen: the stages in order."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from octavo.errors import Unreadable, Unsupported, UsageError, nearest_file
from octavo.given import Given
from octavo.ir.graph import Model
from octavo.ir.source import SourceModel
from octavo.lower.engine import lower
from octavo.optimize.engine import Rewrites, adapt, optimize
from octavo.pacing import slowed
from octavo.plan import Equalized, Plan
from octavo.quantize.decide import decide
from octavo.quantize.precision import unserved
from octavo.quantize.trained import pin, take_ranges, widen_constants
from octavo.read.open import read
from octavo.recipe import Recipe
from octavo.refining import refined
from octavo.samples import SamplesLike
from octavo.showing import Shown, Table
from octavo.statistics import Statistics
from octavo.targeting import check_recipe, checked, leaving, target_of
from octavo.targets.target import Departures
from octavo.trial import check_runs, strangers
from octavo.write.file import save
from octavo.write.tflite import to_bytes

if TYPE_CHECKING:
    from octavo.ledger import Ledger
    from octavo.report.inspection import Inspection

Progress = Callable[[str, int, int | None], None]
FEW = 8
"""Fewer samples than this rarely show the whole range of activations."""


class Job(Struct, frozen=True, kw_only=True):
    """What is to be done: the model, how, with which data."""

    model: Any
    recipe: Recipe
    samples: SamplesLike | Mapping[str, SamplesLike] | None = None
    inputs: Sequence[str] | None = None
    outputs: Sequence[str] | None = None
    signatures: Sequence[str] | None = None
    shapes: Mapping[str, Sequence[int | None]] | None = None
    unroll: int = 1
    custom_ops: bool | Collection[str] = False
    lowerings: Mapping[str, Callable[..., Any]] = msgspec.field(default_factory=dict)
    layers: Mapping[str, Callable[..., Any]] = msgspec.field(default_factory=dict)
    plan: Plan | None = None
    ranges: Mapping[str, tuple[float, float]] = msgspec.field(default_factory=dict)
    ledger: Ledger | None = None
    progress: Progress | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion(Shown):
    """What came of a job.

    `content` is the quantized `.tflite`, `reference` the same model in float. `plan` says what was done to each
    operation and why, `rewrites` what the optimizer did, `warnings` what the user should know: what is the matter, a
    semicolon, what to do. `origins` has, for each graph, by the first result of each operation, the source operations
    that it computes and the rules that made it.
    """

    content: bytes = field(repr=False)
    reference: bytes = field(repr=False)
    plan: Plan
    rewrites: tuple[Rewrites, ...]
    statistics: tuple[Statistics, ...]
    warnings: tuple[str, ...]
    origins: tuple[Mapping[str, tuple[str, ...]], ...] = ()

    def save(self, path: str | Path) -> Path:
        """Write the model, whole or not at all, and return its path."""
        save(self.content, path)
        return Path(path)

    @property
    def size(self) -> int:
        """The model's size in bytes."""
        return len(self.content)

    def tables(self) -> tuple[Table, ...]:
        """The size, what computes in which precision, what stayed float and why, and the warnings."""
        from octavo.report.summary import summarize

        return summarize(
            self.plan, size=len(self.content), float_size=len(self.reference), warnings=self.warnings
        ).tables()


def run(job: Job) -> Conversion:
    """Read, lower, optimize, calibrate, quantize, write, and check that LiteRT runs the result.

    Raises:
        OctavoError: see `octavo.errors`; nothing has been written to disk.
    """
    check_recipe(job.plan.recipe if job.plan else job.recipe)
    with _no_collections():
        source = read(job.model, inputs=job.inputs, outputs=job.outputs, shapes=job.shapes, layers=job.layers)
        model = source if isinstance(source, Model) else _lowered(source, job)
        _check_is_float(model, job.recipe)
        recipe = job.plan.recipe if job.plan else job.recipe
        widen_constants(model, recipe)
        take_ranges(model, recipe)
        pin(model, job.ranges)
        rewrites = _optimize(model, on_cpu=target_of(recipe.target).is_cpu)
        reference = to_bytes(model)
        given = Given(model, job.samples)
        evened = _equalized(job, model, reference, given)
        reference = observed = to_bytes(model) if evened else reference
        adapted = tuple(adapt(graph, wanted) for graph, wanted in unserved(model, recipe).items())
        if any(made.applied for made in adapted):
            observed = to_bytes(model)
    with contextlib.nullcontext() if given.are_none else _one_thread():
        statistics, doubts = _statistics(job, model, observed, given)
        plan = job.plan or msgspec.structs.replace(decide(model, job.recipe, statistics), equalized=evened)
        made = None
        if job.plan is None and any(few.count for few in given.read):
            plan, more, made = refined(model, plan, statistics, given)
            doubts = [*doubts, *more]
    quantized, content = made.parts if made else _written(job, model, plan, reference)
    plan = checked(quantized, plan)
    check_runs(model, content, given)
    return Conversion(
        content=content,
        reference=reference,
        plan=plan,
        rewrites=tuple(made + more for made, more in zip(rewrites, adapted, strict=True)),
        statistics=statistics,
        warnings=(*model.notes, *_warnings(model, plan, statistics), *doubts),
        origins=tuple({node.name: node.origin for node in graph} for graph in model.graphs),
    )


def _statistics(job: Job, model: Model, reference: bytes, given: Given) -> tuple[tuple[Statistics, ...], list[str]]:
    """What calibration learns of each graph, and doubts about the samples; nothing where a plan is replayed."""
    if job.plan is not None or job.recipe.is_plain:
        return tuple(Statistics() for _ in model.graphs), []
    from octavo.calibrating import Asked, statistics_of

    asked = Asked(recipe=job.recipe, ranges=job.ranges, progress=job.progress, ledger=job.ledger)
    return statistics_of(model, reference, given, asked)


def _lowered(source: SourceModel, job: Job) -> Model:
    return lower(
        source,
        signatures=job.signatures,
        shapes=job.shapes,
        unroll=job.unroll,
        custom_ops=job.custom_ops,
        own=job.lowerings,
    )


def _equalized(job: Job, model: Model, reference: bytes, given: Given) -> tuple[Equalized, ...]:
    """Channels that were equalized in place, as the plan says or where it gains; there must be samples to tell."""
    if not job.plan.equalized if job.plan else given.are_none:
        return ()
    from octavo.equalizing import equalized, replayed  # to import what float needs not would be most of its time

    if job.plan:
        return replayed(model, job.plan.equalized)
    return equalized(model, job.recipe, reference, given)


def _written(job: Job, model: Model, plan: Plan, reference: bytes) -> tuple[Model, bytes]:
    """The model as the plan wants it, and its bytes; the float model and its own where the plan changes nothing."""
    if job.plan is None and plan.is_float:
        return model, reference
    from octavo.quantize.apply import apply

    quantized = apply(model, plan)
    return quantized, reference if plan.is_float else to_bytes(quantized)


def _optimize(model: Model, *, on_cpu: bool = True) -> tuple[Rewrites, ...]:
    """Rewrite every graph; branches and bodies that nothing runs leave the model; `on_cpu` as in `optimize`."""
    before = set(model.bodies)
    rewrites = {graph: optimize(graph, on_cpu=on_cpu) for graph in model.graphs}
    left = before - set(model.bodies)
    model.graphs = [graph for graph in model.graphs if graph not in left]
    return tuple(rewrites[graph] for graph in model.graphs)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Matrices are multiplied by one thread: these are small, and numpy's threads would wait for each other."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


@contextlib.contextmanager
def _no_collections() -> Iterator[None]:
    """No garbage is looked for meanwhile: a graph has many objects and all of them are in use (a tenth of the time)."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def look(
    model: Any, *, why: bool = False, inputs: Sequence[str] | None = None, outputs: Sequence[str] | None = None
) -> Inspection:
    """What is in a model: of a SavedModel after lowering and optimizing, of a `.tflite` as it stands.

    With `why`, what the optimizer did and nearly did is told for a `.tflite` too.

    Raises:
        OctavoError: the model cannot be read or lowered.
    """
    from octavo.report.inspection import NearMiss, Rewrite, inspect

    source = read(model, inputs=inputs, outputs=outputs)
    as_it_stands = isinstance(source, Model)
    loaded = source if isinstance(source, Model) else lower(source)
    optimized = read(model) if as_it_stands and why else loaded
    assert isinstance(optimized, Model)
    rewrites = () if as_it_stands and not why else _optimize(optimized)
    return inspect(
        loaded,
        size=_size(model),
        rewrites=[msgspec.convert(a, Rewrite, from_attributes=True) for made in rewrites for a in made.applied],
        missed=[msgspec.convert(m, NearMiss, from_attributes=True) for made in rewrites for m in made.missed],
    )


def off_target(model: Any, target: str) -> Departures:
    """The operations of any model that would leave a target; of a SavedModel, as it would be converted in float.

    Raises:
        OctavoError: there is no such target, or the model cannot be read or lowered.
    """
    wanted = target_of(target)
    source = read(model)
    loaded = source if isinstance(source, Model) else lower(source)
    if source is not loaded:
        _optimize(loaded)
    return Departures(leaving(loaded, wanted))


def content_of(model: Any) -> bytes:
    """The bytes of a `.tflite`, given as bytes or as a path.

    Raises:
        UsageError: there is no such file, or it is a directory.
        Unreadable: it is no `.tflite`.
    """
    path = None if isinstance(model, bytes) else Path(model)
    if path is not None and not path.exists():
        raise UsageError("there is no such file", where=str(path), hint=nearest_file(path))
    if path is not None and path.is_dir():
        hint = f"convert it first: octavo convert {path} -o {path.name or 'model'}.tflite"
        raise UsageError("a directory cannot be run: a .tflite is needed", where=str(path), hint=hint)
    content = bytes(model) if path is None else path.read_bytes()
    if content[4:8] != b"TFL3":
        hint = (
            "" if path is None else f"if it is a model, convert it first: octavo convert {path} -o {path.stem}.tflite"
        )
        raise Unreadable("this is no .tflite file", where="the bytes given" if path is None else str(path), hint=hint)
    return content


def _size(model: Any) -> int:
    """The bytes of a model, given or on disk; of one in memory, zero."""
    if not isinstance(model, str | Path):
        return len(model) if isinstance(model, bytes) else 0
    path = Path(model)
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def _check_is_float(model: Model, recipe: Recipe) -> None:
    """Make sure that there is something to quantize.

    Raises:
        Unsupported: the model holds quantized tensors already.
    """
    done = [value.name for graph in model.graphs for value in graph.values if value.quant is not None]
    if done and (recipe.precision != "float32" or recipe.rules):
        raise Unsupported(
            "the model is quantized already",
            where=f"{len(done)} tensors, such as {done[0]!r}",
            hint="convert the float model that it was made from",
        )


def _warnings(model: Model, plan: Plan, statistics: Sequence[Statistics]) -> list[str]:
    warnings = []
    if custom := strangers(model):
        warnings.append(f"not tried out: LiteRT runs {', '.join(custom)} only with kernels of yours")
    if plan.left_float:
        kinds = sorted({op.op for op in plan.left_float if op.who == "kernel"})
        if kinds:
            warnings.append(
                f"left in float, because no integer kernel computes them: {', '.join(kinds)}; the plan "
                "has the reason of each"
            )
    faster = [op for graph in plan.graphs for op in graph.ops if op.who == "speed" and op.asked in ("int8", "int16x8")]
    if faster:
        kinds = sorted({op.op for op in faster})
        warnings.append(
            f"computed in float, because that is faster: {len(faster)} × {', '.join(kinds)} ({faster[0].why}); a rule "
            f"such as op={kinds[0]}, precision={faster[0].asked}, or strict, keeps them in integers"
        )
    unknown = [op for op in plan.left_float if op.who == "calibration"]
    if unknown:
        warnings.append(
            f"left in float: {len(unknown)} operation(s), such as {unknown[0].op} at {unknown[0].layer}, because "
            f"{unknown[0].why}; pass samples"
        )
    left = [op for graph in plan.graphs for op in graph.ops if op.off_target]
    if left:
        kinds = sorted({op.op for op in left})
        warnings.append(
            f"{len(left)} operation(s) run on the CPU, not on {plan.recipe.target}: {', '.join(kinds)}; the plan has "
            "the reason of each"
        )
    if slower := slowed(model, plan):
        warnings.append(slower)
    slow = [op for graph in plan.graphs for op in graph.ops if op.slow and op.precision != "int8"]
    if slow:
        kinds = sorted({op.op for op in slow})
        warnings.append(
            f"slower than float: {len(slow)} × {', '.join(kinds)} in {slow[0].precision} ({slow[0].slow}); "
            f"a rule such as op={kinds[0]}, precision=float32 avoids it"
        )
    counts = [range.samples for seen in statistics for range in seen.ranges.values()]
    if counts and max(counts) < FEW:
        warnings.append(f"calibrated on {max(counts)} sample(s); a hundred show the ranges of activations better")
    return warnings
