"""Where the greatest or smallest element stands."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Node, Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import INT8_ONLY, Observed, Plain
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.schema.enums import TensorType

DTYPES = ("float32", "int32", "int8", "uint8", "bool")
"""What the LiteRT kernels compare."""


@operation
class ArgMax(Op):
    """The index of the greatest element along the dimension `axis`, a scalar; the first of several."""

    output_type: TensorType = TensorType.INT64

    code: ClassVar = "ARG_MAX"

    @lowers("tf.ArgMax")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """The axis must be known."""
        return _lower(source, build, ArgMax)

    def infer(self, input: Value, axis: Value) -> Type:
        """The shape without the axis.

        Raises:
            ValueError: the axis is unknown.
        """
        return _without(input, axis, self.output_type)

    def evaluate(self, input: Array, axis: Array) -> Array:
        """The first of the greatest."""
        return np.asarray(np.argmax(input, axis=int(axis.item())), _dtype(self.output_type))

    ports: ClassVar = {"input": Observed(), "dim": Plain(), "output": Plain()}
    kernels: ClassVar = INT8_ONLY

    def version(self, node: Node) -> int:
        """int8 2, bool 3 (`op_version.cc` of LiteRT)."""
        return _version(node)


@operation
class ArgMin(Op):
    """The index of the smallest element along the dimension `axis`, a scalar; the first of several."""

    output_type: TensorType = TensorType.INT64

    code: ClassVar = "ARG_MIN"

    @lowers("tf.ArgMin")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """The axis must be known."""
        return _lower(source, build, ArgMin)

    def infer(self, input: Value, axis: Value) -> Type:
        """The shape without the axis.

        Raises:
            ValueError: the axis is unknown.
        """
        return _without(input, axis, self.output_type)

    def evaluate(self, input: Array, axis: Array) -> Array:
        """The first of the smallest."""
        return np.asarray(np.argmin(input, axis=int(axis.item())), _dtype(self.output_type))

    ports: ClassVar = {"input": Observed(), "dim": Plain(), "output": Plain()}
    kernels: ClassVar = INT8_ONLY

    def version(self, node: Node) -> int:
        """int8 2, bool 3 (`op_version.cc` of LiteRT)."""
        return _version(node)


def _lower(source: Source, build: Builder, op: type[ArgMax | ArgMin]) -> Value:
    value, axis = source.inputs[0], int(source.const(1, "axis").item())
    kind = source.dtype("output_type")
    if value.dtype.name not in DTYPES:
        raise NotLoweredError(f"LiteRT has no {op.code} for {value.dtype.name}")
    if kind.name not in ("int32", "int64"):
        raise NotLoweredError(f"LiteRT has no {op.code} that counts in {kind.name}")
    return build(op(output_type=TensorType[kind.name.upper()]), value, np.array(axis % value.rank, np.int32))


def _without(input: Value, axis: Value, kind: TensorType) -> Type:
    if axis.const is None:
        raise ValueError("the axis must be known before the model runs")
    gone = int(axis.const.item()) % input.rank
    return Type(_dtype(kind), (*input.shape[:gone], *input.shape[gone + 1 :]))


def _dtype(kind: TensorType) -> np.dtype[Any]:
    return np.dtype(np.int32 if kind is TensorType.INT32 else np.int64)


def _version(node: Node) -> int:
    value = node.inputs[0]
    assert value is not None
    return {"int8": 2, "bool": 3}.get(value.dtype.name, 1)
