"""A tensor bundle: the values of a SavedModel's variables, as read-only views of the mapped shards.

`variables.index` maps keys to entries (dtype, shape, shard, offset, size, checksum), and
`variables.data-00000-of-00001` and its like hold the bytes. A tensor saved in slices has an entry that lists
them, and one more entry per slice.

Source: tensorflow/core/util/tensor_bundle/tensor_bundle.h and tensorflow/core/protobuf/tensor_bundle.proto.
"""

from __future__ import annotations

import math
import mmap
from pathlib import Path

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from octavo.errors import Invalid, Unreadable, Unsupported
from octavo.ir.source import Array
from octavo.read.saved_model.crc32c import crc32c, masked
from octavo.read.saved_model.dtypes import STRING, DType, dtype_of, storage_of
from octavo.read.saved_model.ordered_code import Extent, slice_key
from octavo.read.saved_model.protos import parse
from octavo.read.saved_model.table import read_table, varint

_COPY_AGAIN = "copy the whole model directory again, or save the model again"


class Entry(Struct, frozen=True):
    """What the index says of one tensor or slice. `slices` is empty for a tensor stored whole."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int
    slices: tuple[tuple[Extent, ...], ...]


class Bundle:
    """The tensors of one checkpoint by key. Opening reads the index and checks that every shard is there and whole."""

    def __init__(self, prefix: Path, *, verify: bool = False) -> None:
        """Open `prefix.index`. With `verify`, the checksum of each tensor is checked when the tensor is read.

        Raises `Unreadable` for a missing or damaged file, `Unsupported` for a big-endian one.
        """
        self.prefix = prefix
        self.verify = verify
        index = prefix.with_name(prefix.name + ".index")
        pairs = dict(read_table(_bytes_of(index), where=str(index)))
        header = parse("BundleHeader", pairs.pop(b"", b""), where=f"{index}, header")
        if header.endianness != 0:
            raise Unsupported("the variables are stored big-endian", where=str(index))
        self.entries = {key: _entry(value, f"{index}, entry {key!r}") for key, value in pairs.items()}
        self._shards: dict[int, npt.NDArray[np.uint8]] = {}
        self._paths = [
            prefix.with_name(f"{prefix.name}.data-{number:05d}-of-{header.num_shards:05d}")
            for number in range(header.num_shards)
        ]
        self._check_shards()

    def __contains__(self, key: str) -> bool:
        return key.encode() in self.entries

    def dtype(self, key: str) -> DType:
        """The dtype of the tensor `key`."""
        return dtype_of(self._find(key).dtype)

    def read(self, key: str, part: tuple[Extent, ...] = ()) -> Array:
        """The tensor `key`, or the part of it that the extents (one per dimension) give; read-only.

        It is a view of the mapped file unless it must be put together from slices, or holds strings (an object array of
        bytes). Raises `Invalid` for an unknown key, `Unreadable` for a wrong checksum.
        """
        entry = self._find(key)
        if part and part in entry.slices:
            return self._stored(self._slice(key, part), f"{key!r}, slice {part}")
        whole = self._joined(key, entry) if entry.slices else self._stored(entry, repr(key))
        return whole[_index(part, entry.shape, where=f"{self.prefix}, tensor {key!r}")] if part else whole

    def _find(self, key: str) -> Entry:
        if key not in self:
            raise Invalid(f"the checkpoint holds no tensor {key!r}", where=str(self.prefix), hint=_COPY_AGAIN)
        return self.entries[key.encode()]

    def _slice(self, key: str, extents: tuple[Extent, ...]) -> Entry:
        found = self.entries.get(slice_key(key, extents))
        if found is None:
            raise Invalid(
                f"the checkpoint lacks the slice {extents} of {key!r}", where=str(self.prefix), hint=_COPY_AGAIN
            )
        return found

    def _joined(self, key: str, entry: Entry) -> Array:
        where = f"{self.prefix}, tensor {key!r}"
        whole = np.empty(entry.shape, storage_of(entry.dtype, where=where))
        filled = 0
        for extents in entry.slices:
            stored = self._stored(self._slice(key, extents), f"{key!r}, slice {extents}")
            at = _index(extents, entry.shape, where=where)
            if whole[at].shape != stored.shape:
                raise Invalid(f"the slice {extents} has the shape {stored.shape}", where=where)
            whole[at] = stored
            filled += stored.size
        if filled != whole.size:
            raise Invalid(f"the slices hold {filled} of {whole.size} elements", where=where, hint=_COPY_AGAIN)
        whole.flags.writeable = False
        return whole

    def _stored(self, entry: Entry, what: str) -> Array:
        where = f"{self._paths[entry.shard]}, tensor {what}"
        raw = self._shard(entry.shard)[entry.offset : entry.offset + entry.size]
        count = math.prod(entry.shape)
        if entry.dtype == STRING:
            return _strings(raw.tobytes(), count, entry, where=where).reshape(entry.shape)
        dtype = storage_of(entry.dtype, where=where)
        if raw.size != count * dtype.itemsize:
            raise Invalid(f"{raw.size} bytes are stored for {count} elements of {dtype}", where=where)
        if self.verify:
            _check(crc32c(raw), entry.checksum, where)
        return np.frombuffer(raw, dtype).reshape(entry.shape)

    def _shard(self, number: int) -> npt.NDArray[np.uint8]:
        if number not in self._shards:
            self._shards[number] = _mapped(self._paths[number])
        return self._shards[number]

    def _check_shards(self) -> None:
        ends = dict.fromkeys(range(len(self._paths)), 0)
        for key, entry in self.entries.items():
            if entry.shard not in ends or min(entry.offset, entry.size, *entry.shape, 0) < 0:
                raise Invalid(f"the entry {key!r} points to nowhere: {entry}", where=f"{self.prefix}.index")
            ends[entry.shard] = max(ends[entry.shard], entry.offset + entry.size)
        for number, end in ends.items():
            path = self._paths[number]
            if not path.is_file():
                raise Unreadable(f"the file {path.name!r} with variables is missing", where=str(path), hint=_COPY_AGAIN)
            if (size := path.stat().st_size) < end:
                raise Unreadable(
                    f"{path.name!r} is truncated: {size:,} of {end:,} bytes", where=str(path), hint=_COPY_AGAIN
                )


def _entry(value: bytes, where: str) -> Entry:
    proto = parse("BundleEntry", value, where=where)
    slices = tuple(
        tuple((extent.start, extent.length if extent.WhichOneof("kind") else -1) for extent in part.extent)
        for part in proto.slices
    )
    shape = tuple(dim.size for dim in proto.shape.dim)
    return Entry(proto.dtype, shape, proto.shard_id, proto.offset, proto.size, proto.crc32c, slices)


def _index(part: tuple[Extent, ...], shape: tuple[int, ...], *, where: str) -> tuple[slice, ...]:
    ends = [size if length < 0 else start + length for (start, length), size in zip(part, shape, strict=False)]
    if len(part) != len(shape) or any(end > size for end, size in zip(ends, shape, strict=True)):
        raise Invalid(f"the slice {part} does not fit the shape {shape}", where=where)
    return tuple(slice(start, end) for (start, _), end in zip(part, ends, strict=True))


def _strings(raw: bytes, count: int, entry: Entry, *, where: str) -> Array:
    """Lengths as varints, the checksum of the lengths as integers, then all the text.

    The checksum is always verified: it guards the lengths.
    """
    lengths, at = [], 0
    try:
        for _ in range(count):
            length, at = varint(raw, at)
            lengths.append(length)
    except ValueError as error:
        raise Unreadable("the lengths of strings are damaged", where=where, hint=_COPY_AGAIN) from error
    stored, text = raw[at : at + 4], raw[at + 4 :]
    numbers = b"".join(length.to_bytes(4 if length < 1 << 32 else 8, "little") for length in lengths)
    _check(crc32c(numbers), int.from_bytes(stored, "little"), where)
    _check(crc32c(numbers + stored + text), entry.checksum, where)
    values: Array = np.empty(count, object)
    start = 0
    for number, length in enumerate(lengths):
        values[number] = text[start : start + length]
        start += length
    values.flags.writeable = False
    return values


def _check(crc: int, stored: int, where: str) -> None:
    if masked(crc) != stored:
        raise Unreadable("the checksum of a tensor is wrong: its bytes have changed", where=where, hint=_COPY_AGAIN)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(
            f"{path.name!r} cannot be read: {error.strerror}", where=str(path), hint=_COPY_AGAIN
        ) from error


def _mapped(path: Path) -> npt.NDArray[np.uint8]:
    if path.stat().st_size == 0:
        return np.frombuffer(b"", np.uint8)
    with path.open("rb") as file:
        view: npt.NDArray[np.uint8] = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    return view
