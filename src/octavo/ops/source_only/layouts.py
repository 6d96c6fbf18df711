"""Places and orders as numbers: flat places taken apart, dimensions renamed for another order of channels."""

from __future__ import annotations

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import lowers
from octavo.ops._elementwise import emit
from octavo.ops.binary import Add, FloorDiv, FloorMod
from octavo.ops.cast import cast
from octavo.ops.concatenation import concatenate
from octavo.ops.fill import Fill
from octavo.ops.gather import Gather
from octavo.ops.pack import Pack
from octavo.ops.reverse import ReverseV2
from octavo.ops.shape import Shape
from octavo.schema.enums import TensorType

_INT32 = np.dtype(np.int32)


@lowers("tf.UnravelIndex")
def unravelled(source: Source, build: Builder) -> Value:
    """[rank, …]: the quotient by what one step along each dimension is worth, within its length."""
    places, dims = source.inputs[0], source.const(1, "shape").ravel().tolist()
    flat = cast(build, places, _INT32)
    steps = [int(np.prod(dims[at + 1 :])) for at in range(len(dims))]
    along = [
        emit(build, FloorMod(), emit(build, FloorDiv(), flat, np.int32(step)), np.int32(size))
        for step, size in zip(steps, dims, strict=True)
    ]
    return cast(build, build(Pack(values_count=len(dims)), *along), places.dtype)


@lowers("tf.DataFormatDimMap")
def renamed(source: Source, build: Builder) -> Value:
    """The number that each dimension has in the other order."""
    (numbers,) = source.inputs
    old, new = source.attr("src_format", str), source.attr("dst_format", str)
    table = np.array([new.index(letter) for letter in old], np.int32)
    forward = emit(
        build, FloorMod(), emit(build, Add(), cast(build, numbers, _INT32), np.int32(len(old))), np.int32(len(old))
    )
    return cast(build, build(Gather(), table, forward), numbers.dtype)


@lowers("tf.DataFormatVecPermute")
def reordered(source: Source, build: Builder) -> Value:
    """The numbers of the dimensions, or of the two of space, in the other order."""
    (numbers,) = source.inputs
    old, new = source.attr("src_format", str), source.attr("dst_format", str)
    if numbers.shape[0] == 2 != len(old):
        old, new = (name.replace("N", "").replace("C", "") for name in (old, new))
    return build(Gather(), numbers, np.array([old.index(letter) for letter in new], np.int32))


@lowers("tf.VariableShape")
def shape_of_variable(source: Source, build: Builder) -> Value:
    """That of its content."""
    wide = source.node.attrs.get("out_type", _INT32) == np.int64
    return build(Shape(out_type=TensorType.INT64 if wide else TensorType.INT32), source.inputs[0])


@lowers("tf.Empty")
def anything(source: Source, build: Builder) -> Value:
    """Zeros are as good as any other numbers."""
    return build(Fill(), source.inputs[0], np.zeros((), source.dtype("dtype")))


@lowers("tf.ParallelConcat")
def behind_each_other(source: Source, build: Builder) -> Value:
    """Along the first dimension."""
    return concatenate(build, source.inputs, 0)


@lowers("tf.Reverse")
def reversed_where_flagged(source: Source, build: Builder) -> Value:
    """The old form has a flag for each dimension."""
    value = source.inputs[0]
    for axis in np.flatnonzero(source.const(1, "choice of dimensions")):
        value = build(ReverseV2(), value, np.array([axis], np.int32))
    return value
