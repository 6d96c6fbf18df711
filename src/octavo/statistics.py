"""What calibration learns of each tensor: a value that merges, so that shards add up to the whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce

import msgspec


class Range(msgspec.Struct, frozen=True):
    """The least and greatest number seen in a tensor, over `samples` samples."""

    low: float
    high: float
    samples: int = 1

    def merge(self, other: Range) -> Range:
        """What is known after both. Associative and commutative."""
        return Range(min(self.low, other.low), max(self.high, other.high), self.samples + other.samples)


class Statistics(msgspec.Struct, frozen=True):
    """The range of each tensor, by the name of its value in the graph."""

    ranges: dict[str, Range] = {}

    def merge(self, other: Statistics) -> Statistics:
        """What is known after both, whichever tensors each has seen. Associative and commutative."""
        names = dict.fromkeys([*self.ranges, *other.ranges])
        return Statistics({name: merged(self.ranges.get(name), other.ranges.get(name)) for name in names})

    @classmethod
    def of(cls, seen: Mapping[str, tuple[float, float]]) -> Statistics:
        """The statistics of one sample."""
        return cls({name: Range(float(low), float(high)) for name, (low, high) in seen.items()})

    @classmethod
    def total(cls, parts: Iterable[Statistics]) -> Statistics:
        """All parts merged."""
        return reduce(cls.merge, parts, cls())

    def to_json(self) -> bytes:
        """A serialized form, which `from_json` reads."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, text: bytes) -> Statistics:
        """What `to_json` wrote."""
        return msgspec.json.decode(text, type=cls)


def merged(one: Range | None, other: Range | None) -> Range:
    """The union of two ranges, of which one may be missing."""
    if one is None or other is None:
        known = one or other
        assert known is not None
        return known
    return one.merge(other)
