"""What is handed from graph to graph: tensors, and lists of them as tensors."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from octavo.ir.build import Builder
from octavo.ir.graph import Graph, Value
from octavo.ir.op import NotLoweredError
from octavo.ir.type import Type
from octavo.lower.item import Item, TensorList


def is_moving(item: Item) -> bool:
    """Whether a body must be handed it: variables and constants it can have of its own."""
    return isinstance(item, TensorList) or (isinstance(item, Value) and item.const is None)


def is_empty(item: Item) -> bool:
    """Whether it is a list of known length without anything in it, of which each graph can have one of its own."""
    return isinstance(item, TensorList) and item.rows is None and isinstance(item.length, int)


def begun_anew(item: Item, build: Builder) -> Item:
    """An empty list as a list of the graph of `build`; any other item as it is."""
    if not isinstance(item, TensorList) or not is_empty(item):
        return item
    return replace(item, count=build.const(np.array(item.length, np.int32)))


def standing_for(item: Item, value: Value) -> Item:
    """What a tensor stands for, given what stood there before."""
    if not isinstance(item, TensorList):
        return value
    return TensorList(value.dtype, rows=value, grows=item.grows, lead=item.lead)


def input_like(graph: Graph, value: Value) -> Value:
    """A new input of a graph for a tensor from outside it."""
    made = graph.input(value.name, value.type)
    made.dims = value.dims
    return made


def tensor_of(item: Item, build: Builder) -> Value:
    """The tensor that can be handed from graph to graph."""
    if isinstance(item, TensorList):
        rows = item.filled(build).rows
        assert rows is not None
        return rows
    if not isinstance(item, Value):
        raise NotLoweredError("it hands on a variable, where LiteRT has tensors only")
    return item


def type_of(item: Item) -> Type | None:
    """The type of a tensor, or of a list's rows as far as it is known."""
    return item.type if isinstance(item, Value | TensorList) else None
