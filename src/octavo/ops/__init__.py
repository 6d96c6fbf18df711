"""Every operation, one file each (families that differ by one function share a file).

`registry()` finds them; nothing is imported before it is asked for.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from octavo.ir.op import Op

Lowering = Callable[..., Any]
"""`(source, build) -> Value | tuple[Value, ...]`."""


@dataclass(frozen=True, slots=True)
class Registry:
    """All that the operations declare: classes by their code, lowerings by the source op."""

    ops: Mapping[str, type[Op]]
    lowerings: Mapping[str, Lowering]


@cache
def registry() -> Registry:
    """The registry of all operations in this package."""
    ops: dict[str, type[Op]] = {}
    lowerings: dict[str, Lowering] = {}
    for module in _modules():
        for item in vars(module).values():
            if getattr(item, "__module__", None) != module.__name__:
                continue
            if isinstance(item, type) and issubclass(item, Op) and item.code:
                assert item.code not in ops, f"{item.code} is declared twice"
                ops[item.code] = item
            for name, lowering in _lowerings(item):
                assert name not in lowerings, f"{name} is lowered twice"
                lowerings[name] = lowering
    return Registry(ops, lowerings)


def _modules() -> Iterator[ModuleType]:
    for info in pkgutil.walk_packages(__path__, prefix=f"{__name__}."):
        if not info.ispkg:
            yield importlib.import_module(info.name)


def _lowerings(item: Any) -> Iterator[tuple[str, Lowering]]:
    """The lowerings that a function, or the static methods of an op, are marked with."""
    members = vars(item).values() if isinstance(item, type) else [item]
    for member in members:
        function = getattr(member, "__func__", member)
        for name in getattr(function, "lowers", ()):
            yield name.removeprefix("tf."), function
