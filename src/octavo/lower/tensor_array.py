"""TensorFlow 1's arrays of tensors, as the lists that TensorFlow 2 has: what flows beside the handle is the list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from msgspec.structs import replace

from octavo.ir.build import Builder
from octavo.ir.graph import Value
from octavo.ir.source import Shape, SourceNode
from octavo.lower import tensor_list
from octavo.lower.item import Handle, Item, TensorList


def _array(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:  # noqa: ARG001  # as all of them
    """The handle, and the list that flows from it."""
    (count,) = inputs
    length = tensor_list.length_of(count)
    dtype = tensor_list.dtype_of(node, "dtype")
    grows = bool(node.attrs.get("dynamic_size"))
    made = TensorList(dtype, element=node.attrs.get("element_shape"), length=length, count=count, grows=grows)
    return [Handle(node.name, stays=True), made]


def _write(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:
    """The list with another tensor in the place of one."""
    _, index, item, items = inputs
    return tensor_list.put(node, [items, index, item], build)


def _read(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:
    """One tensor."""
    _, index, items = inputs
    return tensor_list.get(node, [items, index, None], build)


def _gather(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:
    """Some tensors along a new first dimension, or all of them."""
    _, indices, items = inputs
    asked = _asked(node.attrs.get("element_shape"), build)
    (rows,) = tensor_list.stack(node, [items, asked], build)
    assert isinstance(rows, Value)
    if tensor_list.counts(indices) and indices.shape[0] == rows.shape[0]:
        return [rows]
    return tensor_list.gather(node, [items, indices, asked], build)


def _scatter(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:
    """The list with the rows of a tensor put in; where these are all, they are the list."""
    _, indices, tensor, items = inputs
    if tensor_list.counts(indices) and (items.grows or tensor.shape[0] == items.length) and items.rows is None:
        return [TensorList(tensor.dtype, rows=tensor, grows=items.grows)]
    return tensor_list.scatter(node, [items, tensor, indices], build)


def _split(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:
    """The list of the parts of a tensor, which must have one length."""
    _, tensor, lengths, items = inputs
    (made,) = tensor_list.split(node, [tensor, None, lengths], build)
    assert isinstance(made, TensorList)
    return [replace(made, grows=items.grows)]


def _concat(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:
    """All tensors along their first dimension, and the length of each."""
    return tensor_list.concat(node, inputs[1:], build)


def _size(node: SourceNode, inputs: Sequence[Any], build: Builder) -> Sequence[Item]:
    """How many tensors there are."""
    return tensor_list.size(node, inputs[1:], build)


ARRAYS: Final[Mapping[str, tensor_list.Lowering]] = {
    "TensorArrayV3": _array,
    "TensorArrayWriteV3": _write,
    "TensorArrayReadV3": _read,
    "TensorArrayGatherV3": _gather,
    "TensorArrayScatterV3": _scatter,
    "TensorArraySplitV3": _split,
    "TensorArrayConcatV3": _concat,
    "TensorArraySizeV3": _size,
}
"""Source ops that take or give arrays of tensors."""


def _asked(shape: Shape, build: Builder) -> Value | None:
    """What an operation says of the shape of the tensors, as an operand of lists says it."""
    if shape is None:
        return None
    return build.const(np.array([-1 if size is None else size for size in shape], np.int32))
