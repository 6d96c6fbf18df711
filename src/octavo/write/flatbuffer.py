"""A forward writer of flatbuffers: parents before children, so that large vectors can come last.

Equal vectors of numbers are written once, behind all tables that refer to them: most zero points of a quantized model
say the same (a twelfth of the file for MobileNetV2).

Source: the flatbuffers "Internals" page. A table begins with the signed distance back to its vtable; the vtable says at
which byte of the table each field stands. References are unsigned distances forward. Tables with the same
fields share one vtable.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct

from octavo.schema.layout import Field, layout

Values = Mapping[str, Any]
"""The fields of a table that differ from their defaults."""

_FORMATS: Final = {
    "bool": "?",
    "int8": "b",
    "uint8": "B",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float32": "f",
}
_uint32: Final = struct.Struct("<I")
SHARED: Final = 64
"""Vectors of at least so many bytes are written once."""


class _Plan(Struct, frozen=True):
    """How a table with a certain set of fields is laid out."""

    vtable: int
    align: int
    pack: Callable[..., bytes]
    scalars: tuple[str, ...]
    children: tuple[tuple[int, str, Callable[[Any, int], int]], ...]
    places: Mapping[str, int]


class FlatbufferWriter:
    """Appends tables to `out`. `traced` lists where the tables of the class `trace` stand, in order."""

    def __init__(self, *, identifier: bytes, trace: str = "") -> None:
        """Start with the eight bytes that hold the place of the root and the file identifier."""
        self.out = bytearray(4) + identifier
        self.traced: list[tuple[int, Mapping[str, int]]] = []
        self._trace = trace
        self._plans: dict[tuple[str, ...], _Plan] = {}
        self._vtables: dict[bytes, int] = {}
        self._waiting: dict[tuple[str, bytes], list[int]] = {}
        """The slots that refer to a vector that is written at the end, by its format and bytes."""

    def root(self, name: str, values: Values) -> None:
        """Write the root table, and all below it."""
        _uint32.pack_into(self.out, 0, self.table(name, values))
        for (format, data), slots in self._waiting.items():
            start = self._vector(data, format)
            for slot in slots:
                self.refer(slot, start)
        self._waiting.clear()

    def table(self, name: str, values: Values) -> int:
        """Write a table and all below it; returns its place. A child given as None is left to `refer`."""
        plan = self._plans.get((name, *values)) or self._planned(name, *values)
        out = self.out
        start = self._aligned(plan.align)
        out += plan.pack(start - plan.vtable, *[values[key] for key in plan.scalars])
        if name == self._trace:
            self.traced.append((start, plan.places))
        for offset, key, write in plan.children:
            if (child := values[key]) is not None and (place := write(child, start + offset)):
                self.refer(start + offset, place)
        return start

    def refer(self, slot: int, target: int) -> None:
        """Let the reference at `slot` point forward to `target`."""
        _uint32.pack_into(self.out, slot, target - slot)

    def _aligned(self, align: int, ahead: int = 0) -> int:
        """Pad so that the byte `ahead` of the next one stands at a multiple of `align`; returns the next place."""
        size = len(self.out)
        if gap := -(size + ahead) % align:
            self.out += bytes(gap)
        return size + gap

    def _planned(self, name: str, *present: str) -> _Plan:
        """The layout: the distance to the vtable, then the fields from the widest to the narrowest."""
        fields = sorted((f for f in layout(name) if f.name in present), key=lambda f: (-_width(f), f.slot))
        assert len(fields) == len(present), f"{name} has no {set(present) - {f.name for f in fields}}"
        # a field of eight bytes must not follow the four of the distance directly
        format = "<i" + ("4x" if fields and _width(fields[0]) == 8 else "")
        places: dict[str, int] = {}
        for field in fields:
            places[field.name] = struct.calcsize(format)
            format += _FORMATS.get(field.kind, "4x")
        size = struct.calcsize(format)
        slots = [0] * (1 + max((f.slot for f in fields), default=-1))
        for field in fields:
            slots[field.slot] = places[field.name]
        vtable = struct.pack(f"<{2 + len(slots)}H", 4 + 2 * len(slots), size, *slots)
        plan = _Plan(
            vtable=self._shared(vtable),
            align=max([4, *map(_width, fields)]),
            pack=struct.Struct(format).pack,
            scalars=tuple(f.name for f in fields if f.kind in _FORMATS),
            children=tuple((places[f.name], f.name, self._child(f)) for f in layout(name) if _is_child(f, present)),
            places=places,
        )
        self._plans[(name, *present)] = plan
        return plan

    def _shared(self, vtable: bytes) -> int:
        if vtable not in self._vtables:
            self._vtables[vtable] = self._aligned(4)
            self.out += vtable
        return self._vtables[vtable]

    def _child(self, field: Field) -> Callable[[Any, int], int]:
        """The function that writes what the slot of a field refers to; it returns its place, or 0 for later."""
        match field.kind.removeprefix("vector:"), field.kind.startswith("vector:"):
            case "string", False:
                return lambda text, _: self._string(text)
            case "table", False:
                return lambda values, _: self.table(field.of, values)
            case "union", False:
                return lambda pair, _: self.table(*pair)
            case "string", True:
                return lambda items, _: self._references(items, self._string)
            case "table", True:
                return lambda items, _: self._references(items, lambda values: self.table(field.of, values))
            case kind, _:
                format = _FORMATS[kind]
                return lambda items, slot: self._numbers(items, format, slot)

    def _string(self, text: str) -> int:
        data = text.encode()
        start = self._aligned(4)
        self.out += b"%b%b\0" % (_uint32.pack(len(data)), data)
        return start

    def _references(self, items: Sequence[Any], write: Callable[[Any], int]) -> int:
        start = self._aligned(4)
        self.out += _uint32.pack(len(items)) + bytes(4 * len(items))
        for index, item in enumerate(items):
            self.refer(start + 4 + 4 * index, write(item))
        return start

    def _numbers(self, items: Any, format: str, slot: int) -> int:
        """A vector of numbers, at once or, where it is long enough to be shared, later. Tuples are short."""
        if isinstance(items, tuple):
            data = struct.pack(f"<{len(items)}{format}", *items)
        elif isinstance(items, bytes):
            data = items
        else:
            data = np.ascontiguousarray(items).astype(f"<{format}", copy=False).tobytes()
        if len(data) < SHARED:
            return self._vector(data, format)
        self._waiting.setdefault((format, data), []).append(slot)
        return 0

    def _vector(self, data: bytes, format: str) -> int:
        width = struct.calcsize(format)
        start = self._aligned(max(4, width), ahead=4)
        self.out += _uint32.pack(len(data) // width)
        self.out += data
        return start


def _width(field: Field) -> int:
    return struct.calcsize(_FORMATS.get(field.kind, "I"))


def _is_child(field: Field, present: Sequence[str]) -> bool:
    return field.name in present and field.kind not in _FORMATS
