"""Which layers cost how much of the end-to-end error: found with few trials, each of which quantizes some layers only.

The errors that layers add reach the outputs nearly independently of each other, so their powers add up: layers can be
tried together, and only a group that costs much is divided further.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Sequence

import msgspec

from octavo.judge.metrics import decibels
from octavo.showing import MOST, Shown, Table, decibels_of, facts

Trial = Callable[[Collection[str]], float]
"""The noise at the outputs, over the signal, when only these layers are quantized."""
BUDGET = 100
"""Trials of layers or groups, unless told otherwise: a model of no more layers has each of them tried."""
SHARE = 0.02
"""A group that adds less than this part of all noise is not divided."""
WORST = 5
"""The layers that are left in float, one after the other, to see what that gains."""
EXACT = 200.0
"""Decibels from which on outputs are the same."""
WORTH = 1.0
"""Decibels below which nothing is gained."""


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """Layers tried together: the SQNR of the outputs in decibels when only they are quantized.

    `share` is their part of the noise that all suspects add by themselves.
    """

    layers: tuple[str, ...]
    sqnr: float
    share: float


class Relief(msgspec.Struct, frozen=True, kw_only=True):
    """The SQNR of the outputs in decibels when all but these layers are quantized."""

    layers: tuple[str, ...]
    sqnr: float


class Blame(Shown, msgspec.Struct, frozen=True, kw_only=True):
    """Who costs what, on `samples` samples.

    `sqnr` is that of the outputs with everything quantized. `suspects` begin with the worst, `reliefs` leave one more
    of them in float each time. `trials` counts the models that were made and run.
    """

    samples: int
    sqnr: float
    suspects: tuple[Suspect, ...]
    reliefs: tuple[Relief, ...]
    trials: int

    @property
    def cure(self) -> tuple[str, ...]:
        """The fewest of the worst layers that gain half of the most decibels that any number of them gains.

        None, where nothing is gained. The worst alone may gain nothing: its error can be that of what it reads, which
        others make as integers.
        """
        gains = [min(relief.sqnr, EXACT) - min(self.sqnr, EXACT) for relief in self.reliefs]
        most = max(gains, default=0.0)
        enough = next((n for n, gain in enumerate(gains) if gain >= most / 2), 0)
        return self.reliefs[enough].layers if most >= WORTH else ()

    def tables(self, *, most: int = MOST) -> tuple[Table, ...]:
        """The `most` worst suspects, then what leaving them in float gains."""
        alone = [(f"{each.share:.1%}", decibels_of(each.sqnr), named(each.layers)) for each in self.suspects[:most]]
        left = [(str(len(each.layers)), decibels_of(each.sqnr), each.layers[-1]) for each in self.reliefs]
        first = [("", decibels_of(self.sqnr), "none")] if left else []
        rules = " ".join(f"--rule layer={layer},precision=int16x8" for layer in self.cure)
        return (
            Table("Quantized alone", (">of the error", ">SQNR of the outputs", "layer"), alone),
            Table("Left in float, one more each time", (">layers", ">SQNR of the outputs", "the last of them"),
                  [*first, *left]),
            facts(("cure", f"{rules} (or float32)" if rules else "none of these layers alone: see octavo debug"),
                  ("trials", f"{self.trials} on {self.samples} sample(s)")),
        )  # fmt: skip

    def __str__(self) -> str:
        """One line for each suspect, then one for each relief."""
        lines = [f"all quantized: {self.sqnr:.1f} dB"]
        lines += [f"{each.share:6.1%}  {each.sqnr:5.1f} dB alone  {named(each.layers)}" for each in self.suspects]
        lines += [f"{each.sqnr:.1f} dB with {len(each.layers)} in float: {each.layers[-1]}" for each in self.reliefs]
        return "\n".join(lines)


def named(layers: Sequence[str]) -> str:
    """The layer, or the first and the last of several and how many there are."""
    return layers[0] if len(layers) == 1 else f"{layers[0]} … {layers[-1]} ({len(layers)} layers)"


def find_blame(layers: Sequence[str], trial: Trial, *, samples: int, budget: int = BUDGET, worst: int = WORST) -> Blame:
    """The layers, in the order of work, by what they cost, after about `budget` trials and a few more for the reliefs.

    The `worst` suspects that are single layers are left in float, one more each time.
    """
    whole = trial(layers)
    found, trials = _divided(tuple(layers), trial, whole, budget)
    found.sort(key=lambda pair: -pair[1])
    total = sum(noise for _, noise in found) or 1.0
    guilty = [group[0] for group, noise in found if len(group) == 1 and noise >= SHARE * total][:worst]
    reliefs = []
    for count in range(1, len(guilty) + 1):
        left = guilty[:count]
        noise = trial([layer for layer in layers if layer not in left])
        reliefs.append(Relief(layers=tuple(left), sqnr=decibels(1.0, noise)))
    return Blame(
        samples=samples,
        sqnr=decibels(1.0, whole),
        suspects=tuple(Suspect(layers=g, sqnr=decibels(1.0, n), share=n / total) for g, n in found),
        reliefs=tuple(reliefs),
        trials=1 + trials + len(reliefs),
    )


def _divided(
    layers: tuple[str, ...], trial: Trial, whole: float, budget: int
) -> tuple[list[tuple[tuple[str, ...], float]], int]:
    """Groups with their noise, and the trials that it took: the noisiest is halved until only small ones are left."""
    if len(layers) <= budget:
        return [((layer,), trial([layer])) for layer in layers], len(layers)
    done: list[tuple[tuple[str, ...], float]] = []
    waiting = [(-whole, 0, layers)]
    trials = 0
    while waiting:
        noise, start, group = heapq.heappop(waiting)
        rest = -noise + sum(n for _, n in done) - sum(n for n, _, _ in waiting)
        if len(group) == 1 or trials + 2 > budget or (group != layers and -noise < SHARE * rest):
            done.append((group, -noise))
            continue
        middle = len(group) // 2
        for offset, half in ((0, group[:middle]), (middle, group[middle:])):
            heapq.heappush(waiting, (-trial(half), start + offset, half))
        trials += 2
    return done, trials
