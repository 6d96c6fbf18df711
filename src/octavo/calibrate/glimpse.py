"""What one sample taught, as it was seen, and statistics brought up to date with several at once.

To count the numbers of many tensors costs about as much for one sample as for several: bins are many, and numbers of
one sample few. The sums are those of one sample after the other, to the last bit, however samples are taken together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from octavo.ir.source import Array
from octavo.statistics import BINS, Products, Range, Spread, Statistics, bins_of, joined, sums_of


class Seen(Struct, frozen=True):
    """Some of a tensor's numbers by their bins, uint16, how much each of them weighs, and the sum over `rows` rows."""

    bins: Array
    weight: float
    sums: Array
    rows: int

    @classmethod
    def of(cls, array: Array) -> Seen:
        """Of a float32 tensor."""
        return cls(*bins_of(array), *sums_of(array))


class Glimpse(Struct, frozen=True):
    """What was seen of one sample: the least and greatest number of tensors, some numbers, products of layers' inputs.

    As in `Statistics`, by the names of tensors and layers.
    """

    ends: Mapping[str, tuple[float, float]]
    spreads: Mapping[str, Seen] = field(default_factory=dict)
    products: Mapping[str, Products] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The bytes that it takes, nearly."""
        arrays = [*(seen.bins for seen in self.spreads.values()), *(each.products for each in self.products.values())]
        return sum(array.nbytes for array in arrays)


def after(known: Statistics, glimpses: Sequence[Glimpse]) -> Statistics:
    """What is known after some more samples, in their order."""
    if not glimpses:
        return known
    return replace(
        known,
        ranges=_ranges(known.ranges, [each.ends for each in glimpses]),
        spreads=_spreads(known.spreads, [each.spreads for each in glimpses]),
        products=_products(known.products, [each.products for each in glimpses]),
    )


def _ranges(known: Mapping[str, Range], fresh: Sequence[Mapping[str, tuple[float, float]]]) -> Mapping[str, Range]:
    """As `Range.merge`, for all tensors at once."""
    names = list(dict.fromkeys(name for each in (known, *fresh) for name in each))
    ends = np.full((len(names), 2), (np.inf, -np.inf))
    means, counts = np.zeros((len(names), 2)), np.zeros((len(names), 1), np.int64)
    for row, name in enumerate(names):
        if (range := known.get(name)) is not None:
            ends[row], counts[row] = (range.low, range.high), range.samples
            means[row] = range.mean_low, range.mean_high
    for each in fresh:
        rows = np.array([name in each for name in names], np.bool)
        new = np.array([each[name] for name in names if name in each], np.float64).reshape(-1, 2)
        ends[rows, 0] = np.minimum(ends[rows, 0], new[:, 0])
        ends[rows, 1] = np.maximum(ends[rows, 1], new[:, 1])
        means[rows] = (means[rows] * counts[rows] + new) / (counts[rows] + 1)
        counts[rows] += 1
    told = zip(names, ends.tolist(), counts[:, 0].tolist(), means.tolist(), strict=True)
    return {name: Range(low, high, count, *mean) for name, (low, high), count, mean in told}


def _spreads(known: Mapping[str, Spread], fresh: Sequence[Mapping[str, Seen]]) -> Mapping[str, Spread]:
    gathered: dict[str, list[Seen]] = {}
    for each in fresh:
        for name, seen in each.items():
            gathered.setdefault(name, []).append(seen)
    found = dict(known)
    for name, parts in gathered.items():
        counts, evened = _counted(parts)
        fresh_sums = [part.sums for part in parts]
        rows = sum(part.rows for part in parts)
        if (before := known.get(name)) is not None:
            counts, evened = before.counts + counts, before.evened + evened
            rows, fresh_sums = before.rows + rows, [before.sums, *fresh_sums]
        found[name] = Spread(counts, evened, reduce(joined, fresh_sums), rows)
    return found


def _counted(parts: Sequence[Seen]) -> tuple[Array, Array]:
    """How many numbers are in each bin, and how much these weigh; what weighs the same is counted at once."""
    equal: dict[float, list[Array]] = {}
    for part in parts:
        equal.setdefault(part.weight, []).append(part.bins)
    found = [(weight, np.bincount(np.concatenate(bins), minlength=BINS)) for weight, bins in equal.items()]
    return reduce(np.add, [counts for _, counts in found]), reduce(
        np.add, [weight * counts for weight, counts in found]
    )


def _products(known: Mapping[str, Products], fresh: Sequence[Mapping[str, Products]]) -> Mapping[str, Products]:
    found = dict(known)
    for each in fresh:
        for layer, part in each.items():
            found[layer] = found[layer].merge(part) if layer in found else part
    return found
