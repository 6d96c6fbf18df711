"""Tensors that have one grid, and which tensors an operation reads and makes."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct, field

from octavo.ir.graph import Node, Value
from octavo.ir.grid import Interval
from octavo.ir.port import Fixed, Observed, SameAs
from octavo.ir.port import Grid as Dictated
from octavo.ir.source import Array


class Tensor(Struct, frozen=True):
    """A value in one integer dtype. A constant is a tensor of its own for each operation that reads it."""

    value: Value
    dtype: str
    reader: Node | None = None


class Group(Struct):
    """Tensors with one grid."""

    members: dict[Tensor, None]
    interval: Interval | None = None
    constants: Interval | None = None
    """What its constants span: they are cut to the range of the numbers that they meet, and count only if alone."""
    counts: Array | None = None
    dictated: Dictated | None = None
    dictator: str = ""
    clipped: str = ""
    """By what its range was made smaller, as the plan says it."""
    fitted: bool = False
    """Whether the interval is the one with which the outputs of the model change least."""
    whole: bool = False
    """Whether every number must lie inside: the outputs of the model are not clipped."""
    pinned: bool = False
    """Whether training or the user gave the range."""


def _joint(one: Group, other: Group) -> Interval | None:
    """An interval for both: a fitted one stands, since what is outside it was meant to be clipped."""
    if one.fitted != other.fitted:
        return one.interval if one.fitted else other.interval
    if one.interval is None or other.interval is None:
        return one.interval or other.interval
    return one.interval | other.interval


class Groups(Struct):
    """Tensors by the group that they belong to."""

    of: dict[Tensor, Group] = field(default_factory=dict)

    def merge(self, one: Tensor, other: Tensor) -> None:
        """Let two tensors, and all that already share with them, share one grid."""
        a, b = self.of[one], self.of[other]
        if a is b:
            return
        if len(a.members) < len(b.members):
            a, b = b, a
        a.members.update(b.members)
        a.interval = _joint(a, b)
        a.constants = a.constants | b.constants if a.constants and b.constants else a.constants or b.constants
        a.counts = a.counts if b.counts is None else b.counts if a.counts is None else a.counts + b.counts
        a.whole |= b.whole
        a.fitted |= b.fitted
        a.pinned |= b.pinned
        if a.dictated is None:
            a.dictated, a.dictator = b.dictated, b.dictator
        for member in b.members:
            self.of[member] = a


def tensor_of(node: Node, value: Value, dtype: str) -> Tensor:
    """The tensor as which `node` reads or makes `value`."""
    return Tensor(value, dtype, node if value.const is not None else None)


def real_operands(node: Node) -> Iterator[tuple[str, Value, Observed | SameAs | Fixed]]:
    """The operands that are activations: port name, value, port."""
    for name, value in zip(node.op.operands(len(node.inputs)), node.inputs, strict=True):
        port = node.op.port(name)
        if value is not None and isinstance(port, Observed | SameAs | Fixed) and value.dtype.kind == "f":
            yield name, value, port


def real_results(node: Node) -> Iterator[tuple[str, Value, Observed | SameAs | Fixed]]:
    """The results that are activations: port name, value, port."""
    for name, value in zip(node.op.results(len(node.outputs)), node.outputs, strict=False):
        port = node.op.port(name)
        if isinstance(port, Observed | SameAs | Fixed) and value.dtype.kind == "f":
            yield name, value, port
