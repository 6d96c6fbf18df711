"""What the outputs of source nodes stand for while a model is lowered: tensors, variables, lists of tensors."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from octavo.ir.build import Builder
from octavo.ir.dim import Dim
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError
from octavo.ir.source import SourceGraph, SourceRef
from octavo.ir.type import Type

LOOPS: Final = frozenset({"While", "StatelessWhile"})
BRANCHES: Final = frozenset({"If", "StatelessIf", "Case", "StatelessCase"})


TABLES: Final = frozenset(
    f"{name}{version}"
    for name in ("HashTable", "MutableHashTable", "MutableHashTableOfTensors", "MutableDenseHashTable")
    for version in ("", "V2")
)
"""Source ops that stand for a table."""
LOOKUPS: Final = frozenset(
    f"LookupTable{name}{version}" for name in ("Find", "Size", "Export") for version in ("", "V2")
)
"""Source ops that read one."""


class AlreadyToldError(NotLoweredError):
    """Something inside could not be lowered, and has been noted."""


class Handle(Struct, frozen=True):
    """A variable that nobody has read yet; or, where it `stays` one, an array of TensorFlow 1 or a lookup table."""

    node: str
    stays: bool = False


class TensorList(Struct, frozen=True):
    """A list of tensors of one type, kept as one tensor whose rows they are: `rows`, [length, *element].

    A list that was only reserved has no rows yet: `element` is what is known of the shape of its tensors (None for an
    open dimension, or for all), `length` how many they are, `count` the same as a scalar. The first tensor that is put
    in tells the rest. A list that `grows` may be longer after a tensor is put in. The first `lead` rows are none of the
    list's: LiteRT cannot hand an empty tensor to a loop, so a list that is empty there gets such a row.
    """

    dtype: np.dtype[Any]
    rows: Value | None = None
    element: tuple[Dim | None, ...] | None = None
    length: Dim = 0
    count: Value | None = None
    grows: bool = False
    lead: int = 0

    @property
    def type(self) -> Type | None:
        """The type of the rows, as far as it is known."""
        if self.rows is not None:
            return self.rows.type
        if self.element is None or None in self.element:
            return None
        return Type(self.dtype, (self.length, *(dim for dim in self.element if dim is not None)))

    def filled(self, build: Builder, element: tuple[Dim, ...] | None = None) -> TensorList:
        """The list with rows: zeros, if it has none yet, of the shape that is known or given.

        Raises:
            NotLoweredError: the shape of its tensors is not known, or cannot be computed from any tensor at hand.
        """
        if self.rows is not None:
            return self
        known = self if element is None else replace(self, element=element)
        type = known.type
        if type is None:
            raise NotLoweredError("the shape of the list's tensors is not known before one is put in")
        return replace(known, rows=zeros(build, type, self.count))


Item = Value | Handle | TensorList | None
"""What an output stands for; None where it could not be lowered."""


class Frame(Struct, frozen=True):
    """A source graph at work: what its arguments stand for, and what its nodes have given so far."""

    graph: SourceGraph
    values: dict[SourceRef, Item] = field(default_factory=dict)


def zeros(build: Builder, type: Type, count: Value | None = None) -> Value:
    """Zeros of a type, made at run time; `count` is the scalar of its first dimension, if that is open."""
    from octavo.ops.concatenation import Concatenation  # few models have lists
    from octavo.ops.fill import Fill
    from octavo.ops.reshape import reshape

    zero, rest = np.zeros((), type.dtype), type.shape[1:]
    if type.is_static:
        dims = build.const(np.array(type.shape, np.int32))
    elif count is not None and not isinstance(type.shape[0], int):
        first = reshape(build, count, [1])
        dims = build(Concatenation(axis=0), first, _dims(build, rest)) if rest else first
    else:
        dims = _dims(build, type.shape)
    values = [dims, build.const(zero)]
    made = build.graph.insert(Fill(), values, [type], names=["zeros"], origin=build.origin, before=build.before)
    return made.output


def _dims(build: Builder, dims: tuple[Dim, ...]) -> Value:
    """The dimensions as a vector, from the shape of whichever tensor of the graph has them."""
    from octavo.ops.shape import runtime_dims

    if all(isinstance(dim, int) for dim in dims):
        return build.const(np.array(dims, np.int32))
    for value in build.graph.values:
        if value.const is None and value.rank:
            try:
                return runtime_dims(build, dims, value)
            except NotLoweredError:  # another value may have them
                continue
    raise NotLoweredError(f"no tensor at hand has the dimensions {list(dims)}")
