"""What TensorFlow's registry says of each op: its output arguments, and the defaults of its attributes.

A function body names a tensor as `node:argument:index`, so the arguments must be known to number its
outputs; and a saved node leaves out every attribute that has its default. The list inside a SavedModel
misses the ops used only in branches and loops, hence the table beside this file, which
`tools/generate_op_definitions.py` writes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from msgspec import Struct

from octavo.errors import Invalid
from octavo.ir.source import SourceNode
from octavo.read.saved_model.attributes import python_value
from octavo.read.saved_model.dtypes import DType, dtype_of
from octavo.read.saved_model.protos import parse

NO_DEFAULTS: Mapping[str, Any] = {}


class OutputArgument(Struct, frozen=True):
    """One output argument: one tensor, or as many as the attribute `repeat` says (a number, or a list of dtypes).

    `kind` is the number of its dtype, or the attribute that says it.
    """

    name: str
    repeat: str = ""
    kind: str = ""

    def count(self, attrs: Mapping[str, Any]) -> int:
        """How many tensors it stands for in a node with these attributes."""
        if not self.repeat:
            return 1
        value = attrs.get(self.repeat)
        if value is None:
            raise Invalid(f"a node lacks the attribute {self.repeat!r}, which counts its outputs", where=str(attrs))
        return value if isinstance(value, int) else len(value)

    def dtypes(self, attrs: Mapping[str, Any]) -> list[DType]:
        """The dtype of each of its tensors in a node with these attributes."""
        if not self.kind:
            return list(attrs[self.repeat])
        one = dtype_of(int(self.kind)) if self.kind.isdecimal() else attrs[self.kind]
        return [one] * self.count(attrs)


class OpDefinition(Struct, frozen=True):
    """The outputs of an op in order, and the attributes that have a default."""

    outputs: tuple[OutputArgument, ...]
    defaults: Mapping[str, Any]


class OpDefinitions:
    """Looks definitions up: in TensorFlow's table first, then among those that the model brings along.

    The latter hold its custom ops; they are parsed only if an op is not in the table.
    """

    def __init__(self, stripped_op_list: bytes = b"", *, where: str = "") -> None:
        """Take the serialized OpList of a model's `meta_info_def`."""
        self._of_the_model: Callable[[], dict[str, OpDefinition]] = cache(
            lambda: {op.name: definition_of(op) for op in parse("OpList", stripped_op_list, where=where).op}
        )

    def results(self, node: SourceNode) -> list[DType] | None:
        """The dtypes of what a node gives; None if nobody defines its op, or it lacks an attribute."""
        definition = self.find(node.op)
        try:
            return None if definition is None else [t for out in definition.outputs for t in out.dtypes(node.attrs)]
        except KeyError:
            return None

    def defaults(self, op: str) -> Mapping[str, Any]:
        """The attributes of an op that have a default."""
        definition = self.find(op)
        return NO_DEFAULTS if definition is None else definition.defaults

    def find(self, op: str) -> OpDefinition | None:
        """The definition of `op`, or None if nobody defines it."""
        return _known(op) or self._of_the_model().get(op)


def definition_of(op_def: Any) -> OpDefinition:
    """The definition that an OpDef message (of a custom op, or of a function) gives."""
    outputs = tuple(
        OutputArgument(arg.name, arg.number_attr or arg.type_list_attr, arg.type_attr or str(arg.type or ""))
        for arg in op_def.output_arg
    )
    where = f"definition of op {op_def.name!r}"
    defaults = {
        attr.name: python_value(attr.default_value, where=where)
        for attr in op_def.attr
        if attr.HasField("default_value")
    }
    return OpDefinition(outputs, defaults)


@cache
def _known(op: str) -> OpDefinition | None:
    line = _table().get(op)
    if line is None:
        return None
    fields = json.loads(line)
    outputs = tuple(_output(*([out] if isinstance(out, str) else out)) for out in fields.get("out", ()))
    return OpDefinition(outputs, {name: _default(*pair) for name, pair in fields.get("attrs", {}).items()})


def _output(typed: str, repeat: str = "") -> OutputArgument:
    name, _, kind = typed.partition(":")
    return OutputArgument(name, repeat, kind)


@cache
def _table() -> dict[str, str]:
    text = resources.files("octavo.read.saved_model").joinpath("op_definitions.txt").read_text("utf-8")
    return dict(line.split("\t", 1) for line in text.splitlines() if not line.startswith("#"))


def _default(kind: str, value: Any) -> Any:
    if kind.startswith("list("):
        return [_default(kind[5:-1], item) for item in value]
    if kind == "type":
        return dtype_of(value)
    if kind == "shape" and value is not None:
        return tuple(value)
    return value
