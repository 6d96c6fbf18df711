"""How LiteRT keeps the numbers of a tensor: little-endian, sub-byte integers packed from the low bits up.

Source: `schema.fbs` (enum TensorType) and, for strings, `tensorflow/lite/string_util.h`:
int32 count, int32 offsets from the start of the buffer (count + 1 of them), then the bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import ml_dtypes
import numpy as np
import numpy.typing as npt

from octavo.schema.enums import TensorType

Array = npt.NDArray[Any]

_BITS: Final = {np.dtype(ml_dtypes.int4): 4, np.dtype(ml_dtypes.uint4): 4, np.dtype(ml_dtypes.int2): 2}
_CACHED: Final = 1 << 18
"""Arrays of up to this many bytes stay in the cache, in whatever order they are copied."""
_STRIP: Final = 32
"""How many rows of a transposed matrix are copied side by side: the fastest of 8, 16, 32 and 64 on real weights."""
RESOURCE: Final = np.dtype([("resource", "V1")])
"""What a handle of a variable or a table is: no numbers."""
VARIANT: Final = np.dtype([("variant", "V1")])
"""What a handle of a list of tensors is: no numbers."""
_HANDLES: Final = {TensorType.RESOURCE: RESOURCE, TensorType.VARIANT: VARIANT}


def dtype_of(kind: TensorType) -> np.dtype[Any]:
    """The dtype of a tensor type: `object` for strings, `RESOURCE` and `VARIANT` for handles."""
    if kind in _HANDLES:
        return _HANDLES[kind]
    if kind is TensorType.STRING:
        return np.dtype(object)
    name = kind.name.lower()
    return np.dtype(getattr(ml_dtypes, name, name))


_KINDS: Final = {dtype_of(kind): kind for kind in TensorType}


def name_of(dtype: np.dtype[Any]) -> str:
    """The dtype in a word: `float32`, `int4`, `string`, `resource`."""
    if dtype.kind == "O":
        return "string"
    return dtype.name if dtype.names is None else dtype.names[0]


def tensor_type(dtype: np.dtype[Any]) -> TensorType | None:
    """The tensor type of a dtype; None when LiteRT has none for it."""
    kind = _KINDS.get(dtype)
    return _KINDS.get(dtype.newbyteorder("=")) if kind is None else kind


def stored_size(dtype: np.dtype[Any], count: int) -> int:
    """The bytes that `count` numbers take."""
    bits = _BITS.get(dtype)
    return count * dtype.itemsize if bits is None else -(-count * bits // 8)


def stored(array: Array) -> Array:
    """The array as it stands in a file: uint8 of one dimension. A view where no number has to change."""
    if array.dtype == object:
        return np.frombuffer(_strings(array), np.uint8)
    flat = _in_a_row(array).reshape(-1)
    if bits := _BITS.get(array.dtype):
        return _packed(flat.view(np.uint8), bits)
    return flat.astype(flat.dtype.newbyteorder("<"), copy=False).view(np.uint8)


def loaded(data: Array, dtype: np.dtype[Any], shape: Sequence[int]) -> Array:
    """The array that `stored` made `data` of; a view where no number has to change.

    Raises:
        ValueError: there are more or fewer bytes than the shape asks for, or the strings overlap the end.
    """
    if dtype.kind == "O":
        return _unpacked_strings(data).reshape(shape)
    bits = _BITS.get(dtype)
    if bits is None:
        return data.view(dtype.newbyteorder("<")).view(dtype).reshape(shape)
    count = int(np.prod(shape, dtype=np.int64))
    if data.size != stored_size(dtype, count):
        raise ValueError(f"{data.size} bytes cannot hold {count} numbers of {dtype.name}")
    return _unpacked(data, bits)[:count].astype(dtype).reshape(shape)


def _in_a_row(array: Array) -> Array:
    """The array in C order; itself where it is so already.

    A large transposed matrix is copied in strips of its last axis. Copied row by row, each number would come from
    another cache line, and where lengths are powers of two these evict each other before they are used up.
    """
    if array.flags.c_contiguous or array.nbytes <= _CACHED or array.ndim == 0:
        return np.ascontiguousarray(array)
    rows = np.empty(array.shape, array.dtype)
    for start in range(0, array.shape[-1], _STRIP):
        rows[..., start : start + _STRIP] = array[..., start : start + _STRIP]
    return rows


def _packed(codes: Array, bits: int) -> Array:
    per_byte = 8 // bits
    padded = np.zeros(-(-codes.size // per_byte) * per_byte, np.uint8)
    padded[: codes.size] = codes & ((1 << bits) - 1)
    shifts = np.arange(per_byte, dtype=np.uint8) * np.uint8(bits)
    packed: Array = np.bitwise_or.reduce(padded.reshape(-1, per_byte) << shifts, axis=1)
    return packed


def _unpacked(data: Array, bits: int) -> Array:
    """Each number as int8, sign-extended; a cast to an unsigned dtype keeps its low bits."""
    shifts = np.arange(8 // bits, dtype=np.uint8) * np.uint8(bits)
    codes = (data[:, None] >> shifts).reshape(-1)
    unused = np.uint8(8 - bits)
    extended: Array = (codes << unused).view(np.int8) >> unused.view(np.int8)
    return extended


def _strings(array: Array) -> bytes:
    items = [item.encode() if isinstance(item, str) else bytes(item) for item in array.reshape(-1)]
    ends = np.cumsum([4 * (len(items) + 2), *map(len, items)])
    return np.array([len(items), *ends], "<i4").tobytes() + b"".join(items)


def _unpacked_strings(data: Array) -> Array:
    count = int(data[:4].view("<i4")[0]) if data.size >= 4 else -1  # the size of the count itself
    first = 4 * (count + 2)
    if count < 0 or first > data.size:
        raise ValueError(f"{data.size} bytes cannot hold {count} strings")
    ends = data[4:first].view("<i4")
    if ends[0] != first or ends[-1] > data.size or np.any(np.diff(ends) < 0):
        raise ValueError("the offsets of the strings do not fit their buffer")
    raw = data.tobytes()
    items = np.empty(count, object)
    items[:] = [raw[start:end] for start, end in pairwise(ends)]
    return items
