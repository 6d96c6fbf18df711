"""TensorFlow's lists of tensors (what `tf.TensorArray` is made of) as tensors with a leading dimension."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from octavo.ir.build import Builder
from octavo.ir.dim import Dim, product
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError
from octavo.ir.source import SourceNode
from octavo.ir.type import Type
from octavo.lower.item import Item, TensorList
from octavo.ops.concatenation import Concatenation
from octavo.ops.dynamic_update_slice import DynamicUpdateSlice
from octavo.ops.expand_dims import expand_dims
from octavo.ops.gather import Gather
from octavo.ops.pack import Pack
from octavo.ops.reshape import reshape
from octavo.ops.shape import Shape, runtime_dims
from octavo.ops.slice import Slice

MOST: Final = 32
"""Places that are written one by one."""
Lowering = Callable[[SourceNode, Sequence[Any], Builder], Sequence[Item]]


def _reserve(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:  # noqa: ARG001  # one shape for all
    """As many tensors as the second operand says."""
    shape, count = inputs
    return [TensorList(dtype_of(node), element=_partial(shape), length=length_of(count), count=count)]


def _empty(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:
    """None yet; tensors are pushed behind it."""
    return [TensorList(dtype_of(node), element=_partial(inputs[0]), length=0, count=build.const(0))]


def _from_tensor(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:  # noqa: ARG001  # as above
    """The rows of a tensor."""
    return [TensorList(inputs[0].dtype, rows=inputs[0])]


def get(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:  # noqa: ARG001  # as above
    """One row."""
    items, index, shape = inputs
    return [build(Gather(axis=0), _rows(items, build, shape), index)]


def put(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:
    """The list with another tensor in the place of one."""
    items, index, item = inputs
    if node.attrs.get("resize_if_index_out_of_bounds") or items.grows:
        raise NotLoweredError("a list that grows by writing behind its end is not kept as one tensor")
    items = _filled(items, item, build)
    rows, row = _rows(items, build, None), expand_dims(build, item, 0)
    if rows.shape[0] == 1:
        return [replace(items, rows=row)]
    zero = build.const(np.int32(0))
    begin = build(Pack(values_count=rows.rank), index, *[zero] * item.rank) if item.rank else reshape(build, index, [1])
    return [replace(items, rows=build(DynamicUpdateSlice(), rows, row, begin))]


def stack(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:  # noqa: ARG001  # as above
    """All tensors along a new first dimension."""
    return [_rows(inputs[0], build, inputs[1] if len(inputs) > 1 else None)]


def size(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:  # noqa: ARG001  # as above
    """How many tensors there are."""
    (items,) = inputs
    if items.rows is None:
        return [items.count if items.count is not None else build.const(np.int32(items.length))]
    length = build(Slice(), build(Shape(), items.rows), np.array([0], np.int32), np.array([1], np.int32))
    return [reshape(build, length, [])]


def _push(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:  # noqa: ARG001  # as above
    """The list with one tensor more."""
    items, item = inputs
    row = expand_dims(build, item, 0)
    if items.rows is None and items.length == 0:
        return [replace(items, rows=row)]
    return [replace(items, rows=build(Concatenation(axis=0), _filled(items, item, build).rows, row))]


def _pop(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:
    """The list without its last tensor, and that tensor."""
    items, shape = inputs
    rows = _rows(items, build, shape)
    (length,) = size(node, [replace(items, rows=rows)], build)
    assert isinstance(length, Value)
    last = length.known.item() - 1 if length.known is not None else None
    if last is None:
        raise NotLoweredError("the length of the list must be known, at least in terms of other dimensions")
    sizes: list[Dim] = [last, *rows.shape[1:]]
    left = build(Slice(), rows, np.zeros(rows.rank, np.int32), runtime_dims(build, sizes, rows))
    begin = reshape(build, runtime_dims(build, [last], rows), [])
    return [replace(items, rows=left), build(Gather(axis=0), rows, begin)]


def _element_shape(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:
    """The shape of each tensor."""
    (items,) = inputs
    dtype = node.attrs.get("shape_type", np.dtype(np.int32))
    if items.rows is not None:
        return [runtime_dims(build, items.rows.shape[1:], items.rows)]
    if items.element is None:
        return [build.const(np.array(-1, dtype))]
    return [build.const(np.array([-1 if dim is None else dim for dim in items.element], dtype))]


def concat(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:  # noqa: ARG001  # as above
    """All tensors along their first dimension, and the length of each."""
    rows = _rows(inputs[0], build, None)
    if rows.rank < 2:
        raise NotLoweredError("scalars cannot be joined end to end")
    count, length, *rest = rows.shape
    joined = reshape(build, rows, [product([count, length]), *rest])
    if not isinstance(count, int) or not isinstance(length, int):
        return [joined, None]
    return [joined, build.const(np.full(count, length, np.int64))]


def scatter(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:
    """The list with the rows of a tensor put in at places that are known."""
    items, tensor, places = inputs
    if places.const is None or places.const.size > MOST:
        raise NotLoweredError(f"where the tensors are put in must be known, and be {MOST} places at most")
    for number, place in enumerate(places.const):
        (items,) = put(node, [items, build.const(place), build(Gather(axis=0), tensor, np.int32(number))], build)
    return [items]


def gather(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:  # noqa: ARG001  # as above
    """Some rows."""
    items, indices, shape = inputs
    return [build(Gather(axis=0), _rows(items, build, shape), indices)]


LISTS: Final[Mapping[str, Lowering]] = {
    "TensorListReserve": _reserve,
    "EmptyTensorList": _empty,
    "TensorListFromTensor": _from_tensor,
    "TensorListGetItem": get,
    "TensorListSetItem": put,
    "TensorListStack": stack,
    "TensorListLength": size,
    "TensorListPushBack": _push,
    "TensorListPopBack": _pop,
    "TensorListElementShape": _element_shape,
    "TensorListConcat": concat,
    "TensorListConcatV2": concat,
    "TensorListGather": gather,
    "TensorListScatterIntoExistingList": scatter,
}
"""Source ops that take or give lists of tensors."""


def _rows(items: TensorList, build: Builder, shape: Value | None) -> Value:
    """All tensors as one; of a list into which none was put, zeros of the shape that is asked for."""
    asked = None if shape is None else _partial(shape)
    element = items.element if asked is None or (items.element is not None and None not in items.element) else asked
    rows = replace(items, element=element).filled(build).rows
    assert rows is not None
    return rows


def _filled(items: TensorList, item: Value, build: Builder) -> TensorList:
    """The list, of tensors such as `item`."""
    if items.rows is None and items.count is None:  # it comes from outside the loop: an input tells its type
        stand_in = build.graph.input("list", Type(item.dtype, (items.length, *item.shape)))
        return replace(items, rows=stand_in)
    return items.filled(build, item.shape)


def _partial(shape: Value) -> tuple[Dim | None, ...] | None:
    """What an operand says of the shape of a list's tensors: −1 for any length, or alone for any shape."""
    if shape.known is None or shape.rank == 0:
        return None
    return tuple(None if dim == -1 else dim if not isinstance(dim, np.integer) else int(dim) for dim in shape.known)


def length_of(count: Value) -> Dim:
    """How many tensors a scalar says.

    Raises:
        NotLoweredError: it is not known.
    """
    known = count.known
    if known is None:
        raise NotLoweredError("the length of the list must be known, at least in terms of other dimensions")
    found: Dim = known.item() if known.dtype == object else int(known.item())
    return found


def dtype_of(node: SourceNode, name: str = "element_dtype") -> np.dtype[Any]:
    """What the list's tensors hold, as an attribute says."""
    dtype = node.attrs[name]
    if not isinstance(dtype, np.dtype):
        raise NotLoweredError(f"a list of {dtype} is no tensor")
    return dtype
