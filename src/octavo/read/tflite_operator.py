"""One operator of a `.tflite` file -> the `Op` that it is, or an `Opaque` that keeps it as it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from functools import cache
from typing import Any, get_type_hints

from octavo.errors import Invalid
from octavo.ir.graph import Graph, Value
from octavo.ir.op import Op
from octavo.ir.type import Type
from octavo.ops import registry
from octavo.ops.opaque import Opaque
from octavo.read.flatbuffer import Table
from octavo.schema.layout import graph_fields, layout, operator


@dataclass(frozen=True, slots=True)
class OperatorCode:
    """Which operator it is: its name in the schema, its own name if it is custom, its version."""

    name: str
    custom: str
    version: int


def op_of(
    code: OperatorCode,
    table: Table,
    types: tuple[Type, ...],
    intermediates: tuple[Value, ...],
    graphs: Sequence[Graph],
) -> Op:
    """The op of an operator with outputs of `types`. Numbers of graphs become those of `graphs`.

    An operator is opaque when Octavo does not know it, and also when its op could not hold all that the file says.

    Raises:
        Invalid: an option has a value that the schema does not allow.
    """
    options = _options(table)
    values = {} if options is None else _values(options, graphs)
    kind = registry().ops.get(code.name)
    if kind is not None and not intermediates and not _mutating(table) and _fits(kind, code, options, values):
        return _known(kind, values)
    return opaque_of(code, table, types, intermediates, graphs)


def opaque_of(
    code: OperatorCode,
    table: Table,
    types: tuple[Type, ...],
    intermediates: tuple[Value, ...],
    graphs: Sequence[Graph],
) -> Opaque:
    """The operator as it stands, with outputs of `types`, whether Octavo knows it or not."""
    options = _options(table)
    return Opaque(
        code=code.name,
        types=types,
        table="" if options is None else options.name,
        options={} if options is None else _values(options, graphs),
        stored_version=code.version,
        custom_code=code.custom,
        custom_options=_custom_options(table),
        intermediates=intermediates,
        mutating_inputs=_mutating(table),
    )


def _options(table: Table) -> Table | None:
    found: Table | None = table.get("builtin_options") or table.get("builtin_options_2")
    return found


def _values(options: Table, graphs: Sequence[Graph]) -> dict[str, Any]:
    """The options, with graphs in place of their numbers, those included that a file leaves out because they are 0."""
    values, names = options.items(), graph_fields(options.name)
    scalars = {field.name for field in layout(options.name) if field.name in names and field.default is not None}
    named = {name: _graph(values.get(name, 0), graphs, options.name) for name in scalars | (names & values.keys())}
    return {**values, **named}


def _graph(number: Any, graphs: Sequence[Graph], table: str) -> Any:
    if not isinstance(number, int):
        return tuple(_graph(int(one), graphs, table) for one in number)
    if not 0 <= number < len(graphs):
        raise Invalid(f"{table} refers to graph {number} of {len(graphs)}")
    return graphs[number]


def _fits(kind: type[Op], code: OperatorCode, options: Table | None, values: dict[str, Any]) -> bool:
    """Whether the options are of the table that the operator should have, and the op has a field for each."""
    expected = operator(code.name).options
    right = options is None or options.name == expected
    return right and values.keys() <= {field.name for field in fields(kind)}


def _known(kind: type[Op], values: dict[str, Any]) -> Op:
    """The op with the fields that the file gives, and the schema's defaults for those that it leaves out."""
    try:
        return kind(**{name: _cast(hint, values.get(name, default)) for name, hint, default in _casts(kind)})  # type: ignore[arg-type]  # classes do hash
    except ValueError as error:
        raise Invalid(f"{kind.code} cannot have these options: {error}", where=f"{kind.code} {values}") from error


@cache
def _casts(kind: type[Op]) -> tuple[tuple[str, Any, Any], ...]:
    """Of each field of the op: its name, its type, and what the file means by leaving it out."""
    hints = get_type_hints(kind)
    table = operator(kind.code).options
    defaults = {field.name: field.default for field in layout(table)} if table else {}
    return tuple((field.name, hints[field.name], defaults[field.name]) for field in fields(kind))


def _cast(hint: Any, value: Any) -> Any:
    if isinstance(hint, type) and issubclass(hint, IntEnum):
        return hint(value)
    if value is None:  # an absent vector or string
        return "" if hint is str else ()
    return value


def _mutating(table: Table) -> tuple[bool, ...]:
    marks = table.get("mutating_variable_inputs")
    return () if marks is None or not marks.any() else tuple(marks.tolist())


def _custom_options(table: Table) -> bytes | None:
    """The bytes for a custom kernel: inside the operator, or behind the flatbuffer when they are large."""
    if (inside := table.get("custom_options")) is not None:
        return bytes(inside)
    behind = table.behind("large_custom_options_offset", "large_custom_options_size")
    return None if behind is None else bytes(behind)
