"""The byte strings that sort as what they encode: names of tensor slices in a bundle.

Source: tensorflow/core/lib/strings/ordered_code.h and util/saved_tensor_slice_util.cc.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

Extent = tuple[int, int]
"""Where a slice starts along one dimension and how long it is; the length -1 stands for all of it."""

_SMALLEST, _LARGEST = -(1 << 63), (1 << 63) - 1


def slice_key(name: str, extents: Sequence[Extent]) -> bytes:
    """The key under which a bundle stores one slice of the tensor `name`."""
    numbers = [signed(number) for extent in extents for number in extent]
    return unsigned(0) + text(name.encode()) + unsigned(len(extents)) + b"".join(numbers)


def unsigned(number: int) -> bytes:
    """A count of bytes, then the number in that many bytes, big-endian."""
    size = (number.bit_length() + 7) // 8
    return bytes([size]) + number.to_bytes(size, "big")


def text(value: bytes) -> bytes:
    """The bytes, with 0x00 and 0xff escaped, and an end mark that sorts before any continuation."""
    return re.sub(rb"[\x00\xff]", lambda found: found[0] + bytes([0xFF - found[0][0]]), value) + b"\x00\x01"


def signed(number: int) -> bytes:
    """A 64-bit integer in 1 to 10 bytes; the leading one-bits (zero-bits, if negative) count the bytes.

    Each byte holds 7 bits of the number, since one bit of the header is spent per byte; the sign costs one more.
    """
    if not _SMALLEST <= number <= _LARGEST:
        raise ValueError(f"{number} does not fit in 64 bits")
    size = (number if number >= 0 else ~number).bit_length() // 7 + 1
    header = ((1 << size) - 1) << (7 * size)
    return (number & ((1 << 8 * size) - 1) ^ header).to_bytes(size, "big")
