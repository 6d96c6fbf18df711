"""Reference against candidate: outputs, layers, latency and size."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np

from octavo.errors import UsageError
from octavo.ir.source import Array
from octavo.judge.fidelity import Nearness, OutputFidelity
from octavo.judge.metrics import decibels
from octavo.judge.real import RealRuntime
from octavo.samples import Sample, Samples
from octavo.showing import MOST, Shown, Table, bytes_of, decibels_of, facts

Progress = Callable[[str, int, int | None], None]
LAYER_SAMPLES = 8
"""Layers are compared on this many samples: every tensor must be kept, which is slow."""


class LayerFidelity(msgspec.Struct, frozen=True, kw_only=True):
    """How near one inner tensor comes, in decibels of SQNR."""

    tensor: str
    sqnr: float


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Median milliseconds of one call, measured in turns in one process."""

    reference: float
    candidate: float
    threads: int

    @property
    def ratio(self) -> float:
        """Candidate over reference: below 1 is faster."""
        return self.candidate / self.reference


class Comparison(Shown, msgspec.Struct, frozen=True, kw_only=True):
    """Everything measured about a candidate beside its reference; sizes in bytes, layers in the order of work."""

    samples: int
    outputs: tuple[OutputFidelity, ...]
    layers: tuple[LayerFidelity, ...]
    latency: Latency
    reference_size: int
    candidate_size: int

    @property
    def worst_layer(self) -> LayerFidelity | None:
        """The layer with the lowest SQNR."""
        return min(self.layers, key=lambda layer: layer.sqnr, default=None)

    def tables(self, *, most: int = MOST) -> tuple[Table, ...]:
        """Outputs, the `most` layers that lost most, then size and latency."""
        columns = ("output", ">SQNR", ">same greatest entry", ">greatest relative difference")
        rows = [(o.name, decibels_of(o.sqnr), f"{o.agreement:.2%}", f"{o.relative_error:.2e}") for o in self.outputs]
        worst = sorted(self.layers, key=lambda layer: layer.sqnr)[:most]
        lost = [(each.tensor, decibels_of(each.sqnr)) for each in worst]
        ratio, time = self.candidate_size / self.reference_size, self.latency
        took = f"{time.candidate:.3g} ms for {time.reference:.3g} ms: ×{time.ratio:.2f}"
        return (
            Table("", columns, rows),
            Table("Layers that lost most", ("tensor", ">SQNR"), lost),
            facts(
                ("size", f"{bytes_of(self.candidate_size)} for {bytes_of(self.reference_size)}: {ratio:.1%}"),
                ("latency", f"{took} ({time.threads} thread(s), median)"),
                ("samples", str(self.samples)),
            ),
        )


def compare(  # noqa: PLR0913  # by keyword
    reference: bytes,
    candidate: bytes,
    samples: Samples,
    *,
    signature: str | None = None,
    threads: int = 1,
    repeats: int = 30,
    progress: Progress | None = None,
) -> Comparison:
    """Run both models on the same samples. Integers that stand for real numbers are compared as these.

    Raises:
        UsageError: the models have different inputs or outputs.
    """
    first, second = (RealRuntime(model, signature=signature, threads=threads) for model in (reference, candidate))
    outputs: dict[str, Nearness] = {}
    count = 0
    for count, sample in enumerate(samples, start=1):
        ours, theirs = first.run(sample), second.run(sample)
        if list(ours) != list(theirs):
            raise UsageError(f"the models have different outputs: {list(ours)} and {list(theirs)}")
        for name in ours:
            outputs.setdefault(name, Nearness(name)).add(ours[name], theirs[name])
        if progress is not None:
            progress("comparing", count, samples.count)
    probe = list(itertools.islice(samples, LAYER_SAMPLES))
    return Comparison(
        samples=count,
        outputs=tuple(output.fidelity() for output in outputs.values()),
        layers=compare_layers(reference, candidate, probe, signature=signature),
        latency=_latency(first, second, probe[0], threads, repeats),
        reference_size=len(reference),
        candidate_size=len(candidate),
    )


def compare_layers(
    reference: bytes, candidate: bytes, samples: list[Sample], *, signature: str | None = None
) -> tuple[LayerFidelity, ...]:
    """The SQNR of every inner tensor that both models have under one name (or `name/int8`, `name/int16`)."""
    first, second = (RealRuntime(model, signature=signature, keep_all=True) for model in (reference, candidate))
    signal: dict[str, float] = {}
    noise: dict[str, float] = {}
    for sample in samples:
        first.run(sample)
        second.run(sample)
        theirs = second.tensors()
        for name, ours in first.tensors().items():
            other = _twin(name, theirs)
            if other is None or ours.dtype.kind != "f" or ours.shape != other.shape:
                continue
            difference = ours.astype(np.float64) - other
            signal[name] = signal.get(name, 0.0) + float(np.square(ours, dtype=np.float64).sum())
            noise[name] = noise.get(name, 0.0) + float(np.square(difference).sum())
    return tuple(LayerFidelity(tensor=n, sqnr=decibels(signal[n], noise[n])) for n in signal if noise[n] > 0)


def _twin(name: str, tensors: Mapping[str, Any]) -> Array | None:
    for candidate in (f"{name}/int8", f"{name}/int16", name):
        if candidate in tensors:
            return np.asarray(tensors[candidate])
    return None


def _latency(first: RealRuntime, second: RealRuntime, sample: Sample, threads: int, repeats: int) -> Latency:
    """In turns, so that a machine whose speed drifts treats both alike."""
    rounds = [(first.benchmark(sample, repeats=1)[0], second.benchmark(sample, repeats=1)[0]) for _ in range(repeats)]
    reference, candidate = np.median(np.array(rounds), axis=0) * 1e3
    return Latency(reference=float(reference), candidate=float(candidate), threads=threads)
