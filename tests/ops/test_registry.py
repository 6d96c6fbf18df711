"""The registry finds operations by reading sources, so what it found must be what the modules then declare."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType

from octavo import ops
from octavo.ir.op import Op
from octavo.ops import registry


def modules() -> Iterator[ModuleType]:
    for info in pkgutil.walk_packages(ops.__path__, prefix=f"{ops.__name__}."):
        if not info.ispkg:
            yield importlib.import_module(info.name)


def test_every_operation_that_a_module_defines_is_found_by_its_code() -> None:
    defined = {
        item.code: item
        for module in modules()
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, Op) and item.code and item.__module__ == module.__name__
    }
    assert dict(registry().ops) == defined


def test_every_lowering_that_is_marked_is_found_by_its_source_op() -> None:
    functions = [
        getattr(member, "__func__", member)
        for module in modules()
        for item in vars(module).values()
        if getattr(item, "__module__", None) == module.__name__
        for member in (vars(item).values() if isinstance(item, type) else [item])
    ]
    marked = {name.removeprefix("tf."): each for each in functions for name in getattr(each, "lowers", ())}
    assert {name: inspect.unwrap(found) for name, found in registry().lowerings.items()} == marked


def test_a_look_up_imports_the_module_that_it_needs_and_few_others() -> None:
    code = (
        "import sys; from octavo.ops import registry; ops = registry().ops; assert 'TILE' in ops;"
        "before = 'octavo.ops.tile' in sys.modules; ops['TILE'];"
        "print(before, 'octavo.ops.tile' in sys.modules, 'octavo.ops.resize' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["False", "True", "False"]
