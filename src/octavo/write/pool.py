"""The buffers of a model: each content once, whoever asks for it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

_EDGE: Final = 64
"""Contents that differ mostly do so within this many bytes at their beginning, middle or end."""


class BufferPool:
    """Contents by index. Index 0 is the empty buffer, as the schema demands."""

    def __init__(self) -> None:
        """Hold the empty buffer only."""
        self.contents: list[Bytes] = [np.empty(0, np.uint8)]
        self._alike: dict[tuple[Any, ...], list[int]] = {}
        self._digests: dict[int, bytes] = {}

    def add(self, data: Bytes) -> int:
        """The index of `data` (uint8, one dimension), which is shared with equal data added before.

        Only contents that agree in size and at three places are read in full, and those only once.
        """
        alike = self._alike.setdefault(_sample(data), [])
        if alike and data.size <= _EDGE:
            return alike[0]
        index = len(self.contents)
        if alike:
            self._digests[index] = _digest(data)
            for other in alike:
                if self._digest_of(other) == self._digests[index]:
                    return other
        self.contents.append(data)
        alike.append(index)
        return index

    def append(self, data: bytes) -> int:
        """The index of `data`, which is kept apart from all others."""
        self.contents.append(np.frombuffer(data, np.uint8))
        return len(self.contents) - 1

    def _digest_of(self, index: int) -> bytes:
        if index not in self._digests:
            self._digests[index] = _digest(self.contents[index])
        return self._digests[index]


def _sample(data: Bytes) -> tuple[Any, ...]:
    if data.size <= _EDGE:
        return (data.size, data.tobytes())
    middle = data.size // 2
    return (data.size, *(data[at : at + _EDGE].tobytes() for at in (0, middle, -_EDGE)))


def _digest(data: Bytes) -> bytes:
    import hashlib  # takes milliseconds, and few models hold contents that look alike

    return hashlib.blake2b(data.data, digest_size=32).digest()
