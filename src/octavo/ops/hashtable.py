"""Tables from texts to whole numbers, and back, that the runtime keeps; how to look numbers up without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np

from octavo.ir.build import Builder
from octavo.ir.graph import Graph, Value
from octavo.ir.op import NotLoweredError, Op, operation
from octavo.ir.port import Plain
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops.binary import Add, Maximum, Minimum, Mul, Sub
from octavo.ops.cast import cast
from octavo.ops.comparison import Equal, LessEqual
from octavo.ops.expand_dims import expand_dims
from octavo.ops.gather import Gather
from octavo.ops.reduce import Sum
from octavo.schema.enums import TensorType
from octavo.schema.storage import RESOURCE, tensor_type

_INT32, _INT64, _TEXT = np.dtype(np.int32), np.dtype(np.int64), np.dtype(object)
DENSE: Final = 4
"""Keys that fill this part of their range, or more, are places in one array."""
FEW: Final = 32
"""Up to so many keys are compared one by one; more are searched by halves."""


@operation
class Hashtable(Op):
    """The table of this number, which all graphs of the model share."""

    table_id: int = 0
    key_dtype: TensorType = TensorType.FLOAT32
    value_dtype: TensorType = TensorType.FLOAT32

    code: ClassVar = "HASHTABLE"
    ports: ClassVar = {"output": Plain()}

    def infer(self) -> Type:
        """A handle."""
        return Type(RESOURCE, (1,))


@operation
class HashtableImport(Op):
    """Fills an empty table with keys and their values; a table that was filled before stays as it is."""

    code: ClassVar = "HASHTABLE_IMPORT"
    ports: ClassVar = {"table": Plain(), "keys": Plain(), "values": Plain()}

    def infer(self, table: Value, keys: Value, values: Value) -> tuple[Type, ...]:  # noqa: ARG002  # the kernel's operands
        """Nothing.

        Raises:
            ValueError: there are more or fewer keys than values.
        """
        if keys.shape != values.shape:
            raise ValueError(f"keys {keys.type} and values {values.type} do not go together")
        return ()


@operation
class HashtableFind(Op):
    """The value of each key, `default` where the table has none."""

    code: ClassVar = "HASHTABLE_FIND"
    ports: ClassVar = {"table": Plain(), "keys": Plain(), "default": Plain(), "output": Plain()}

    def infer(self, table: Value, keys: Value, default: Value) -> Type:  # noqa: ARG002  # as above
        """The shape of the keys."""
        return Type(default.dtype, keys.shape)


@operation
class CallOnce(Op):
    """Runs a graph in the first run of the model, and never again."""

    init_subgraph_index: Graph

    code: ClassVar = "CALL_ONCE"

    @property
    def graphs(self) -> tuple[Graph, ...]:
        """What runs."""
        return (self.init_subgraph_index,)

    def with_graphs(self, twins: Mapping[Graph, Graph]) -> CallOnce:
        """The call of the graph's twin."""
        return CallOnce(twins[self.init_subgraph_index])

    def infer(self) -> tuple[Type, ...]:
        """Nothing."""
        return ()


@dataclass(frozen=True, slots=True)
class Table:
    """Keys of one dimension, each once, and for each a number, a text or a row of them. `id` is unlike all others."""

    id: int
    keys: Array
    values: Array


def find(build: Builder, table: Table, keys: Value, default: Array) -> tuple[Value, Table | None]:
    """The value of each key, `default` where there is none; and the table that the runtime must keep for that, if any.

    Whole numbers are looked up by operations that every runtime has, exactly, whatever their size.

    Raises:
        NotLoweredError: keys are neither texts nor whole numbers.
    """
    values = table.values
    if keys.const is not None:
        return build.const(_looked_up(table, keys.const, default)), None
    if keys.dtype not in (_INT32, _INT64, _TEXT):
        raise NotLoweredError(f"LiteRT has no tables with keys of {keys.dtype.name}")
    if not len(values):
        return _all(build, keys, default), None
    if keys.dtype == _TEXT and values.dtype == _INT64 and values.ndim == 1:
        return _kept(build, table, keys, default), table
    if keys.dtype != _TEXT:
        at, meant = _place(build, table.keys, keys)
        return _picked(build, at, meant, values, default), None
    numbered = Table(table.id, table.keys, np.arange(1, len(values) + 1))
    place = _kept(build, numbered, keys, np.zeros((), np.int64))
    return _picked(build, place, np.arange(len(values) + 1) - 1, values, default), numbered


def filled(build: Builder, tables: list[Table]) -> None:
    """Fill the tables, in the first run."""
    inner = build.inner("tables")
    for table in tables:
        inner.many(HashtableImport(), _handle(inner, table), table.keys, table.values, name="table")
    build.many(CallOnce(inner.graph), name="tables")


def _handle(build: Builder, table: Table) -> Value:
    kinds = [tensor_type(array.dtype) for array in (table.keys, table.values)]
    return build(Hashtable(table.id, *(kind for kind in kinds if kind is not None)), name="table")


def _kept(build: Builder, table: Table, keys: Value, default: Array) -> Value:
    return build(
        HashtableFind(), _handle(build, table), keys, build.const(default.astype(table.values.dtype, copy=False))
    )


def _place(build: Builder, known: Array, keys: Value) -> tuple[Value, Array]:
    """A number for each key, and which of the `known` keys each such number means; −1 for none."""
    order = np.argsort(known, kind="stable")
    ordered = known[order]
    low, high = int(ordered[0]), int(ordered[-1])
    info = np.iinfo(known.dtype)
    if high - low < DENSE * len(known) + FEW and info.min < low and high < info.max:
        meant = np.full(high - low + 3, -1)
        meant[ordered.astype(np.int64) - low + 1] = order
        clipped = build(
            Minimum(), build(Maximum(), keys, np.array(low - 1, known.dtype)), np.array(high + 1, known.dtype)
        )
        place = build(Sub(), clipped, np.array(low - 1, known.dtype))
        return place, meant
    if len(known) <= FEW:
        hits = build(Equal(), expand_dims(build, keys, keys.rank), known)
        numbers = build(Mul(), cast(build, hits, _INT32), np.arange(1, len(known) + 1, dtype=np.int32))
        place = build(Sum(keep_dims=False), numbers, np.array([keys.rank], np.int32))
        return place, np.arange(len(known) + 1) - 1
    return _searched(build, ordered, keys), np.append(order, -1)


def _searched(build: Builder, ordered: Array, keys: Value) -> Value:
    """The place of each key among those in order, their number where it is not among them."""
    count = len(ordered)
    bits = int(count - 1).bit_length()
    padded = np.append(ordered, np.full((1 << bits) - count, ordered[-1]))
    place: Value | None = None
    for bit in reversed(range(bits)):
        step = np.array(1 << bit, np.int32)
        ahead = build.const(step) if place is None else build(Add(), place, step)
        there = build(LessEqual(), build(Gather(axis=0), padded, ahead), keys)
        taken = build(Mul(), cast(build, there, _INT32), step)
        place = taken if place is None else build(Add(), place, taken)
    assert place is not None
    place = build(Minimum(), place, np.array(count - 1, np.int32))
    hit = cast(build, build(Equal(), build(Gather(axis=0), padded, place), keys), _INT32)
    beside = build(Mul(), build(Sub(), place, np.array(count, np.int32)), hit)
    return build(Add(), beside, np.array(count, np.int32))


def _picked(build: Builder, place: Value, meant: Array, values: Array, default: Array) -> Value:
    rows = np.concatenate([values, np.asarray(default, values.dtype).reshape(1, *values.shape[1:])])
    return build(Gather(axis=0), rows[meant], place)


def _all(build: Builder, keys: Value, default: Array) -> Value:
    """The default for every key, of a table that has none."""
    zero = cast(build, build(Equal(), keys, keys), _INT32)
    return build(Gather(axis=0), np.stack([default, default]), zero)


def _looked_up(table: Table, keys: Array, default: Array) -> Array:
    known: dict[Any, Any] = dict(zip(table.keys.tolist(), table.values, strict=True))
    found = np.empty((*keys.shape, *np.shape(default)), table.values.dtype)
    for place in np.ndindex(keys.shape):
        found[place] = known.get(keys[place].item() if keys.dtype != _TEXT else keys[place], default)
    return found
