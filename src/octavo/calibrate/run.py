"""Samples → statistics, in one pass over the samples through the float model."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Protocol

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from octavo.calibrate.glimpse import Glimpse, Seen
from octavo.calibrate.inputs import Runner, fit_inputs
from octavo.calibrate.memory import Memory
from octavo.errors import InternalError, NotFiniteError
from octavo.ir.source import Array
from octavo.samples import Sample, Spaced, room
from octavo.statistics import Products, Statistics, overflowing

Progress = Callable[[str, int, int | None], None]
"""`(what, done, total)`: called after each step; `total` is None where it is not known beforehand."""
Unfold = Callable[[Array], Array | None]
"""What some of a layer's outputs are weighted sums of, in a tensor: float32[groups, rows, taken]."""
WATCHED = 16
"""The histograms look at all of the first twice so many samples, then at ever fewer: every second, fourth, eighth."""
MULTIPLIED = 4
"""So do products, which cost more, with this number."""
FEWEST, MOST, ROOM = 16, 64, 1 << 24
"""So many samples are kept until the end, on which ranges of inputs are tried: at least and at most, and as many as go
into these bytes. With 16 of a hundred the range of a spectrum is off by 2 dB now and then, with 64 by one."""
FULL = 4
"""Where a sample is one row of a layer's inputs, each counts until there are so many times as many as inputs."""


class Watcher(Runner, Protocol):
    """The part of a runtime that calibration needs."""

    def calibrate(self, inputs: Sample) -> dict[str, tuple[float, float]]:
        """The least and greatest number of each tensor in one run."""
        ...

    def numbers(self, names: Iterable[str]) -> Iterable[tuple[str, Array]]:
        """What the tensors held in it."""
        ...


class Resumable(Watcher, Protocol):
    """One that may be told of samples that it need not run."""

    def passed(self, inputs: Sample) -> None:
        """Note a sample of which everything is known already."""
        ...


class Wanted(Struct, frozen=True, kw_only=True):
    """What is to be learnt.

    `ranges` are the values whose range over all samples is wanted, `spreads` those of which also how they are spread
    over some of them. `inputs` maps inputs of the model to their values, for which smaller ranges are tried;
    `probabilities` are those outputs that add up to one.
    `optional` are of `ranges` those that not every sample need reach: they stand in branches and bodies of loops.
    `layers` maps layers to the name of their input and what to look at in it; their products are learnt.
    """

    ranges: Collection[str]
    spreads: Collection[str] = ()
    optional: Collection[str] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    probabilities: Collection[str] = ()
    layers: Mapping[str, tuple[str, Unfold]] = field(default_factory=dict)


def calibrate(
    runtime: Resumable,
    samples: Iterable[Sample],
    wanted: Wanted,
    *,
    progress: Progress | None = None,
    count: int | None = None,
    memory: Memory | None = None,
) -> Statistics:
    """What is `wanted` of the samples, which are iterated once; a few of them are kept until the end.

    Samples that the `memory` knows are passed by, once it has made sure that they are the same; it is brought up to
    date with each other one. The result is that of a run which was never interrupted.

    Raises:
        SamplesError: there is no sample, or the model computes NaN or an infinity from one.
        InternalError: the runtime did not report one of the values.
    """
    memory = memory or Memory(is_kept=False)
    look = _Look(runtime, wanted)
    kept = Spaced(FEWEST)
    for number, sample in enumerate(samples):
        if number == 0:
            kept.most = room(sample, fewest=FEWEST, most=MOST, size=ROOM) // 2 * 2
        kept.offer(sample)
        if memory.knows(number, sample):
            runtime.passed(sample)
        else:
            seen = _whole(runtime, runtime.calibrate(sample), wanted)
            names = [name for name in wanted.ranges if name in seen or name not in wanted.optional]
            memory.learn(sample, Glimpse(_ends(seen, names, number), *look(number)))
        if progress is not None:
            progress("calibrating", number + 1, count)
    learnt = memory.statistics
    inputs = {name: learnt.ranges[value] for name, value in wanted.inputs.items()}
    fitted = fit_inputs(runtime, kept.kept, inputs, wanted.probabilities) if inputs else {}
    return replace(learnt, fitted={wanted.inputs[name]: range for name, range in fitted.items()})


class _Look:
    """What is learnt from the numbers themselves, of some of the samples."""

    def __init__(self, runtime: Watcher, wanted: Wanted) -> None:
        self._runtime = runtime
        self._wanted = wanted
        self._readers: dict[str, list[tuple[str, Unfold]]] = {}
        self._vectors: set[str] | None = None  # of the first sample that is run
        for layer, (name, unfold) in wanted.layers.items():
            self._readers.setdefault(name, []).append((layer, unfold))

    def __call__(self, number: int) -> tuple[dict[str, Seen], dict[str, Products]]:
        """What is seen of tensors and layers in the sample that was run last, if its turn has come."""
        spreads: dict[str, Seen] = {}
        products: dict[str, Products] = {}
        if self._wanted.spreads and _is_looked_at(number, WATCHED):
            with overflowing():
                spreads = {name: Seen.of(array) for name, array in self._runtime.numbers(self._wanted.spreads)}
        turn = _is_looked_at(number, MULTIPLIED)
        whole = turn or self._vectors is None
        vectors = self._vectors or set[str]()
        for name, array in self._runtime.numbers(self._readers if whole else sorted(vectors)):
            if array.ndim > 1 and array.size == array.shape[-1]:
                vectors.add(name)
            if turn or (name in vectors and number < FULL * array.size):
                for layer, unfold in self._readers[name]:
                    if (rows := unfold(array)) is not None:
                        products[layer] = Products.of(rows)
        self._vectors = vectors
        return spreads, products


def _whole(runtime: Watcher, seen: Mapping[str, tuple[float, float]], wanted: Wanted) -> dict[str, tuple[float, float]]:
    """What was seen, and what the profiler does not see: LiteRT computes what follows from shapes before it runs."""
    unseen = [name for name in wanted.ranges if name not in seen and name not in wanted.optional]
    early = {name: array for name, array in runtime.numbers(unseen) if array.size} if unseen else {}
    return {**seen, **{name: (float(array.min()), float(array.max())) for name, array in early.items()}}


def _ends(
    seen: Mapping[str, tuple[float, float]], names: Collection[str], number: int
) -> dict[str, tuple[float, float]]:
    missing = [name for name in names if name not in seen]
    if missing:
        raise InternalError(f"the runtime reported no range for {len(missing)} tensors, such as {missing[0]!r}")
    ends = {name: seen[name] for name in names}
    if not np.isfinite(list(ends.values())).all():
        name, (low, high) = next((n, both) for n, both in ends.items() if not all(map(math.isfinite, both)))
        raise NotFiniteError(
            f"the float model computes {high if math.isfinite(low) else low} in {name!r}",
            where=f"sample {number}",
            hint="check the scale of this sample against what the model was trained on",
        )
    return ends


def _is_looked_at(number: int, first: int) -> bool:
    """Whether this sample is looked at: all of the first `2 · first`; the spacing doubles each time as many passed."""
    return number % (1 << (number // (2 * first)).bit_length()) == 0
