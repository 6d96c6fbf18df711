"""Which families are equalized, and by which factors.

Where some channels of a tensor are much smaller than others, one scale for all leaves them few steps. Positive factors
that one operation divides by and the next multiplies by change nothing in float (Nagel et al., Data-Free Quantization
Through Weight Equalization and Bias Correction, 2019, section 4.1; through a normalization's gains: Xiao et al.,
SmoothQuant, 2023). Here they are chosen by what few samples show of each channel, powers of two, so that the float
model stays the same to the last bit; and put only where the noise that integers add is predicted to fall.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from octavo.equalize.family import Family, families, put
from octavo.equalize.noise import Prospect, importance, prospect
from octavo.errors import Invalid
from octavo.ir.graph import Graph, Node
from octavo.ir.source import Array
from octavo.plan import Equalized
from octavo.samples import Sample
from octavo.statistics import PerChannel

ENOUGH = 1e-4
"""Noise over signal, in power, below which nothing is worth a change: −40 dB."""
WORTH = 6.0
"""What a change must gain, in decibels: predictions of little came true on no network that was measured."""
WORTH_AN_OPERATION = 10.0
"""What it must gain where it needs operations more."""
SHARES = (1.0, 0.75, 0.5, 0.25)
"""How much of the channels' inequality is taken out of the values; the rest is left for the weights."""


class Watcher(Protocol):
    """The part of a runtime that is needed here."""

    def calibrate(self, inputs: Sample) -> Mapping[str, tuple[float, float]]:
        """Run once."""
        ...

    def numbers(self, names: Iterable[str]) -> Iterable[tuple[str, Array]]:
        """What the tensors held."""
        ...


def equalize(
    graph: Graph, runtime: Watcher, samples: Iterable[Sample], integers: Collection[Node]
) -> tuple[Equalized, ...]:
    """Equalize the channels of a graph in place wherever that gains; what was done.

    `samples` are a few. Only values that `integers` compute with are thought of.
    """
    found = [family for family in families(graph) if _concerns(family, integers)]
    if not found:
        return ()
    seen = _look(graph, runtime, samples)
    counts = importance(graph, seen)
    prospects = [known for family in found if (known := prospect(family, counts, seen))]
    chosen = [(known.family, done) for known in prospects if (done := _chosen(graph, known))]
    for family, done in chosen:
        put(graph, family, np.array(done.factors))
    return tuple(done for _, done in chosen)


def replay(graph: Graph, rows: Sequence[Equalized]) -> None:
    """Equalize a graph in place as a plan says.

    Raises:
        Invalid: the graph has no values whose channels take such factors.
    """
    by_name = {value.name: family for family in families(graph) for value in family.values}
    for row in rows:
        family = by_name.get(row.values[0])
        if family is None or len(row.factors) != family.length:
            raise Invalid(f"the plan equalizes {row.values[0]!r}, which the model has not", hint="make a new plan")
        put(graph, family, np.array(row.factors))


def _concerns(family: Family, integers: Collection[Node]) -> bool:
    return all(node in integers for node, _ in (*family.makers, *family.readers))


def _look(graph: Graph, runtime: Watcher, samples: Iterable[Sample]) -> dict[str, PerChannel]:
    """What the samples show of each value whose channels are known, and finite in all of them."""
    values = [v for v in graph.values if v.const is None and v.rank and v.dtype == np.float32]
    names = [v.name for v in values if isinstance(v.shape[-1], int)]
    seen: dict[str, PerChannel] = {}
    for sample in samples:
        runtime.calibrate(sample)
        for name, array in runtime.numbers(names):
            if array.ndim and array.size:
                fresh = PerChannel.of(array)
                seen[name] = seen[name].merge(fresh) if name in seen else fresh
    return {name: own for name, own in seen.items() if np.isfinite(own.squares).all()}


def _chosen(graph: Graph, known: Prospect) -> Equalized | None:
    """The factors with which the family has the least noise, if that gains enough."""
    before = known.noise(np.ones(known.family.length))
    if before < ENOUGH:
        return None
    candidates = [_factors(known.reach, known.pull, share) for share in SHARES]
    after, factors = min(((known.noise(tried), tried) for tried in candidates), key=lambda pair: pair[0])
    gain = 10 * math.log10(before / max(after, before * 1e-12))
    if gain < (WORTH_AN_OPERATION if known.family.bounded else WORTH):
        return None
    return Equalized(
        graph=graph.name,
        values=tuple(value.name for value in known.family.values),
        factors=tuple(factors.tolist()),
        gain=gain,
        why=f"channels differ {_inequality(known.reach):.0f}-fold: {gain:.1f} dB less noise is predicted",
    )


def _factors(reach: Array, pull: Array, share: float) -> Array:
    """Powers of two, 1 for the largest channel: what is divided by, so that channels are more alike."""
    wanted = np.where(reach > 0, reach, reach.max(initial=1e-30)) ** share / np.where(pull > 0, pull, 1) ** (1 - share)
    steps = np.rint(np.log2(wanted))
    return np.asarray(np.exp2(np.maximum(steps - steps[reach.argmax()], -14)))


def _inequality(reach: Array) -> float:
    alive = reach[reach > 0]
    return float(alive.max() / max(float(np.sort(alive)[len(alive) // 20]), 1e-30)) if len(alive) else 1.0
