"""The attributes of a node as plain Python, decoded when somebody asks.

Source: tensorflow/core/framework/attr_value.proto.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from octavo.errors import Invalid
from octavo.ir.source import FunctionName
from octavo.read.saved_model.dtypes import dtype_of
from octavo.read.saved_model.tensors import array_of, shape_of


class Attributes(Mapping[str, Any]):
    """What a node says about itself, over the defaults of its op.

    A stored value is decoded at the first look-up and then kept, so a constant that nobody needs costs nothing.
    """

    __slots__ = ("_decoded", "_defaults", "_stored", "_where")

    def __init__(self, stored: Any, *, defaults: Mapping[str, Any], where: str) -> None:
        """Take a protobuf map of AttrValue; `where` names the node in errors."""
        self._stored = stored
        self._defaults = defaults
        self._decoded: dict[str, Any] = {}
        self._where = where

    def __getitem__(self, name: str) -> Any:
        """The attribute `name`, or its default; KeyError if the op has none of that name."""
        if name in self._decoded:
            return self._decoded[name]
        if name not in self._stored:
            return self._defaults[name]
        value = python_value(self._stored[name], where=f"{self._where}, attribute {name!r}")
        self._decoded[name] = value
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._stored or name in self._defaults

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*sorted(self._stored), *self._defaults]))

    def __len__(self) -> int:
        return len(set(self._stored) | set(self._defaults))

    def __repr__(self) -> str:
        return f"Attributes of {self._where}: {', '.join(self)}"


def python_value(proto: Any, *, where: str) -> Any:
    """The Python value of an AttrValue: int, float, bool, str, bytes, dtype, shape, array, `FunctionName`, or a list.

    Text is str where it is UTF-8, bytes otherwise. Raises `Invalid` for a value that is not set.
    """
    kind = proto.WhichOneof("kind")
    if kind is None or kind == "placeholder":
        raise Invalid(
            "an attribute has no value", where=where, hint="the graph is a template; save a concrete function"
        )
    value = getattr(proto, kind)
    if kind == "list":
        return [_element(field.name, item, where=where) for field, items in value.ListFields() for item in items]
    return _element(kind, value, where=where)


def _element(kind: str, value: Any, *, where: str) -> Any:
    match kind:
        case "s":
            return _text(value)
        case "type":
            return dtype_of(value)
        case "shape":
            return shape_of(value)
        case "tensor":
            return array_of(value, where=where)
        case "func":
            return FunctionName(value.name)
        case _:
            return value


def _text(value: bytes) -> str | bytes:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value
