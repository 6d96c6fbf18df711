"""What calibration has learnt so far and of which samples, so that an interrupted run goes on where it was."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import numpy as np

from octavo.calibrate.glimpse import Glimpse, after
from octavo.errors import SamplesError
from octavo.samples import Sample
from octavo.statistics import Statistics

TAKEN_TOGETHER = 16
"""Samples that are counted at once."""
BYTES = 1 << 24
"""Less of them where what was seen of them takes more bytes than this."""


class _State(NamedTuple):
    """How many samples were run, what they taught, what was seen since that is not part of it, of `size` bytes."""

    known: int
    statistics: Statistics
    fresh: tuple[Glimpse, ...] = ()
    size: int = 0

    @property
    def settled(self) -> _State:
        """The same, with everything counted."""
        return _State(self.known, after(self.statistics, self.fresh))


class Memory:
    """Statistics of the first samples of one signature, and the checksum of each of these.

    It is whole at any time: an interrupt in the midst of `learn` leaves it as it was before. One that is not kept needs
    no checksums.
    """

    def __init__(
        self,
        checksums: Iterable[int] = (),
        statistics: Statistics | None = None,
        place: str = "",
        *,
        is_kept: bool = True,
    ) -> None:
        """Know nothing yet, or what a file at `place` holds."""
        self._is_kept = is_kept
        self._checksums = list(checksums)
        self._state = _State(len(self._checksums), statistics or Statistics())
        self._remembered = len(self._checksums)
        self._place = place

    @property
    def statistics(self) -> Statistics:
        """What all samples taught."""
        self._state = self._state.settled
        return self._state.statistics

    @property
    def count(self) -> int:
        """How many samples it knows."""
        return self._state.known

    def fits(self, first: Iterable[Sample]) -> bool:
        """Whether the first samples are those that it knows."""
        return all(checksum(sample) == known for sample, known in zip(first, self._checksums, strict=False))

    def knows(self, number: int, sample: Sample) -> bool:
        """Whether this sample was run before.

        Raises:
            SamplesError: another one was.
        """
        if number >= self._remembered:
            return False
        if self._checksums[number] != checksum(sample):
            raise SamplesError(
                "another sample stood here when the statistics were learnt",
                where=f"sample {number}; {self._place}",
                hint="delete that file to calibrate anew, or give the same samples in the same order",
            )
        return True

    def learn(self, sample: Sample, seen: Glimpse) -> None:
        """Add what was seen of one more sample."""
        count, statistics, fresh, size = self._state
        if self._is_kept:
            self._checksums[count:] = [checksum(sample)]
        state = _State(count + 1, statistics, (*fresh, seen), size + seen.size)
        is_full = len(state.fresh) == TAKEN_TOGETHER or state.size > BYTES
        self._state = state.settled if is_full else state  # one store: all or nothing

    def to_json(self) -> bytes:
        """A form that `from_json` reads."""
        count, statistics, *_ = self._state.settled
        return msgspec.json.encode(_Stored(self._checksums[:count], msgspec.Raw(statistics.to_json())))

    @classmethod
    def from_json(cls, text: bytes, place: str = "") -> Memory:
        """What `to_json` wrote."""
        stored = msgspec.json.decode(text, type=_Stored)
        return cls(stored.checksums, Statistics.from_json(bytes(stored.statistics)), place)


class _Stored(msgspec.Struct):
    checksums: list[int]
    statistics: msgspec.Raw


def checksum(sample: Sample) -> int:
    """A number that tells samples apart."""
    total = 0
    for name, array in sorted(sample.items()):
        content = repr(array.tolist()).encode() if array.dtype.kind == "O" else np.ascontiguousarray(array).data
        total = zlib.crc32(content, zlib.crc32(f"{name}{array.dtype}{array.shape}".encode(), total))
    return total
