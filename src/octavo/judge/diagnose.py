"""Layer by layer on real samples: what each operation adds to the error, how much has come before it, and why."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from octavo.ir.graph import Value
from octavo.ir.grid import LIMITS
from octavo.ir.source import Array
from octavo.judge.causes import Evidence, causes_of
from octavo.judge.diagnosis import Diagnosis, Fidelity, LayerDiagnosis, StoredGrid
from octavo.judge.real import RealRuntime
from octavo.judge.twin import Pair
from octavo.samples import Sample, Samples
from octavo.statistics import Spread

Progress = Callable[[str, int, int | None], None]
FEW = 16
"""Layers are diagnosed on this many samples, unless told otherwise: every tensor must be kept, which is slow."""
MOST = 200.0
"""Decibels beyond which an SQNR says nothing more."""


@dataclass(frozen=True, slots=True)
class Subjects:
    """The models to run: the float one, if there is one, and the candidate with float twins (`octavo.judge.twin`).

    `labels` gives the source layer and the precision of a tensor of the float model, by its name. What the grids of
    those named in `cut` clip does no harm.
    """

    reference: bytes | None
    twinned: bytes
    pairs: Sequence[Pair]
    labels: Mapping[str, tuple[str, str]]
    cut: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """One tensor in one run: of the float model, of the candidate (real and as stored), and of its float twin."""

    pair: Pair
    reference: Array
    candidate: Array
    stored: Array
    twin: Array | None


def diagnose(
    subjects: Subjects, samples: Samples, *, most: int | None = FEW, progress: Progress | None = None
) -> Diagnosis:
    """Each layer's error over the first `most` samples (None for all), with its causes.

    Raises:
        SamplesError: there is no sample, or one does not fit.
    """
    tallies = {pair: _Tally() for pair in subjects.pairs}
    count = 0
    for observations in observe(subjects, itertools.islice(samples, most)):
        count += 1
        for seen in observations:
            tallies[seen.pair].add(seen)
        if progress is not None:
            progress("diagnosing", count, samples.count if most is None else min(most, samples.count or most))
    evidence = {pair.reference: tally.evidence(pair) for pair, tally in tallies.items() if tally.whole.count}
    evidence |= {value: e.without_clipping() for value, e in evidence.items() if value.name in subjects.cut}
    layers = (_diagnosis(pair, tallies[pair], evidence, subjects.labels) for pair in subjects.pairs
              if tallies[pair].whole.count)  # fmt: skip
    return Diagnosis(samples=count, layers=tuple(layers))


def observe(subjects: Subjects, samples: Iterable[Sample]) -> Iterator[Iterator[Observation]]:
    """For each sample, what every tensor holds that both models have; of the candidate alone, what has a twin."""
    second = RealRuntime(subjects.twinned, keep_all=True)
    first = RealRuntime(subjects.reference, keep_all=True) if subjects.reference is not None else second
    names = dict(zip((port.name for port in first.inputs), (port.name for port in second.inputs), strict=True))
    for sample in samples:
        second.run({names[name]: array for name, array in sample.items()})
        if first is not second:
            first.run(sample)
        yield _observed(
            subjects.pairs, {**sample, **first.tensors()}, second.tensors(), second.tensors(dequantized=False)
        )


def _observed(
    pairs: Sequence[Pair], ours: Mapping[str, Array], theirs: Mapping[str, Array], stored: Mapping[str, Array]
) -> Iterator[Observation]:
    for pair in pairs:
        reference, candidate = ours.get(pair.reference.name), theirs.get(pair.candidate.name)
        if reference is not None and candidate is not None and reference.shape == candidate.shape and reference.size:
            twin = theirs.get(pair.twin) if pair.twin else reference if pair.node is None else None
            yield Observation(pair, reference, candidate, stored[pair.candidate.name], twin)


@dataclass(slots=True)
class _Sums:
    """Sums over all numbers of a tensor, from which its fidelity follows."""

    count: int = 0
    signal: float = 0.0
    other: float = 0.0
    product: float = 0.0
    error: float = 0.0
    noise: float = 0.0
    largest: float = 0.0

    def add(self, exact: Array, near: Array) -> None:
        """Take in one run. What is not finite in float (masks) is left out."""
        exact, near = exact.astype(np.float64).reshape(-1), near.astype(np.float64).reshape(-1)
        if not (finite := np.isfinite(exact) & np.isfinite(near)).all():
            exact, near = exact[finite], near[finite]
        difference = near - exact
        self.count += exact.size
        self.signal += float(exact @ exact)
        self.other += float(near @ near)
        self.product += float(exact @ near)
        self.error += float(difference.sum())
        self.noise += float(difference @ difference)
        self.largest = max(self.largest, float(np.abs(difference).max(initial=0.0)))

    def fidelity(self) -> Fidelity:
        """The sums as a record."""
        count, lengths = max(self.count, 1), float(np.sqrt(self.signal * self.other))
        return Fidelity(
            sqnr=sqnr_of(self.signal, self.noise),
            cosine=self.product / lengths if lengths > 0 else float(self.noise == 0),
            max_error=self.largest,
            mean_error=self.error / count,
            rms_error=float(np.sqrt(self.noise / count)),
        )


def sqnr_of(signal: float, noise: float) -> float | None:
    """Decibels within ±200; None where there is no noise."""
    if noise == 0:
        return None
    return float(np.clip(10 * np.log10(signal / noise), -MOST, MOST)) if signal > 0 else -MOST


@dataclass(slots=True)
class _Tally:
    """All that is gathered of one tensor."""

    whole: _Sums = field(default_factory=_Sums)
    own: _Sums = field(default_factory=_Sums)
    low: float = np.inf
    high: float = -np.inf
    outside: int = 0
    clipped: float = 0.0
    spread: Spread | None = None

    def add(self, seen: Observation) -> None:
        """Take in one run."""
        self.whole.add(seen.reference, seen.candidate)
        self.low = min(self.low, float(seen.reference.min()))
        self.high = max(self.high, float(seen.reference.max()))
        exact = seen.reference if seen.twin is None else seen.twin
        if seen.twin is not None:
            self.own.add(seen.twin, seen.candidate)
        fresh = Spread.of(np.asarray(exact, np.float32))
        self.spread = fresh if self.spread is None else self.spread.merge(fresh)
        if (limits := _limits(seen.pair)) is not None:
            beyond = exact - np.clip(exact, *limits)
            beyond = np.where(np.isfinite(beyond), np.abs(beyond), 0.0)
            step = (limits[1] - limits[0]) / 255
            self.outside += int((beyond > step).sum())
            self.clipped += float(np.square(beyond, dtype=np.float64).sum())

    def evidence(self, pair: Pair) -> Evidence:
        """What the causes are found from."""
        assert self.spread is not None
        own = self.own if self.own.count else self.whole
        whole = self.whole.fidelity().sqnr
        return Evidence(
            pair=pair,
            own=sqnr_of(own.signal, own.noise) if pair.twin or pair.node is None else None,
            whole=whole,
            limits=_limits(pair),
            seen=(self.low, self.high),
            noise=own.noise / max(own.count, 1),
            clipped=self.clipped / max(own.count, 1),
            outside=self.outside / max(own.count, 1),
            counts=self.spread.counts,
        )


def _limits(pair: Pair) -> tuple[float, float] | None:
    """The least and greatest real number that the candidate's tensor can hold."""
    quant, dtype = pair.candidate.quant, pair.candidate.dtype.name
    if quant is None or quant.scale.size != 1 or dtype not in LIMITS:
        return None
    scale, zero_point = float(quant.scale[0]), int(quant.zero_point[0])
    low, high = LIMITS[dtype]
    return (low - zero_point) * scale, (high - zero_point) * scale


def _diagnosis(
    pair: Pair, tally: _Tally, evidence: Mapping[Value, Evidence], labels: Mapping[str, tuple[str, str]]
) -> LayerDiagnosis:
    name = pair.reference.name
    layer, precision = labels.get(name, ("", ""))
    limits, quant = _limits(pair), pair.candidate.quant
    grid = None
    if limits is not None and quant is not None:
        grid = StoredGrid(
            dtype=pair.candidate.dtype.name,
            scale=float(quant.scale[0]),
            zero_point=int(quant.zero_point[0]),
            low=limits[0],
            high=limits[1],
            saturated=tally.outside / max((tally.own if tally.own.count else tally.whole).count, 1),
        )
    return LayerDiagnosis(
        tensor=name,
        op=pair.node.op.code if pair.node is not None else "input",
        layer=layer,
        precision=precision,
        whole=tally.whole.fidelity(),
        own=tally.own.fidelity() if tally.own.count else None,
        low=_finite(tally.low),
        high=_finite(tally.high),
        grid=grid,
        causes=causes_of(evidence[pair.reference], evidence),
    )


def _finite(number: float) -> float:
    """The number, as JSON can hold it."""
    return float(np.clip(number, -np.finfo(np.float32).max, np.finfo(np.float32).max))
