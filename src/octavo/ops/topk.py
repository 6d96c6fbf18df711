"""The greatest elements of each row."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Node, Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Observed, Plain, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops.cast import cast
from octavo.ops.shape import known_dims, opened


@operation
class TopKV2(Op):
    """The `k` (a scalar) greatest elements of the last dimension, greatest first, and where they stand."""

    code: ClassVar = "TOPK_V2"

    @lowers("tf.TopKV2")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> tuple[Value, Value]:
        """Sorted, whether asked for or not."""
        value, count = source.inputs
        values, indices = _topk(build, value, opened(cast(build, count, np.dtype(np.int32))))
        return values, cast(build, indices, source.dtype("index_type"))

    @lowers("tf.TopK")
    @staticmethod
    def from_tf_fixed(source: Source, build: Builder) -> tuple[Value, Value]:
        """The number of elements is an attribute."""
        return _topk(build, source.inputs[0], build.const(source.attr("k", int)))

    def infer(self, input: Value, k: Value) -> tuple[Type, Type]:
        """The shape with `k` as its last dimension, twice.

        Raises:
            ValueError: `k` is unknown, or the rows are shorter.
        """
        (count,), length = known_dims(k, "the number of elements"), input.shape[-1]
        if isinstance(length, int) and isinstance(count, int) and count > length:
            raise ValueError(f"rows of {length} do not have {count} elements")
        shape = (*input.shape[:-1], count)
        return Type(input.dtype, shape), Type(np.dtype(np.int32), shape)

    def evaluate(self, input: Array, k: Array) -> tuple[Array, Array]:
        """Of equal elements, the one that stands first comes first."""
        backwards = np.argsort(input[..., ::-1], axis=-1, kind="stable")[..., ::-1]
        order = (input.shape[-1] - 1 - backwards)[..., : int(k.item())]
        return np.take_along_axis(input, order, axis=-1), order.astype(np.int32)

    ports: ClassVar = {"input": Observed(), "k": Plain(), "output_values": SameAs("input"), "output_indices": Plain()}
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """int8 2, int16 3 (`op_version.cc` of LiteRT)."""
        return {"int8": 2, "int16": 3}.get(node.outputs[0].dtype.name, 1)


def _topk(build: Builder, value: Value, count: Value) -> tuple[Value, Value]:
    if value.dtype.name not in ("float32", "int8", "uint8", "int16", "int32", "int64"):
        raise NotLoweredError(f"LiteRT has no TOPK_V2 for {value.dtype.name}")
    values, indices = build.many(TopKV2(), value, count)
    return values, indices
