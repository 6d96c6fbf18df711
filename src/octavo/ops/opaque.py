"""Operations that a file holds and Octavo knows nothing of: kept as they are, and written back untouched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from octavo.ir.graph import Graph
from octavo.ir.op import Op, operation
from octavo.ir.type import Type
from octavo.schema.storage import RESOURCE

if TYPE_CHECKING:
    from octavo.ir.graph import Node, Value


@operation
class Opaque(Op):
    """An operator as the file has it.

    `options` holds the fields of the options table called `table` that differ from their defaults; nested tables are
    mappings. A custom operator has the code `CUSTOM`, its own name as `custom_code`, and bytes that only
    its kernel understands. `intermediates` are tensors that the kernel keeps between its steps.
    """

    types: tuple[Type, ...]
    code: str = ""  # type: ignore[misc]  # here the code is a fact of each operator, not of the class
    table: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    stored_version: int = 1
    custom_code: str = ""
    custom_options: bytes | None = None
    intermediates: tuple[Value, ...] = ()
    mutating_inputs: tuple[bool, ...] = ()

    @property
    def graphs(self) -> tuple[Graph, ...]:
        """The graphs among its options, at any depth."""
        return tuple(_graphs(self.options))

    def with_graphs(self, twins: Mapping[Graph, Graph]) -> Opaque:
        """The operator over the twin of each graph that it runs."""
        return replace(self, options=_exchanged(self.options, twins)) if self.graphs else self

    __eq__ = object.__eq__  # nobody knows what makes two of them compute alike
    __hash__ = object.__hash__

    @property
    def foreign(self) -> str:
        """A kernel of the user's, or of a newer LiteRT, computes it; a variable keeps what it was given."""
        if self.table in _OF_VARIABLES:
            return "LiteRT keeps variables as they are"
        return "a kernel of yours computes it" if self.custom_code else "Octavo does not know what it computes"

    @classmethod
    @cache
    def operands(cls, count: int) -> tuple[str, ...]:
        """All alike."""
        return ("input",) * count

    @classmethod
    @cache
    def results(cls, count: int) -> tuple[str, ...]:
        """All alike."""
        return ("output",) * count

    def infer(self, *inputs: Value | None) -> tuple[Type, ...]:  # noqa: ARG002  # the file says, whatever the operands
        """The types that the file gives."""
        return self.types

    def version(self, node: Node) -> int:  # noqa: ARG002  # the file says
        """The version that the file gives."""
        return self.stored_version

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        name = f"{self.code}:{self.custom_code}" if self.custom_code else self.code
        return f"{name} {{{shown}}}" if shown else name


def _graphs(option: Any) -> Iterator[Graph]:
    if isinstance(option, Graph):
        yield option
    elif isinstance(option, Mapping | tuple):
        for part in option.values() if isinstance(option, Mapping) else option:
            yield from _graphs(part)


def _exchanged(option: Any, twins: Mapping[Graph, Graph]) -> Any:
    if isinstance(option, Graph):
        return twins[option]
    if isinstance(option, Mapping):
        return {name: _exchanged(part, twins) for name, part in option.items()}
    return tuple(_exchanged(part, twins) for part in option) if isinstance(option, tuple) else option


_OF_VARIABLES: Final = ("VarHandleOptions", "ReadVariableOptions", "AssignVariableOptions")


def handle(name: str) -> Opaque:
    """The variable of this name, which all graphs of the model share."""
    options = {"shared_name": name}
    return Opaque(types=(Type(RESOURCE, (1,)),), code="VAR_HANDLE", table=_OF_VARIABLES[0], options=options)


def reading(type: Type) -> Opaque:
    """What is in a variable: which type that is, its handle does not say."""
    return Opaque(types=(type,), code="READ_VARIABLE", table=_OF_VARIABLES[1])


def assignment() -> Opaque:
    """Puts a tensor into a variable."""
    return Opaque(types=(), code="ASSIGN_VARIABLE", table=_OF_VARIABLES[2])
