"""A conversion, measured and written down: the record that the report shows."""

from __future__ import annotations

import hashlib
import itertools
import platform
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from octavo.benchmarking import timing_of
from octavo.debugging import debug
from octavo.errors import SamplesError
from octavo.ir.graph import Model
from octavo.judge.certainty import Difference
from octavo.judge.diagnosis import LayerDiagnosis
from octavo.judge.evaluate import Metrics, evaluate
from octavo.judge.fidelity import OutputFidelity
from octavo.judge.latency import race
from octavo.judge.real import RealRuntime
from octavo.judge.score import Judgement, Score
from octavo.machine import cores, processor, taking_part, versions
from octavo.pipeline import Conversion
from octavo.read.open import read
from octavo.report.inspection import NearMiss, Rewrite, inspect
from octavo.report.layers import grouped_misses, grouped_rewrites, layers_of, with_errors
from octavo.report.ranges import histograms, weight_ranges
from octavo.report.record import (
    Cause,
    Caution,
    Estimate,
    File,
    LayerError,
    Measured,
    OutputError,
    Provenance,
    Run,
    Scored,
)
from octavo.samples import Samples, SamplesLike, read_samples
from octavo.version import __version__

Progress = Callable[[str, int, int | None], None]
COMPARED = 64
"""Outputs are compared on this many samples; labelled ones are scored on all."""
ROUNDS = 40
"""Calls of each model that are timed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a conversion is measured on, and how.

    `samples` need no labels; `held_out` has labels and decides about accuracy. Both may be None.
    """

    samples: SamplesLike | None = None
    held_out: SamplesLike | None = None
    metric: Metrics | None = None
    output: str | None = None
    threads: int = 1


def record(
    conversion: Conversion,
    evidence: Evidence | None = None,
    *,
    source: Any = "",
    command: str = "",
    progress: Progress | None = None,
) -> Run:
    """Everything known of a conversion, with what measuring it on the evidence gives.

    Args:
        conversion: what `octavo.convert` returned.
        evidence: the samples to measure on; without any, errors are not measured.
        source: the model that was converted, for its name and hash.
        command: how to get the same result again.
        progress: called with `(what, done, total)` meanwhile.

    Raises:
        OctavoError: see `octavo.errors`; the samples do not fit, mostly.
    """
    reference, candidate = (_parsed(content) for content in (conversion.reference, conversion.content))
    evidence = evidence or Evidence()
    measured = _measure(conversion, evidence, progress)
    errors = _errors(conversion, evidence, progress)
    applied = (msgspec.convert(a, Rewrite, from_attributes=True) for made in conversion.rewrites for a in made.applied)
    missed = (msgspec.convert(m, NearMiss, from_attributes=True) for made in conversion.rewrites for m in made.missed)
    layers = layers_of(conversion.plan, reference, candidate, origins=conversion.origins)
    return Run(
        name=_readable(_name(source)),
        provenance=_provenance(source, command, (evidence.samples, evidence.held_out)),
        files=(_file(conversion.reference, reference), _file(conversion.content, candidate)),
        layers=with_errors(layers, errors),
        plan=conversion.plan,
        measured=measured,
        histograms=histograms(conversion.plan, reference, conversion.statistics),
        weights=weight_ranges(conversion.plan, reference),
        rewrites=grouped_rewrites(applied),
        misses=grouped_misses(missed),
        cautions=tuple(map(_caution, conversion.warnings)),
    )


def _parsed(content: bytes) -> Model:
    model = read(content)
    assert isinstance(model, Model)
    return model


def _measure(conversion: Conversion, evidence: Evidence, progress: Progress | None) -> Measured:
    """What the evidence shows of the models as wholes."""
    given = evidence.held_out if evidence.held_out is not None else evidence.samples
    if given is None:
        return Measured(samples=0)
    runtimes = [RealRuntime(model, threads=evidence.threads) for model in (conversion.reference, conversion.content)]
    samples = read_samples(given, runtimes[0].inputs)
    labelled = evidence.held_out is not None
    judged = evaluate(
        runtimes[1],
        samples if labelled else _few(samples),
        reference=runtimes[0],
        metrics=evidence.metric if labelled else (),
        output=evidence.output,
        progress=progress,
    )
    if labelled and not judged.judgements:
        hint = (
            "store them beside the inputs, as the array `labels` of the .npz; or pass them as samples, without labels"
        )
        raise SamplesError("the held-out samples hold no labels to score the models on", hint=hint)
    seconds = race(runtimes, next(iter(samples)), rounds=ROUNDS)
    timing = [timing_of(times, evidence.threads) for times in seconds]
    return Measured(
        samples=judged.samples,
        outputs=tuple(map(_output, judged.outputs)),
        timing=(timing[0], timing[1]),
        scores=tuple(scored for each in judged.judgements for scored in _scored(each)),
    )


def _errors(conversion: Conversion, evidence: Evidence, progress: Progress | None) -> dict[str, LayerError]:
    """The error of each result of an operation, by its name; none where both models are the same."""
    given = evidence.held_out if evidence.held_out is not None else evidence.samples
    if given is None or conversion.content == conversion.reference:
        return {}
    models = (conversion.reference, conversion.content)
    found = debug(*models, given, plan=conversion.plan, progress=progress)
    return {each.tensor: _layer_error(each) for each in found.layers}


def _layer_error(found: LayerDiagnosis) -> LayerError:
    return LayerError(
        sqnr=found.whole.sqnr,
        own=None if found.own is None else found.own.sqnr,
        cosine=found.whole.cosine,
        max_error=found.whole.max_error,
        causes=tuple(Cause(kind=cause.kind, what=cause.what, cure=cause.cure) for cause in found.causes),
    )


def _few(samples: Samples) -> Samples:
    """The first samples."""
    count = None if samples.count is None else min(COMPARED, samples.count)
    return replace(samples, items=lambda: itertools.islice(samples.items(), COMPARED), count=count, labels=None)


def _output(found: OutputFidelity) -> OutputError:
    sqnr = _finite(found.sqnr)
    return OutputError(name=found.name, sqnr=sqnr, agreement=found.agreement, relative_error=found.relative_error)


def _scored(judged: Judgement) -> Iterable[Scored]:
    before, after, change = judged.reference, judged.score, judged.difference
    if before is not None and change is not None:
        yield Scored(
            metric=after.metric,
            samples=after.samples,
            before=_estimate(before),
            after=_estimate(after),
            change=_estimate(change),
            p=change.p,
            unit=after.unit,
            higher_is_better=after.higher_is_better,
            better=change.better,
            worse=change.worse,
        )


def _estimate(found: Score | Difference) -> Estimate:
    return Estimate(value=found.value, low=found.low, high=found.high)


def _finite(decibels: float) -> float | None:
    """None for an infinity: nothing differs. A signal of nothing but zeros is as far as can be told."""
    return None if decibels == float("inf") else max(decibels, -200.0)


def _caution(warning: str) -> Caution:
    """A warning of the pipeline: what is the matter, a semicolon, and what to do."""
    text, _, cure = warning.partition("; ")
    return Caution(text=text, cure=cure)


def _file(content: bytes, model: Model) -> File:
    constants = inspect(model, size=0).totals.constant_bytes
    return File(size=len(content), sha256=hashlib.sha256(content).hexdigest(), constants=constants)


def _name(source: Any) -> str:
    if isinstance(source, str | Path) and str(source):
        path = Path(source)
        return path.resolve().parent.name if path.name == "saved_model" else path.stem or str(path)
    return str(getattr(source, "name", "")) or "model"


def _provenance(source: Any, command: str, data: Iterable[Any]) -> Provenance:
    path = Path(source) if isinstance(source, str | Path) and str(source) else None
    return Provenance(
        source=_readable(str(path)) if path else _in_memory(source),
        sha256=_hash(path) if path and path.exists() else "",
        command=_readable(command),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={"octavo": __version__, "python": platform.python_version(), **versions(taking_part())},
        machine=processor(),
        system=f"{platform.system()} {platform.machine()}",
        cores=cores(),
        data={_readable(str(place)): _hash(place) for place in map(_place, data) if place is not None},
    )


def _readable(name: str) -> str:
    """The name of a file as text: what a locale such as C could not decode is UTF-8, mostly."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _in_memory(source: Any) -> str:
    return "not told" if isinstance(source, str) else f"a {type(source).__name__} in memory"


def _place(data: Any) -> Path | None:
    """Where samples lie, if they lie in files."""
    place = getattr(data, "source", data)
    return Path(place) if isinstance(place, str | Path) and Path(place).exists() else None


def _hash(path: Path) -> str:
    """The SHA-256 of a file; of a directory, over the names and hashes of its files."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    total = hashlib.sha256()
    for file_path in sorted(each for each in path.rglob("*") if each.is_file()):
        total.update(f"{file_path.relative_to(path).as_posix()}\0{_hash(file_path)}\n".encode())
    return total.hexdigest()
