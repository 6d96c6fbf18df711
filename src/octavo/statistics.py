"""What calibration learns of each tensor: values that merge, so that shards add up to the whole."""

from __future__ import annotations

import math
import sys
from base64 import b64decode
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache, reduce
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from octavo.ir.source import Array

BINS = 1 << 14
"""Bins of a histogram: sign, exponent and the first five bits of the mantissa of a float32."""
_SHIFT = 32 - 14
_HIGH = 1 if sys.byteorder == "little" else 0
TELLING = 1024
"""So many numbers of a tensor tell which of them are rare; among fewer, one that is large may be one of many."""
ROWS = 1024
"""Rows of one tensor whose mean is taken; the mean over some samples is then good to a hundredth of the spread."""


class Spread(Struct, frozen=True, eq=False):
    """How the numbers of a tensor are spread, from a part of the samples.

    `counts` is int64[BINS]: how many numbers fall into each bin of float32 bit patterns (at most 1/32 wide, relative
    to their magnitude). `sums` is float64[channels], the sum over all but the last dimension of `rows` rows; nothing
    where the length of the last dimension differs from sample to sample. `evened` is float64[BINS]: the counts over the
    mean square of their sample, so that a loud sample counts for no more than a quiet one.
    """

    counts: Array
    evened: Array
    sums: Array
    rows: int

    @classmethod
    def of(cls, array: Array, *, most: int = 1 << 12) -> Spread:
        """The spread of a float32 tensor, from every nth number (`most` or so) and every mth row (`ROWS` or so)."""
        with overflowing():
            bins, weight = bins_of(array, most=most)
            counts = np.bincount(bins, minlength=BINS)
            return cls(counts, counts * weight, *sums_of(array))

    def merge(self, other: Spread) -> Spread:
        """Both together. Associative and commutative."""
        return Spread(
            self.counts + other.counts,
            self.evened + other.evened,
            joined(self.sums, other.sums),
            self.rows + other.rows,
        )

    @property
    def leveled(self) -> Spread:
        """With `counts` evened, float64, and as many in all as before; as they are where these are few."""
        count, whole = self.counts.sum(), self.evened.sum()
        return self if whole == 0 or count < TELLING else replace(self, counts=self.evened * (count / whole))

    @property
    def mean(self) -> Array:
        """The mean of each channel, float64."""
        return self.sums / max(self.rows, 1)


def overflowing() -> np.errstate:
    """Within this, sums may be infinite: masks are as low as numbers go, and a mean of infinity corrects nothing."""
    return np.errstate(over="ignore")


def joined(sums: Array, others: Array) -> Array:
    """The sums of each channel, together; nothing where these are not the same channels."""
    return sums + others if sums.shape == others.shape else np.zeros(0)


def bins_of(array: Array, *, most: int = 1 << 12) -> tuple[Array, float]:
    """The bin of every nth number (`most` or so) of a float32 tensor, uint16, and how much each of these weighs."""
    flat = np.ascontiguousarray(array, np.float32).reshape(-1)
    channels = array.shape[-1] if array.ndim else 1
    step = max(1, flat.size // most)
    while math.gcd(step, channels) > 1:  # else some channels would never be looked at
        step += 1
    bins: Array = flat.view(np.uint16)[_HIGH :: 2 * step] >> 2  # of each number, the first 14 bits
    return bins, _weight(flat[:: step if step == 1 else 4 * step])  # a fourth of them tells how loud they are


def _weight(numbers: Array) -> float:
    """The inverse of the mean square, or 1 where that is zero.

    To a power of four: sums of so many counts are exact, in whatever order, and most samples weigh the same.
    """
    power = float(numbers @ numbers) / max(numbers.size, 1)
    if math.isinf(power):
        power = float(np.square(numbers, dtype=np.float64).mean())
    return 4.0 ** -round(math.log2(power) / 2) if power > 0 else 1.0


def sums_of(array: Array) -> tuple[Array, int]:
    """The sum over every mth row (`ROWS` or so) of all but the last dimension, float64, and how many rows these are."""
    rows = array.reshape(-1, array.shape[-1]) if array.ndim else array.reshape(1, 1)
    rows = rows[:: max(1, len(rows) // ROWS)].astype(np.float32, copy=False)
    sums = _ones(len(rows)) @ rows  # a sixth of the time of a sum in float64, and near enough
    return sums.astype(np.float64), len(rows)


@lru_cache(maxsize=64)
def _ones(count: int) -> Array:
    return np.ones(count, np.float32)


def median(array: Array, axis: int | None = None) -> Array:
    """The median along an axis, or of all; `numpy.median` imports masked arrays, which takes longer than its work."""
    ordered = np.sort(array, axis=axis)
    count = array.size if axis is None else array.shape[axis]
    middle: Array = (ordered.take((count - 1) // 2, axis=axis) + ordered.take(count // 2, axis=axis)) / 2
    return middle


class PerChannel(Struct, frozen=True, eq=False):
    """The least and greatest number of each channel (the last dimension), and its mean square, over `rows` rows.

    All are float64[channels]; `squares` are sums.
    """

    low: Array
    high: Array
    squares: Array
    rows: int

    @classmethod
    def of(cls, array: Array) -> PerChannel:
        """Of a tensor, from every nth row (`ROWS` or so)."""
        rows = array.reshape(-1, array.shape[-1])
        rows = rows[:: max(1, len(rows) // ROWS)]
        squares = np.einsum("rc,rc->c", rows, rows, dtype=np.float64)
        return cls(rows.min(axis=0).astype(np.float64), rows.max(axis=0).astype(np.float64), squares, len(rows))

    def merge(self, other: PerChannel) -> PerChannel:
        """Both together. Associative and commutative, up to rounding."""
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        return PerChannel(low, high, self.squares + other.squares, self.rows + other.rows)

    @property
    def power(self) -> Array:
        """The mean square of each channel."""
        power: Array = self.squares / max(self.rows, 1)
        return power


class Products(Struct, frozen=True, eq=False):
    """How the numbers that a layer multiplies by its weights vary together, from a part of the samples.

    `products` is float32[groups, taken, taken], the sum of the outer products of `rows` rows; `sums` is
    float64[groups, taken], the sum of the rows themselves.
    """

    products: Array
    sums: Array
    rows: int

    @classmethod
    def of(cls, rows: Array) -> Products:
        """Of float32[groups, rows, taken]."""
        ones = np.ones((1, rows.shape[1]), rows.dtype)
        return cls(rows.transpose(0, 2, 1) @ rows, (ones @ rows)[:, 0].astype(np.float64), rows.shape[1])

    def merge(self, other: Products) -> Products:
        """Both together. Associative and commutative, up to rounding."""
        return Products(self.products + other.products, self.sums + other.sums, self.rows + other.rows)

    @property
    def around_zero(self) -> Products:
        """The same, as if the mean were zero: what varies around it is all that the numbers are."""
        return replace(self, sums=np.zeros_like(self.sums))

    @property
    def covariance(self) -> Array:
        """The covariance, a new float32[groups, taken, taken]."""
        mean = self.sums / max(self.rows, 1)
        return (self.products / max(self.rows, 1) - mean[:, :, None] * mean[:, None, :]).astype(np.float32)


class Range(msgspec.Struct, frozen=True):
    """The least and greatest number seen in a tensor, over `samples` samples.

    `mean_low` and `mean_high` are the means of each sample's least and greatest number, where these are known.
    """

    low: float
    high: float
    samples: int = 1
    mean_low: float | None = None
    mean_high: float | None = None

    def merge(self, other: Range) -> Range:
        """What is known after both. Associative and commutative."""
        count = self.samples + other.samples
        mean_low, mean_high = (
            None if one is None or two is None else (one * self.samples + two * other.samples) / count
            for one, two in ((self.mean_low, other.mean_low), (self.mean_high, other.mean_high))
        )
        return Range(min(self.low, other.low), max(self.high, other.high), count, mean_low, mean_high)

    @property
    def average(self) -> Range:
        """From the mean least to the mean greatest number."""
        if self.mean_low is None or self.mean_high is None:
            return self
        return Range(self.mean_low, self.mean_high, self.samples, self.mean_low, self.mean_high)


class Statistics(Struct, frozen=True):
    """What is known of each tensor, by the name of its value in the graph: its range, and how it is spread.

    `fitted` holds smaller ranges of inputs with which the model's outputs change less, for int8. `products` says how
    the inputs of layers vary together, by the name of the layer's first result.
    """

    ranges: Mapping[str, Range] = field(default_factory=dict)
    spreads: Mapping[str, Spread] = field(default_factory=dict)
    fitted: Mapping[str, Range] = field(default_factory=dict)
    products: Mapping[str, Products] = field(default_factory=dict)

    def merge(self, other: Statistics) -> Statistics:
        """What is known after both, whichever tensors each has seen. Associative and commutative."""
        return Statistics(
            _union(self.ranges, other.ranges),
            _union(self.spreads, other.spreads),
            _union(self.fitted, other.fitted),
            _union(self.products, other.products),
        )

    @property
    def averaged(self) -> Statistics:
        """With the mean ends of each range in place of the farthest."""
        return replace(self, ranges={name: range.average for name, range in self.ranges.items()})

    @property
    def evened(self) -> Statistics:
        """With samples of equal weight in the histogram of each tensor."""
        return replace(self, spreads={name: spread.leveled for name, spread in self.spreads.items()})

    @classmethod
    def total(cls, parts: Iterable[Statistics]) -> Statistics:
        """All parts merged."""
        return reduce(cls.merge, parts, cls())

    def to_json(self) -> bytes:
        """A serialized form, which `from_json` reads. Histograms are stored by their occupied bins."""
        spreads = {name: _packed(spread) for name, spread in self.spreads.items()}
        products = {name: _flat(found) for name, found in self.products.items()}
        parts = {"ranges": self.ranges, "spreads": spreads, "fitted": self.fitted, "products": products}
        return msgspec.json.encode(parts)

    @classmethod
    def from_json(cls, text: bytes) -> Statistics:
        """What `to_json` wrote."""
        content = msgspec.json.decode(text)
        ranges, fitted = (msgspec.convert(content[key], dict[str, Range]) for key in ("ranges", "fitted"))
        spreads = {name: _unpacked(packed) for name, packed in content["spreads"].items()}
        return cls(ranges, spreads, fitted, {name: _shaped(flat) for name, flat in content["products"].items()})


@cache
def edges() -> Array:
    """The greatest magnitude in each bin, signed, float64[BINS]; zero in the bins of zero and of what is no number.

    Must not be changed.
    """
    outer = ((np.arange(BINS, dtype=np.uint32) << _SHIFT) | np.uint32((1 << _SHIFT) - 1)).view(np.float32)
    real = np.isfinite(outer) & (np.arange(BINS) % (BINS // 2) > 0)
    return np.where(real, outer, 0).astype(np.float64)


def _union(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(one)
    for name, value in other.items():
        both[name] = both[name].merge(value) if name in both else value
    return both


def _packed(spread: Spread) -> dict[str, Any]:
    bins = np.flatnonzero(spread.counts)
    return {
        "bins": bins.tolist(),
        "counts": spread.counts[bins].tolist(),
        "evened": spread.evened[bins].tolist(),
        "sums": spread.sums.tolist(),
        "rows": spread.rows,
    }


def _unpacked(packed: dict[str, Any]) -> Spread:
    counts, evened = np.zeros(BINS, np.int64), np.zeros(BINS)
    counts[packed["bins"]], evened[packed["bins"]] = packed["counts"], packed["evened"]
    return Spread(counts, evened, np.array(packed["sums"], np.float64), packed["rows"])


def _flat(products: Products) -> dict[str, Any]:
    numbers = products.products.astype("<f4").tobytes(), products.sums.astype("<f8").tobytes()
    return {"shape": products.sums.shape, "products": numbers[0], "sums": numbers[1], "rows": products.rows}


def _shaped(flat: dict[str, Any]) -> Products:
    groups, taken = flat["shape"]
    products = np.frombuffer(b64decode(flat["products"]), "<f4").reshape(groups, taken, taken)
    sums = np.frombuffer(b64decode(flat["sums"]), "<f8").reshape(groups, taken)
    return Products(products, sums, flat["rows"])
