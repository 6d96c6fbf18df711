"""A leveldb table: the sorted map from keys to values that the index file of a tensor bundle is.

A footer of 48 bytes points to the index block, whose values point to the data blocks. In a block each key
leaves out what it shares with the key before. One byte of compression kind and a masked CRC-32C follow every block.

Source: leveldb's doc/table_format.md; tensorflow/tsl/lib/io/format.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from octavo.errors import Unreadable, Unsupported
from octavo.read.saved_model.crc32c import crc32c, masked

MAGIC = 0xDB4775248B80FB57
_FOOTER, _TRAILER = 48, 5
_COPY_AGAIN = "the file is truncated or damaged; copy or save the model again"


def read_table(data: bytes, *, where: str) -> Iterator[tuple[bytes, bytes]]:
    """Every key with its value, in the order of the keys. Each block's checksum is verified before it is read.

    Raises `Unreadable`, which says `where`, for bytes that are not a table or are damaged, and
    `Unsupported` for compressed blocks (TensorFlow writes none).
    """
    if len(data) < _FOOTER or int.from_bytes(data[-8:], "little") != MAGIC:
        raise Unreadable(
            "this is not the index of a tensor bundle: its last bytes are wrong", where=where, hint=_COPY_AGAIN
        )
    footer = data[-_FOOTER:-8]
    try:
        _, at = _handle(footer, 0)
        (start, size), _ = _handle(footer, at)
        for _, pointer in entries(_block(data, start, size)):
            (start, size), _ = _handle(pointer, 0)
            yield from entries(_block(data, start, size))
    except _Damage as damage:
        raise Unreadable(
            f"the index of a tensor bundle is damaged: {damage}", where=where, hint=_COPY_AGAIN
        ) from damage
    except _Compressed as compressed:
        raise Unsupported(
            "the index of a tensor bundle is compressed", where=where, hint="save the model with TensorFlow itself"
        ) from compressed


class _Damage(ValueError):
    """The bytes contradict themselves."""


class _Compressed(ValueError):
    """A block is compressed."""


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that starts at `at`, seven bits a byte and the lowest first, and where it ends."""
    value = shift = 0
    while at < len(data) and shift < 64:  # bits
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:  # the top bit says that more follows
            return value, at
    raise _Damage("a number does not end")


def entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of one block's contents."""
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    if end < 0:
        raise _Damage("a block is shorter than its table of restarts")
    key, at = b"", 0
    while at < end:
        shared, at = varint(block, at)
        unshared, at = varint(block, at)
        size, at = varint(block, at)
        if shared > len(key) or at + unshared + size > end:
            raise _Damage("an entry exceeds its block")
        key = key[:shared] + block[at : at + unshared]
        at += unshared
        yield key, block[at : at + size]
        at += size


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    start, at = varint(data, at)
    size, at = varint(data, at)
    return (start, size), at


def _block(data: bytes, start: int, size: int) -> bytes:
    end = start + size
    if end + _TRAILER > len(data) - _FOOTER:
        raise _Damage("a block exceeds the file")
    kind, stored = struct.unpack_from("<BI", data, end)
    if masked(crc32c(data[start : end + 1])) != stored:
        raise _Damage(f"the checksum of the block at byte {start} is wrong")
    if kind != 0:
        raise _Compressed
    return data[start:end]
