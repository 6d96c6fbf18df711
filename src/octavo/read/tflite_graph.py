"""One subgraph of a `.tflite` file -> Graph."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from octavo.errors import Gap, Invalid
from octavo.ir.dim import Dim, symbol
from octavo.ir.graph import Graph, Node, Value
from octavo.ir.op import Op
from octavo.ir.type import Quantization, Type
from octavo.ops.opaque import Opaque
from octavo.read.flatbuffer import Array, Table
from octavo.read.tflite_operator import OperatorCode, op_of, opaque_of
from octavo.read.tflite_sparse import dense
from octavo.schema.enums import TensorType
from octavo.schema.storage import dtype_of, loaded, stored_size
from octavo.schema.tables import UNIONS

_DENSIFY: Final = "DENSIFY"
"""Fills sparse weights with zeros, and takes nothing else (kernels/densify.cc); the reader has done so already."""
_BLOCKWISE: Final = UNIONS["QuantizationDetails"].index("BlockwiseQuantization")
_KEPT: Final = (0, _BLOCKWISE)
"""The details of a quantization that the IR keeps."""
Buffers = Sequence[Array | None]
Values = list[Value | None]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the graphs of a file share: buffers, codes of operators, the graphs; `gaps`: all that the IR cannot keep."""

    buffers: Buffers
    codes: Sequence[OperatorCode]
    graphs: Sequence[Graph]
    gaps: list[Gap]


def read_graph(table: Table, graph: Graph, reading: Reading, *, is_body: bool = False) -> Values:
    """Fill `graph`; its value of each tensor of the file, None for tensors that nothing touches.

    Inputs whose first dimension is open are batches, except in a body, of whose inputs only the operation that runs
    it knows how they belong together.

    Raises:
        Invalid: a tensor is read before it is made, is made twice, or does not exist; a buffer does not fit its shape.
    """
    entries = table.get("tensors") or ()
    tensors = [_tensor(entry, reading.buffers, reading.gaps) for entry in entries]
    tensors = [_with_blocks(tensor, entry, tensors) for tensor, entry in zip(tensors, entries, strict=True)]
    reader = _GraphReader(graph, tensors, [None] * len(tensors))
    for index in _indices(table, "inputs"):
        reader.take_input(index, is_body=is_body)
    for entry in table.get("operators") or ():
        reader.add(entry, reading)
    graph.outputs = [
        reader.value(index, f"the outputs of graph {graph.name!r}") for index in _indices(table, "outputs")
    ]
    return reader.values


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A tensor as the file describes it; a dimension of −1 is open."""

    name: str
    dtype: np.dtype[Any]
    dims: tuple[int, ...]
    quant: Quantization | None
    const: Array | None
    is_variable: bool


@dataclass(slots=True)
class _GraphReader:
    """Makes values as operators ask for them."""

    graph: Graph
    tensors: Sequence[_Tensor]
    values: Values

    def take_input(self, index: int, *, is_body: bool) -> None:
        """Make the tensor an input of the graph."""
        tensor = self._tensor(index, f"the inputs of graph {self.graph.name!r}")
        if self.values[index] is not None:
            raise Invalid(f"tensor {index} is an input twice", where=tensor.name)
        here = f"{self.graph.name}_input_{index}"
        dims = [
            dim if dim >= 0 else symbol(_plain(f"{here}_{axis}") if is_body else f"dim_{axis}" if axis else "batch")
            for axis, dim in enumerate(tensor.dims)
        ]
        self._keep(index, self.graph.input(tensor.name, Type(tensor.dtype, tuple(dims))))

    def add(self, entry: Table, reading: Reading) -> None:
        """Append the node of an operator."""
        known, number = reading.codes, entry.get("opcode_index")
        if number >= len(known):
            raise Invalid(f"an operator has code {number} of {len(known)}", where=f"graph {self.graph.name!r}")
        where = f"operator {known[number].name} in graph {self.graph.name!r}"
        if known[number].name == _DENSIFY:
            self._alias(entry, where)
            return
        inputs = [None if index == -1 else self.value(index, where) for index in _indices(entry, "inputs")]
        kept = tuple(self.value(index, where, is_inner=True) for index in _indices(entry, "intermediates"))
        made = _indices(entry, "outputs")
        tensors = [self._tensor(index, where) for index in made]
        if any(self.values[index] is not None for index in made) or len({*made}) != len(made):
            raise Invalid(f"tensors {made} are made twice", where=where)
        given = tuple(_type(tensor) for tensor in tensors)
        op = op_of(known[number], entry, given, kept, reading.graphs)
        types = _inferred(op, inputs, tensors, given)
        if types is None:
            op, types = opaque_of(known[number], entry, given, kept, reading.graphs), given
        node = self.graph.insert(op, inputs, types, names=[tensor.name for tensor in tensors])
        for index, value in zip(made, node.outputs, strict=True):
            self._keep(index, value)
        _learn(node)

    def _alias(self, entry: Table, where: str) -> None:
        """Let the result of an operator be its operand."""
        (given,), (made,) = _indices(entry, "inputs"), _indices(entry, "outputs")
        self._tensor(made, where)
        self.values[made] = self.value(given, where)

    def value(self, index: int, where: str, *, is_inner: bool = False) -> Value:
        """The value of a tensor that is read: made already, or a constant, or one that kernels keep."""
        tensor = self._tensor(index, where)
        if (value := self.values[index]) is not None:
            return value
        if tensor.const is not None:
            return self._keep(index, self.graph.const(tensor.const, tensor.name))
        if tensor.is_variable:
            return self._keep(index, self.graph.state(tensor.name, _type(tensor)))
        if is_inner:
            return self._keep(index, Value(self.graph.unique(tensor.name), _type(tensor)))
        raise Invalid(f"tensor {index} is read before anything makes it", where=f"{tensor.name!r}, {where}")

    def _keep(self, index: int, value: Value) -> Value:
        value.quant = self.tensors[index].quant
        self.values[index] = value
        return value

    def _tensor(self, index: int, where: str) -> _Tensor:
        if not 0 <= index < len(self.tensors):
            raise Invalid(f"tensor {index} of {len(self.tensors)} does not exist", where=where)
        return self.tensors[index]


def _indices(table: Table, name: str) -> list[int]:
    found = table.get(name)
    return [] if found is None else found.tolist()


def _tensor(table: Table, buffers: Buffers, gaps: list[Gap]) -> _Tensor:
    name = table.get("name") or "tensor"
    try:
        kind = TensorType(table.get("type"))
    except ValueError:
        raise Invalid(f"tensor type {table.get('type')} does not exist", where=name) from None
    dtype = dtype_of(kind)
    gaps += _gaps(table, name)
    dims = _dims(table, name)
    return _Tensor(
        name=name,
        dtype=dtype,
        dims=dims,
        quant=_quantization(table.get("quantization"), dims, name),
        const=_const(table, dims, dtype, buffers),
        is_variable=table.get("is_variable"),
    )


def _gaps(table: Table, name: str) -> list[Gap]:
    """What the IR cannot keep of a tensor."""
    quantization = table.get("quantization")
    problems = {
        "a list of tensors of stated types": bool(table.get("variant_tensors")),
        "weights in another file": bool(table.get("external_buffer")),
        "quantization by other than blocks": quantization is not None and quantization.get("details_type") not in _KEPT,
    }
    return [Gap("tensor", name, f"{what} cannot be kept yet") for what, found in problems.items() if found]


def _dims(table: Table, name: str) -> tuple[int, ...]:
    """The shape, with −1 for open dimensions: the signature, where there is one of the same rank."""
    shape, signature = _indices(table, "shape"), _indices(table, "shape_signature")
    dims = signature if len(signature) == len(shape) else shape
    if any(dim < -1 for dim in dims):
        raise Invalid(f"a shape of {dims} does not exist", where=name)
    return tuple(dims)


def _const(table: Table, dims: tuple[int, ...], dtype: np.dtype[Any], buffers: Buffers) -> Array | None:
    """The numbers of a constant. A tensor without any elements is one, though its buffer is empty."""
    name, index = table.get("name") or "tensor", table.get("buffer")
    if index >= len(buffers):
        raise Invalid(f"its numbers are in buffer {index} of {len(buffers)}", where=name)
    data = buffers[index] if index else None
    if table.get("is_variable") or (data is None and 0 not in dims):
        return None
    if (sparsity := table.get("sparsity")) is not None and data is not None:
        return dense(sparsity, data, dtype, dims)
    count = math.prod(dims)
    if data is not None and dtype.kind != "O" and (min(dims, default=0) < 0 or data.size != stored_size(dtype, count)):
        raise Invalid(f"{data.size} bytes do not hold {dtype.name} of shape {list(dims)}", where=name)
    try:
        return np.zeros(dims, dtype) if data is None else loaded(data, dtype, dims)
    except ValueError as error:
        raise Invalid(f"its buffer does not hold shape {list(dims)}: {error}", where=name) from error


def _quantization(table: Table | None, dims: tuple[int, ...], name: str) -> Quantization | None:
    """One scale, or one for each index along an axis; None where the file gives a range only."""
    scale = None if table is None else table.get("scale")
    if table is None or scale is None or not scale.size:
        return None
    zero_point = table.get("zero_point")
    if zero_point is None or not zero_point.size:
        zero_point = np.zeros(1, np.int64)
    axis = table.get("quantized_dimension")
    along = 0 <= axis < len(dims) and dims[axis] == scale.size and (scale.size > 1 or axis > 0)
    if zero_point.size not in (1, scale.size) or (scale.size > 1 and not along):
        raise Invalid(
            f"{scale.size} scales and {zero_point.size} zero points do not fit axis {axis} of {list(dims)}", where=name
        )
    return Quantization(scale, np.broadcast_to(zero_point, scale.shape), axis if along else None)


def _with_blocks(tensor: _Tensor, entry: Table, tensors: Sequence[_Tensor]) -> _Tensor:
    """The tensor with the scales of its blocks, which are numbers of another tensor."""
    quantization = entry.get("quantization")
    if quantization is None or quantization.get("details_type") != _BLOCKWISE:
        return tensor
    details = quantization.get("details")
    index, block = details.get("scales"), details.get("block_size")
    scales = tensors[index].const if 0 <= index < len(tensors) else None
    if scales is None or block <= 0 or scales.ndim != 2 or math.prod(tensor.dims) != scales.size * block:
        raise Invalid(f"its blocks of {block} numbers have no scales that fit", where=tensor.name)
    quant = Quantization(scales.astype(np.float32), np.zeros(scales.shape, np.int64), 0, block)
    return replace(tensor, quant=quant)


def _type(tensor: _Tensor) -> Type:
    return Type(tensor.dtype, tuple(_open(tensor, axis) if dim < 0 else dim for axis, dim in enumerate(tensor.dims)))


def _open(tensor: _Tensor, axis: int) -> Dim:
    """A symbol for a dimension that no other tensor need share, except the batch."""
    return symbol(f"{_plain('_' + tensor.name)}_{axis}") if axis else symbol("batch")


def _plain(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", name)


def _inferred(
    op: Op, inputs: Sequence[Value | None], tensors: Sequence[_Tensor], given: tuple[Type, ...]
) -> tuple[Type, ...] | None:
    """The types that the op infers, where they fit those `given` by the file; None where the op knows better or less.

    Such an operator is kept as it stands: LiteRT may accept operands that the op of Octavo does not, or learn a shape
    only when it runs.
    """
    if isinstance(op, Opaque):
        return given
    try:
        found = op.infer(*inputs)
    except _MISFITS:
        return None
    types = found if isinstance(found, tuple) else (found,)
    if len(types) != len(given) or not all(map(_fits, types, tensors)):
        return None
    return tuple(Type(theirs.dtype, mine.shape) for mine, theirs in zip(types, given, strict=True))


_MISFITS = (ValueError, TypeError, IndexError, AttributeError, ArithmeticError)
"""What `infer` raises for operands that do not fit, and for fewer, omitted ones or such of another rank than any
operation of its kind may have: a file may hold anything."""


def _fits(inferred: Type, tensor: _Tensor) -> bool:
    """Whether a type differs from the file's only in dimensions that one of them leaves open."""
    return inferred.rank == len(tensor.dims) and all(
        theirs < 0 or not isinstance(mine, int) or mine == theirs
        for mine, theirs in zip(inferred.shape, tensor.dims, strict=True)
    )


def _learn(node: Node) -> None:
    """Note what is known of the numbers that a node makes, where these may be dimensions: few, and integers."""
    small = all(v.dtype.kind in "iu" and v.type.is_static and v.rank < 2 for v in node.outputs)
    if isinstance(node.op, Opaque) or not small or sum(math.prod(map(int, v.shape)) for v in node.outputs) > _DIMS:
        return
    try:
        known = node.op.known(*node.inputs)
    except (*_MISFITS, NotImplementedError):
        return
    for value, array in zip(node.outputs, known or (), strict=False):
        value.dims = np.asarray(array).astype(object)


_DIMS: Final = 64
"""More numbers than this are no shape, nor a list of axes."""
