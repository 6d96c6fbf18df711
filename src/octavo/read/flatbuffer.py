"""Reading flatbuffers that may be damaged or hostile: nothing is followed before it is known to lie inside the file.

Source: the flatbuffers "Internals" page. The depth of the schema bounds recursion; a budget bounds the work,
because many references may point to one large vector.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from octavo.errors import Unreadable
from octavo.schema.layout import Field, layout
from octavo.schema.tables import UNIONS

Array = npt.NDArray[Any]

_SCALARS: Final = {
    "bool": struct.Struct("<?"),
    "int8": struct.Struct("<b"),
    "uint8": struct.Struct("<B"),
    "uint16": struct.Struct("<H"),
    "int32": struct.Struct("<i"),
    "uint32": struct.Struct("<I"),
    "int64": struct.Struct("<q"),
    "uint64": struct.Struct("<Q"),
    "float32": struct.Struct("<f"),
}
_uint16: Final = _SCALARS["uint16"]
_uint32: Final = _SCALARS["uint32"]
_int32: Final = _SCALARS["int32"]

_HINT: Final = "the file is damaged or cut off: fetch or convert it again"
_BUDGET: Final = 16
"""Tables and vectors may hold this many times the bytes of the file, being shared, before reading gives up."""
_BUDGET_LEAST: Final = 1 << 20


class FlatbufferFile:
    """The bytes of a file, as uint8, and what reads scalars, strings and vectors from them within bounds."""

    def __init__(self, data: Array, where: str) -> None:
        """Hold the bytes; `where` names the file in errors."""
        self.data = data
        self.where = where
        self._view = data.data
        self._left = max(_BUDGET_LEAST, _BUDGET * data.size)

    def root(self, name: str) -> Table:
        """The root table, of class `name`."""
        return Table(self, self.reference(0), name)

    def damaged(self, problem: str) -> Unreadable:
        """The error that says that the file contradicts its own structure."""
        return Unreadable(f"not a sound .tflite file: {problem}", where=self.where, hint=_HINT)

    def scalar(self, form: struct.Struct, at: int) -> Any:
        """The number at a place."""
        if not 0 <= at <= self.data.size - form.size:
            raise self.damaged(f"byte {at} lies outside the {self.data.size} bytes of the file")
        return form.unpack_from(self._view, at)[0]

    def reference(self, at: int) -> int:
        """The place to which the reference at `at` points."""
        return at + int(self.scalar(_uint32, at))

    def vector(self, at: int, size: int) -> tuple[int, int]:
        """The place of the first element and the number of elements of a vector whose elements have `size` bytes."""
        length = int(self.scalar(_uint32, at))
        self.inside(at + 4, length * size)
        return at + 4, length

    def inside(self, at: int, size: int) -> None:
        """Raise unless `size` bytes at `at` lie in the file, and reading them stays within the budget."""
        self._left -= size
        if at < 0 or size > self.data.size - at:
            raise self.damaged(f"{size} bytes at {at} lie outside the {self.data.size} bytes of the file")
        if self._left < 0:
            raise self.damaged("it refers to the same bytes again and again")

    def text(self, at: int) -> str:
        """The string at a place. Bytes that are no UTF-8 become replacement characters."""
        start, length = self.vector(at, 1)
        return bytes(self._view[start : start + length]).decode("utf-8", errors="replace")


class Table:
    """One table. `get` reads a field; absent scalars have their default, all else that is absent is None."""

    __slots__ = ("_at", "_file", "_size", "_vtable", "name")

    def __init__(self, file: FlatbufferFile, at: int, name: str) -> None:
        """The table of class `name` at a place."""
        self.name = name
        self._file = file
        self._at = at
        self._vtable = at - int(file.scalar(_int32, at))
        self._size = int(file.scalar(_uint16, self._vtable))
        file.inside(self._vtable, self._size)

    def get(self, name: str) -> Any:
        """A field: a number, a string, an array of numbers, a table, or a list of tables or strings."""
        return self._read(_fields(self.name)[name])

    def items(self) -> dict[str, Any]:
        """Every field that is present and differs from its default, as plain Python; vectors of numbers are tuples."""
        values = {field.name: _plain(self._read(field)) for field in layout(self.name)}
        defaults = {field.name: field.default for field in layout(self.name)}
        return {name: value for name, value in values.items() if value is not None and value != defaults[name]}

    def behind(self, offset: str, size: str) -> Array | None:
        """The bytes that the fields `offset` and `size` place anywhere in the file; None when they place none."""
        start, length = self.get(offset), self.get(size)
        if start <= 1 or length <= 1:  # LiteRT takes 1 for a place that was never filled in
            return None
        self._file.inside(start, length)
        return self._file.data[start : start + length]

    def _read(self, field: Field) -> Any:
        at = self._place(field.slot)
        if at is None:
            return field.default
        if form := _SCALARS.get(field.kind):
            return self._file.scalar(form, at)
        return self._follow(field, self._file.reference(at))

    def _place(self, slot: int) -> int | None:
        entry = 4 + 2 * slot
        if entry + 2 > self._size:
            return None
        offset = self._file.scalar(_uint16, self._vtable + entry)
        return self._at + offset if offset else None

    def _follow(self, field: Field, at: int) -> Any:
        kind = field.kind.removeprefix("vector:")
        match kind, kind != field.kind:
            case "string", False:
                return self._file.text(at)
            case "table", False:
                return Table(self._file, at, field.of)
            case "union", False:
                return self._union(field, at)
            case "table" | "string", True:
                return self._many(field, at, kind)
            case _:
                return self._numbers(at, kind)

    def _union(self, field: Field, at: int) -> Table | None:
        members = UNIONS[field.of]
        kind = self.get(f"{field.name}_type")
        if kind >= len(members):
            raise self._file.damaged(f"a {self.name} has {field.name} of the unknown kind {kind}")
        return Table(self._file, at, members[kind]) if kind else None

    def _many(self, field: Field, at: int, kind: str) -> list[Any]:
        first, length = self._file.vector(at, 4)
        places = [self._file.reference(first + 4 * index) for index in range(length)]
        if kind == "string":
            return [self._file.text(place) for place in places]
        return [Table(self._file, place, field.of) for place in places]

    def _numbers(self, at: int, kind: str) -> Array:
        form = _SCALARS[kind]
        first, length = self._file.vector(at, form.size)
        return self._file.data[first : first + length * form.size].view(np.dtype(form.format))


@cache
def _fields(table: str) -> dict[str, Field]:
    return {field.name: field for field in layout(table)}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return tuple(value.tolist())
    if isinstance(value, Table):
        return value.items()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
