"""Emitting nodes: types are inferred, constants fold, names and origins are kept."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from octavo.ir.graph import Graph, Node, Value
from octavo.ir.op import NotLoweredError, Op
from octavo.ir.source import Array, SourceNode
from octavo.ir.type import Type

Operand = Value | npt.ArrayLike | None
T = TypeVar("T")
Memo = dict[object, tuple[tuple[Array, ...] | None, list[Value | None]]]
"""What folding gave, by operation and operands; the operands are kept, so that their identities stay theirs."""

SMALL = 4096
"""Constants of up to this many bytes are compared by content."""
FOLD_LIMIT = 1 << 20
"""Folding stops where it would make a constant of more bytes than this out of smaller ones."""


class Source(Struct, frozen=True):
    """One source node as its lowering sees it: its inputs are lowered already."""

    node: SourceNode
    inputs: tuple[Value, ...]

    def attr(self, name: str, kind: type[T]) -> T:
        """The attribute `name`, which must be a `kind`.

        Raises:
            NotLoweredError: the attribute is missing or of another kind.
        """
        value = self.node.attrs.get(name)
        if not isinstance(value, kind):
            raise NotLoweredError(f"attribute {name!r} should be a {kind.__name__}, not {value!r}")
        return value

    def ints(self, name: str) -> tuple[int, ...]:
        """The attribute `name`, a list of ints."""
        return tuple(self.attr(name, list))

    def dtype(self, name: str) -> np.dtype[Any]:
        """The attribute `name`, a dtype that tensors can have."""
        return self.attr(name, np.dtype)

    def const(self, index: int, what: str) -> Array:
        """The numbers of input `index`, which must be known before the model runs.

        Raises:
            NotLoweredError: they are not; the message calls the input `what`.
        """
        array = self.inputs[index].const
        if array is None:
            raise NotLoweredError(f"its {what} must be known before the model runs")
        return array


class Builder:
    """Emits nodes into `graph`, in front of `before` (or at the end), on behalf of the source layers `origin`."""

    def __init__(
        self, graph: Graph, *, before: Node | None = None, origin: tuple[str, ...] = (), memo: Memo | None = None
    ) -> None:
        """Start at a place; `before` and `origin` may be set anew as work goes on.

        Builders that share a `memo` fold the same operation on the same constants once.
        """
        self.graph = graph
        self.memo = {} if memo is None else memo
        self.before = before
        self.origin = origin
        self.named = ""
        """What new values are called, instead of by the first source layer."""

    def __call__(self, op: Op, *inputs: Operand, name: str = "") -> Value:
        """The only output of a new node, or a constant when the node's numbers are known."""
        (value,) = self.many(op, *inputs, name=name)
        return value

    def many(self, op: Op, *inputs: Operand, name: str = "") -> tuple[Value, ...]:
        """The outputs of a new node, or constants when the node's numbers are known."""
        name = name or self.named or (self.origin[0] if self.origin else op.code.lower())
        values = [self._value(operand, name) for operand in inputs]
        inferred = op.infer(*values)
        types = inferred if isinstance(inferred, tuple) else (inferred,)
        known = _fold(op, values, types, self.memo)
        if known is not None and all(a.dtype != object or t.dtype == object for a, t in zip(known, types, strict=True)):
            return tuple(self.const(np.asarray(a, t.dtype), name) for a, t in zip(known, types, strict=True))
        node = self.graph.insert(op, values, types, names=[name] * len(types), origin=self.origin, before=self.before)
        for value, array in zip(node.outputs, known or (), strict=False):
            value.dims = array
        return node.outputs

    def inner(self, name: str) -> Builder:
        """A builder over a new graph, for a branch or the body of a loop; its values get names of their own.

        The new graph sees nothing of this one: what it reads, it must be given as an input.
        """
        graph = Graph(self.graph.unique(name), beside=self.graph)
        return Builder(graph, origin=self.origin, memo=self.memo)

    def const(self, array: npt.ArrayLike, name: str = "const") -> Value:
        """A constant. Python numbers become float32 or int32."""
        return self.graph.const(_array(array), name)

    def _value(self, operand: Operand, name: str) -> Value | None:
        if operand is None or isinstance(operand, Value):
            return operand
        return self.const(operand, f"{name}/const")


def _fold(op: Op, values: list[Value | None], types: tuple[Type, ...], memo: Memo) -> tuple[Array, ...] | None:
    """The outputs' numbers when they are known and worth storing."""
    if type(op).evaluate is Op.evaluate and type(op).known is Op.known:
        return None
    size = sum(math.prod(map(int, t.shape)) * t.dtype.itemsize for t in types if t.is_static)
    given = sum(v.const.nbytes for v in values if v is not None and v.const is not None)
    if size > max(FOLD_LIMIT, given):
        return None
    if any(value is not None and value.const is None for value in values):
        return _settled(op.known(*values))
    key = (op, *(None if value is None or value.const is None else _identity(value.const) for value in values))
    if key not in memo:
        memo[key] = _settled(op.known(*values)), values
    return memo[key][0]


def _identity(array: Array) -> object:
    """Equal for equal small constants; for large ones only if they are one array."""
    if array.nbytes > SMALL or array.dtype == object:
        return id(array)
    return (array.dtype, array.shape, array.tobytes())


def _settled(known: tuple[Array, ...] | None) -> tuple[Array, ...] | None:
    """Object arrays that turned out to hold only ints become int arrays."""
    if known is None:
        return None
    return tuple(
        a.astype(np.int64) if a.dtype == object and all(isinstance(d, (int, np.integer)) for d in a.flat) else a
        for a in map(np.asarray, known)
    )


def _array(operand: npt.ArrayLike) -> Array:
    array = np.asarray(operand)
    if isinstance(operand, np.ndarray | np.generic):
        return array
    return array.astype(
        np.int32 if array.dtype.kind in "iu" else np.float32 if array.dtype.kind == "f" else array.dtype
    )
