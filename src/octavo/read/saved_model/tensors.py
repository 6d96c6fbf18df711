"""TensorProto and TensorShapeProto as arrays and shapes.

A TensorProto holds its values either as raw little-endian bytes (`tensor_content`) or as a list of numbers
in a field that depends on the dtype. Such a list may stop early: its last value then fills the rest.

Source: tensorflow/core/framework/tensor.proto.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from octavo.errors import Invalid
from octavo.ir.source import Array, Shape
from octavo.read.saved_model.dtypes import STRING, storage_of

_VALUES = {
    "float32": "float_val",
    "float64": "double_val",
    "int64": "int64_val",
    "bool": "bool_val",
    "uint32": "uint32_val",
    "uint64": "uint64_val",
    "complex64": "scomplex_val",
    "complex128": "dcomplex_val",
}
"""The field that holds the values of a dtype; all other integers stand in `int_val`."""


def shape_of(proto: Any) -> Shape:
    """The shape that a TensorShapeProto declares: None for an unknown dimension, and for an unknown rank."""
    if proto.unknown_rank:
        return None
    return tuple(None if dim.size < 0 else dim.size for dim in proto.dim)


def array_of(proto: Any, *, where: str) -> Array:
    """The read-only array that a TensorProto holds; strings are an object array of bytes.

    Raises `Invalid` when values and shape disagree, and `Unsupported` for dtypes without values (resource).
    """
    dtype, shape = storage_of(proto.dtype, where=where), _known_shape(proto, where=where)
    count = math.prod(shape)
    if proto.tensor_content:
        return _from_bytes(proto.tensor_content, dtype, where=where, count=count).reshape(shape)
    if proto.dtype == STRING:
        values: Array = np.empty(len(proto.string_val), object)
        values[:] = list(proto.string_val)
    else:
        values = _from_numbers(proto, dtype)
    filled = _fill(values, count, where=where).reshape(shape)
    filled.flags.writeable = False
    return filled


def _known_shape(proto: Any, *, where: str) -> tuple[int, ...]:
    shape = shape_of(proto.tensor_shape)
    known = tuple(size for size in shape or () if size is not None)
    if shape is None or len(known) < len(shape):
        raise Invalid(f"a constant has the unknown shape {shape}", where=where)
    return known


def _from_bytes(content: bytes, dtype: np.dtype[Any], *, where: str, count: int) -> Array:
    if dtype.hasobject or len(content) != count * dtype.itemsize:
        raise Invalid(f"a constant holds {len(content)} bytes, but has {count} elements of {dtype}", where=where)
    return np.frombuffer(content, dtype)


def _from_numbers(proto: Any, dtype: np.dtype[Any]) -> Array:
    if dtype.name.startswith("float8"):
        return np.frombuffer(proto.float8_val, dtype)
    if dtype.name in ("float16", "bfloat16"):
        return np.fromiter(proto.half_val, np.uint16, len(proto.half_val)).view(dtype)
    numbers = getattr(proto, _VALUES.get(dtype.name, "int_val"))
    if dtype.kind == "c":
        return np.fromiter(numbers, dtype.type(0).real.dtype, len(numbers)).view(dtype)
    plain = np.int32 if dtype.kind == "V" else dtype  # int4 and its kin: numpy cannot fill them one by one
    return np.fromiter(numbers, plain, len(numbers)).astype(dtype)


def _fill(values: Array, count: int, *, where: str) -> Array:
    if values.size > count:
        raise Invalid(f"a constant holds {values.size} values for {count} elements", where=where)
    if values.size == count:
        return values.copy() if not values.flags.writeable else values
    last = values[-1:] if values.size else np.array([b""] if values.dtype.hasobject else [0]).astype(values.dtype)
    return np.concatenate([values, np.repeat(last, count - values.size)])
