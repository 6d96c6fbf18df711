"""The bits of numbers, read as another dtype of the same width."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import Plain
from octavo.ir.source import Array
from octavo.ir.type import Type

TWINS = {np.dtype(np.float32): np.dtype(np.int32), np.dtype(np.int32): np.dtype(np.float32)}
"""The schema keeps no dtype for the result, so only these two, each of which means the other."""


@operation
class Bitcast(Op):
    """float32 as int32, or int32 as float32."""

    code: ClassVar = "BITCAST"

    @lowers("tf.Bitcast")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """A bitcast to the same dtype is none."""
        value, dtype = source.inputs[0], source.dtype("type")
        if value.dtype == dtype:
            return value
        if TWINS.get(value.dtype) != dtype:
            raise NotLoweredError(f"bits of {value.dtype} as {dtype}: only float32 and int32 change places")
        return build(Bitcast(), value)

    def infer(self, input: Value) -> Type:
        """The same shape.

        Raises:
            ValueError: the input is neither float32 nor int32.
        """
        if input.dtype not in TWINS:
            raise ValueError(f"{input.type} is neither float32 nor int32")
        return Type(TWINS[input.dtype], input.shape)

    def evaluate(self, input: Array) -> Array:
        """The same memory."""
        twin: np.dtype[Any] = TWINS[input.dtype]
        return np.ascontiguousarray(input).view(twin).reshape(input.shape)

    ports: ClassVar = {"input": Plain(), "output": Plain()}
