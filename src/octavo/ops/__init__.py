"""Every operation, one file each (families that differ by one function share a file).

`registry()` finds them by what their sources declare; a file is imported when one of its operations is first needed,
because a model uses a few and importing all takes longer than converting it.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeVar

from msgspec import Struct

from octavo.ir.op import Op

Lowering = Callable[..., Any]
"""`(source, build) -> Value | tuple[Value, ...]`."""
T = TypeVar("T")

_CODE: Final = re.compile(r'\n    code: ClassVar = "(\w+)"\n')
_LOWERS: Final = re.compile(r"@lowers\(([^)]*)\)\n")
"""Both begin with plain text, which is found ten times as fast as the beginning of a line."""
_NAME: Final = re.compile(r'"tf\.(\w+)"')


class Registry(Struct, frozen=True):
    """All that the operations declare: classes by their code, lowerings by the source op."""

    ops: Mapping[str, type[Op]]
    lowerings: Mapping[str, Lowering]


@cache
def registry() -> Registry:
    """The registry of all operations in this package."""
    codes: dict[str, str] = {}
    names: dict[str, str] = {}
    for module, path in sorted(_files(__name__, str(Path(__file__).parent))):
        with open(path, encoding="utf-8") as file:  # noqa: PTH123  # a hundred paths cost as much as what is in them
            text = file.read()
        _add(codes, _CODE.findall(text), module)
        _add(names, _NAME.findall(" ".join(_LOWERS.findall(text))), module)
    return Registry(_Declared(codes, _ops), _Declared(names, _lowerings))


def _files(package: str, folder: str) -> Iterator[tuple[str, str]]:
    """The modules of a package and of those inside it, and their files."""
    for entry in os.scandir(folder):
        name, suffix = os.path.splitext(entry.name)  # noqa: PTH122  # as above
        if suffix == ".py":
            yield f"{package}.{name}", entry.path
        elif not suffix and name.isidentifier() and not name.startswith("__"):
            yield from _files(f"{package}.{name}", entry.path)


class _Declared(Mapping[str, T]):
    """What modules declare, by name; looking a name up imports the module that declares it."""

    def __init__(self, homes: Mapping[str, str], declared: Callable[[ModuleType], Iterable[tuple[str, T]]]) -> None:
        self._homes = homes
        self._declared = declared
        self._found: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._found:
            self._found.update(self._declared(importlib.import_module(self._homes[name])))
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        return name in self._homes

    def __iter__(self) -> Iterator[str]:
        return iter(self._homes)

    def __len__(self) -> int:
        return len(self._homes)


def _add(homes: dict[str, str], names: Iterable[str], module: str) -> None:
    for name in names:
        assert name not in homes, f"{name} is declared in {homes[name]} and in {module}"
        homes[name] = module


def _ops(module: ModuleType) -> Iterator[tuple[str, type[Op]]]:
    """The operations that a module defines, by code."""
    for item in _own(module):
        if isinstance(item, type) and issubclass(item, Op) and item.code:
            yield item.code, item


def _lowerings(module: ModuleType) -> Iterator[tuple[str, Lowering]]:
    """The lowerings of a module, by source op: functions, or static methods of an op, that are marked with them."""
    from octavo.ops._complex import apart

    for item in _own(module):
        for member in vars(item).values() if isinstance(item, type) else [item]:
            function = getattr(member, "__func__", member)
            for name in getattr(function, "lowers", ()):
                source_op = name.removeprefix("tf.")
                yield source_op, apart(source_op, function)


def _own(module: ModuleType) -> Iterator[Any]:
    return (item for item in vars(module).values() if getattr(item, "__module__", None) == module.__name__)
