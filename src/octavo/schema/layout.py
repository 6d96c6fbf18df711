"""Where each field of each table of the LiteRT schema stands: the generated tables, with names for their columns."""

from __future__ import annotations

import re
from functools import cache
from typing import Final, NamedTuple

from octavo.schema import tables

_GRAPHS: Final = re.compile(r"subgraph|called_computations|\w+_subgraph_(index|indices)")


class Field(NamedTuple):
    """One field of a table.

    `slot` is its place in the vtable. `kind` is a scalar (`bool`, `int8`, `uint8`, `int32`, `uint32`, `int64`,
    `uint64`, `float32`), `string`, `table`, `union`, or `vector:` and one of these. `of` names the enumeration of a
    scalar, the class of a table, or the union. `default` is what an absent scalar means.
    """

    name: str
    slot: int
    kind: str
    of: str
    default: bool | int | float | None


class Operator(NamedTuple):
    """One builtin operator: its number, and its options table with the union (1 or 2) and the number in it."""

    number: int
    options: str
    union: int
    union_type: int


@cache
def layout(table: str) -> tuple[Field, ...]:
    """The fields of a table, in the order of their slots."""
    return tuple(Field(*row) for row in tables.TABLES[table])


@cache
def graph_fields(table: str) -> frozenset[str]:
    """The fields of an options table that refer to graphs of the model by their numbers, one or several."""
    return frozenset(field.name for field in layout(table) if _GRAPHS.fullmatch(field.name)) if table else frozenset()


@cache
def operator(code: str) -> Operator:
    """The builtin operator called `code`.

    Raises:
        KeyError: the schema knows no such operator.
    """
    return Operator(*tables.OPERATORS[code])


@cache
def codes() -> dict[int, str]:
    """The name of each builtin operator by its number."""
    return {row[0]: code for code, row in tables.OPERATORS.items()}
