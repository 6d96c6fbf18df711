"""Numbers as the numbers of the bins that they fall into."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import Plain
from octavo.ir.source import Array
from octavo.ir.type import Type


@operation
class Bucketize(Op):
    """How many of the `boundaries`, which rise, are at or below each number."""

    boundaries: tuple[float, ...] = ()

    code: ClassVar = "BUCKETIZE"

    @lowers("tf.Bucketize")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's."""
        (value,) = source.inputs
        if value.dtype.name not in ("float32", "float64", "int32", "int64"):
            raise NotLoweredError(f"LiteRT has no BUCKETIZE of {value.dtype.name}")
        bounds = np.array(source.attr("boundaries", list), np.float32)
        return build(Bucketize(boundaries=tuple(bounds.tolist())), value)

    def infer(self, input: Value) -> Type:
        """The input's shape."""
        return Type(np.dtype(np.int32), input.shape)

    def evaluate(self, input: Array) -> Array:
        """By halving."""
        bounds = np.array(self.boundaries, np.float32)
        return np.searchsorted(bounds, input, side="right").astype(np.int32)

    ports: ClassVar = {"input": Plain(), "output": Plain()}
