"""Operations that the user's own kernels compute: those of TensorFlow, as they are, under their own names.

Their attributes are a map of FlexBuffers, as TensorFlow's converter writes them (lite/flatbuffer_export.cc): numbers,
truth values, texts, dtypes as LiteRT numbers them, and lists of numbers or texts; nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from octavo.ir.build import Builder
from octavo.ir.dim import Dim, symbol
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError
from octavo.ir.source import Shape, SourceNode
from octavo.ir.type import Type
from octavo.ops.opaque import Opaque
from octavo.schema.storage import tensor_type

Dtypes = Sequence[np.dtype[Any] | str] | None


def custom(node: SourceNode, inputs: Sequence[Value], dtypes: Dtypes, build: Builder) -> tuple[Value, ...]:
    """The outputs of a custom operator that is called as the source op is, with its attributes.

    Raises:
        NotLoweredError: nothing says of what dtype or shape its outputs are, or LiteRT has no such tensors.
    """
    if dtypes is None:
        raise NotLoweredError("it could be a custom operator, but nothing says what it gives: no one defines it")
    shapes = node.attrs.get("_output_shapes")
    if not shapes or len(shapes) != len(dtypes) or None in shapes:
        raise NotLoweredError(
            "it could be a custom operator, but the model does not say which shape its outputs have (_output_shapes)"
        )
    types = tuple(_type(node.name, place, *both, inputs) for place, both in enumerate(zip(dtypes, shapes, strict=True)))
    op = Opaque(types=types, code="CUSTOM", custom_code=node.op, custom_options=options(node.attrs))
    return build.many(op, *inputs)


def options(attrs: Mapping[str, Any]) -> bytes:
    """The attributes in FlexBuffers. Those whose names begin with an underscore are notes of TensorFlow's."""
    from flatbuffers import flexbuffers  # type: ignore[import-untyped]  # it ships none

    builder = flexbuffers.Builder()
    with builder.Map():
        for name in sorted(attrs):
            if not name.startswith("_"):
                _put(builder, name, attrs[name])
    return bytes(builder.Finish())


def _put(builder: Any, name: str, value: Any) -> None:
    match value:
        case bool():
            builder.Bool(name, value)
        case int():
            builder.Int(name, value)
        case float():
            builder.Float(name, value, 4)
        case str() | bytes() if type(value) in (str, bytes):
            builder.String(name, value if isinstance(value, str) else value.decode("utf-8", "surrogateescape"))
        case np.dtype():
            if (kind := tensor_type(value)) is not None:
                builder.Int(name, int(kind))
        case list() if value:
            _put_list(builder, name, value)


def _put_list(builder: Any, name: str, values: Sequence[Any]) -> None:
    first = values[0]
    if isinstance(first, bool) or not isinstance(first, int | float | str):
        return
    with builder.TypedVector(name):
        for value in values:
            {int: builder.Int, float: lambda number: builder.Float(number, 4), str: builder.String}[type(first)](value)


def _type(name: str, place: int, dtype: np.dtype[Any] | str, shape: Shape, inputs: Sequence[Value]) -> Type:
    if isinstance(dtype, str) or tensor_type(dtype) is None:
        raise NotLoweredError(f"LiteRT has no tensors of {dtype}, which it gives")
    assert shape is not None
    batches = [value.shape[0] for value in inputs if value.rank and not isinstance(value.shape[0], int)]

    def dim(axis: int, size: int | None) -> Dim:
        if size is not None:
            return size
        return batches[0] if axis == 0 and batches else symbol(re.sub(r"\W", "_", f"{name}_{place}_{axis}"))

    return Type(dtype, tuple(dim(axis, size) for axis, size in enumerate(shape)))
