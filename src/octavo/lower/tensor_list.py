"""TensorFlow's lists of tensors (what `tf.TensorArray` is made of) as tensors with a leading dimension."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from msgspec.structs import replace

from octavo.ir.build import Builder
from octavo.ir.dim import Dim, product, symbol
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError
from octavo.ir.source import SourceNode
from octavo.ir.type import Type
from octavo.lower.item import Item, TensorList, zeros
from octavo.ops.binary import Add, Maximum, Sub
from octavo.ops.cast import cast
from octavo.ops.concatenation import Concatenation, concatenate
from octavo.ops.dynamic_update_slice import DynamicUpdateSlice
from octavo.ops.expand_dims import expand_dims
from octavo.ops.gather import Gather
from octavo.ops.pack import Pack
from octavo.ops.range import Range
from octavo.ops.reshape import reshape
from octavo.ops.scatter_nd import scatter as scatter_nd
from octavo.ops.shape import Shape, known_dims, opened, runtime_dims
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
    return [build(Gather(axis=0), _rows(items, build, shape), _behind_lead(items, index, build))]


def put(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:
    """The list with another tensor in the place of one, longer if that place is behind its end."""
    items, index, item = inputs
    index = _behind_lead(items, index, build)
    items, row = _filled(items, item, build), expand_dims(build, item, 0)
    if node.attrs.get("resize_if_index_out_of_bounds") or items.grows:
        items = replace(items, rows=_reaching(build, _rows(items, build, None), index))
    rows = _rows(items, build, None)
    if rows.shape[0] == 1:
        return [replace(items, rows=row)]
    zero = build.const(np.int32(0))
    begin = build(Pack(values_count=rows.rank), index, *[zero] * item.rank) if item.rank else reshape(build, index, [1])
    return [replace(items, rows=build(DynamicUpdateSlice(), rows, row, begin))]


def stack(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:  # noqa: ARG001  # as above
    """All tensors along a new first dimension."""
    return [_all(inputs[0], build, inputs[1] if len(inputs) > 1 else None)]


def size(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:  # noqa: ARG001  # as above
    """How many tensors there are."""
    (items,) = inputs
    if items.rows is None:
        known = build.const(np.int32(items.length - items.lead)) if isinstance(items.length, int) else items.count
        return [known]
    return [build(Sub(), _length(build, items.rows), build.const(np.int32(items.lead)))]


def _push(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:  # noqa: ARG001  # as above
    """The list with one tensor more."""
    items, item = inputs
    row = expand_dims(build, item, 0)
    if items.rows is None and items.length == 0:
        return [replace(items, rows=row)]
    return [replace(items, rows=build(Concatenation(axis=0), _filled(items, item, build).rows, row))]


def _pop(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:  # noqa: ARG001  # as above
    """The list without its last tensor, and that tensor."""
    items, shape = inputs
    rows = _rows(items, build, shape)
    length = _length(build, rows)
    if length.known is None:
        raise NotLoweredError("the length of the list must be known, at least in terms of other dimensions")
    last = length.known.item() - 1
    sizes: list[Dim] = [last, *rows.shape[1:]]
    left = build(Slice(), rows, np.zeros(rows.rank, np.int32), runtime_dims(build, sizes, rows))
    begin = reshape(build, runtime_dims(build, [last], rows), [])
    return [replace(items, rows=left), build(Gather(axis=0), rows, begin)]


def _resize(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:  # noqa: ARG001  # as above
    """The list cut behind so many tensors, or filled up with zeros."""
    items, count = inputs
    length = length_of(count)
    if items.rows is None:
        return [replace(items, length=length, count=count, lead=0)]
    rows = _all(items, build, None)
    have = rows.shape[0]
    if not isinstance(length, int) or not isinstance(have, int) or length > have:
        more = length - have if isinstance(length, int) and isinstance(have, int) else length
        filling = zeros(build, Type(rows.dtype, (more, *rows.shape[1:])), None if isinstance(more, int) else count)
        rows = build(Concatenation(axis=0), rows, filling)
    if rows.shape[0] != length:
        sizes = runtime_dims(build, (length, *rows.shape[1:]), rows)
        rows = build(Slice(), rows, np.zeros(rows.rank, np.int32), sizes)
    return [replace(items, rows=rows, lead=0)]


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
    rows = _all(inputs[0], build, None)
    if rows.rank < 2:
        raise NotLoweredError("scalars cannot be joined end to end")
    count, length, *rest = rows.shape
    joined = reshape(build, rows, [product([count, length]), *rest])
    if not isinstance(count, int) or not isinstance(length, int):
        return [joined, None]
    return [joined, build.const(np.full(count, length, np.int64))]


def split(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:  # noqa: ARG001  # as above
    """The list of the parts of a tensor, which must have one length."""
    tensor, _, lengths = inputs
    parts = {int(length) for length in lengths.const.ravel()} if lengths.const is not None else set()
    if len(parts) != 1:
        raise NotLoweredError("the parts must have one length, which is known")
    return [TensorList(tensor.dtype, rows=reshape(build, tensor, [lengths.const.size, *parts, *tensor.shape[1:]]))]


def _scattered(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:  # noqa: ARG001  # as above
    """A new list of the rows of a tensor, at any places; zeros elsewhere."""
    tensor, places, _, *count = inputs
    length = length_of(count[0]) if count and count[0].const is not None and count[0].const.item() >= 0 else None
    if length is None and places.const is not None:
        length = int(places.const.max(initial=-1)) + 1
    if not isinstance(length, int):
        raise NotLoweredError("the length of the list must be known, at least in terms of other dimensions")
    if counts(places) and places.shape[0] == length:
        return [TensorList(tensor.dtype, rows=tensor)]
    shape = runtime_dims(build, (length, *tensor.shape[1:]), tensor)
    column = reshape(build, cast(build, places, np.dtype(np.int32)), [places.shape[0], 1])
    return [TensorList(tensor.dtype, rows=scatter_nd(build, column, tensor, shape))]


def scatter(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:
    """The list with the rows of a tensor put in, in their order."""
    items, tensor, places = inputs
    count = places.shape[0]
    if not isinstance(count, int) or count > MOST:
        raise NotLoweredError(f"how many tensors are put in must be known, and be {MOST} at most")
    for number in range(count):
        place = build(Gather(axis=0), places, np.int32(number))
        (items,) = put(node, [items, place, build(Gather(axis=0), tensor, np.int32(number))], build)
    return [items]


def gather(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:  # noqa: ARG001  # as above
    """Some rows."""
    items, indices, shape = inputs
    return [build(Gather(axis=0), _all(items, build, shape), indices)]


def _joined(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:  # noqa: ARG001  # as above
    """The tensors of one list, then those of another."""
    one, other = inputs
    known = one.type or other.type
    if known is None:
        raise NotLoweredError("the shape of the list's tensors is not known before one is put in")
    rows = [_all(replace(items, element=known.shape[1:]), build, None) for items in inputs]
    return [TensorList(one.dtype, rows=concatenate(build, rows, 0))]


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
    "TensorListScatter": _scattered,
    "TensorListScatterV2": _scattered,
    "TensorListSplit": split,
    "TensorListResize": _resize,
    "TensorListConcatLists": _joined,
}
"""Source ops that take or give lists of tensors."""


def counts(indices: Value) -> bool:
    """Whether the indices are 0, 1, 2 …."""
    if indices.const is not None:
        return np.array_equal(indices.const, np.arange(indices.const.size))
    node = indices.producer
    if node is None or not isinstance(node.op, Range):
        return False
    start, _, step = (None if value is None else value.const for value in node.inputs)
    return start is not None and step is not None and start.item() == 0 and step.item() == 1


def led(item: TensorList, build: Builder) -> TensorList:
    """The list with a row in front that is none of its own, as a loop needs it that began with one."""
    if item.lead or item.rows is None:
        return item
    row = zeros(build, Type(item.dtype, (1, *item.rows.shape[1:])))
    return replace(item, rows=build(Concatenation(axis=0), row, item.rows), lead=1)


def _rows(items: TensorList, build: Builder, shape: Value | None) -> Value:
    """All rows as one tensor; of a list into which none was put, zeros of the shape that is asked for."""
    asked = None if shape is None else _partial(shape)
    element = items.element if asked is None or (items.element is not None and None not in items.element) else asked
    rows = replace(items, element=element).filled(build).rows
    assert rows is not None
    return rows


def _all(items: TensorList, build: Builder, shape: Value | None) -> Value:
    """All tensors as one."""
    rows = _rows(items, build, shape)
    if not items.lead:
        return rows
    begin, sizes = [items.lead, *[0] * (rows.rank - 1)], [-1] * rows.rank
    return build(Slice(), rows, np.array(begin, np.int32), np.array(sizes, np.int32))


def _behind_lead(items: TensorList, index: Value, build: Builder) -> Value:
    return build(Add(), index, build.const(np.array(items.lead, index.dtype))) if items.lead else index


def _length(build: Builder, rows: Value) -> Value:
    """How many rows there are, a scalar."""
    length = build(Slice(), build(Shape(), rows), np.array([0], np.int32), np.array([1], np.int32))
    return reshape(build, length, [])


def _reaching(build: Builder, rows: Value, index: Value) -> Value:
    """The rows, and so many of zeros behind them that one stands at `index`."""
    have, element = rows.shape[0], rows.shape[1:]
    if isinstance(have, int) and index.const is not None:
        more: Dim = max(0, int(index.const.item()) + 1 - have)
        filling = zeros(build, Type(rows.dtype, (more, *element))) if more else None
    else:
        lacking = build(Add(), build(Sub(), index, _length(build, rows)), np.int32(1))
        count = build(Maximum(), lacking, np.int32(0))
        more = symbol(re.sub(r"\W", "_", build.graph.unique(f"{count.name}/more")))
        count.dims = np.array(more, object)
        filling = zeros(build, Type(rows.dtype, (more, *element)), count)
    return rows if filling is None else build(Concatenation(axis=0), rows, filling)


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
    """How many tensors a scalar says."""
    (length,) = known_dims(opened(count), "the length of the list")
    return length


def dtype_of(node: SourceNode, name: str = "element_dtype") -> np.dtype[Any]:
    """What the list's tensors hold, as an attribute says."""
    dtype = node.attrs[name]
    if not isinstance(dtype, np.dtype):
        raise NotLoweredError(f"a list of {dtype} is no tensor")
    return dtype
