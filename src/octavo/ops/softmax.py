"""Numbers as probabilities, or as the logarithms of probabilities."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.pace import Pace
from octavo.ir.port import INT8_AND_INT16, INT8_ONLY, Fixed, Grid, Observed
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._real import require_float32


@operation
class Softmax(Op):
    """`exp(beta · x)`, divided by its sum over the last dimension."""

    beta: float = 1.0

    code: ClassVar = "SOFTMAX"
    pace: ClassVar = Pace(1, 1.2)
    ignores_low: ClassVar = True

    @lowers("tf.Softmax")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow normalizes the last dimension as well."""
        require_float32(source.inputs[0])
        return build(Softmax(), source.inputs[0])

    def infer(self, input: Value) -> Type:
        """The input's type."""
        return input.type

    def evaluate(self, input: Array) -> Array:
        """Shifted by the largest number, so that nothing overflows."""
        powers = np.exp((input - input.max(axis=-1, keepdims=True)) * input.dtype.type(self.beta))
        result: Array = powers / powers.sum(axis=-1, keepdims=True)
        return result

    ports: ClassVar = {
        "input": Observed(scales={"int16": (0.0, 4.0)}),  # from 6 on all comes out wrong
        "output": Fixed(int8=Grid(1 / 256, -128), int16=Grid(1 / 32768, 0)),
    }
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """int8 since 2, int16 since 3."""
        return {"int8": 2, "int16": 3}.get(node.output.dtype.name, 1)


@operation
class LogSoftmax(Op):
    """The logarithm of the softmax over the last dimension."""

    code: ClassVar = "LOG_SOFTMAX"

    @lowers("tf.LogSoftmax")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow normalizes the last dimension as well."""
        require_float32(source.inputs[0])
        return build(LogSoftmax(), source.inputs[0])

    def infer(self, input: Value) -> Type:
        """The input's type."""
        return input.type

    def evaluate(self, input: Array) -> Array:
        """Shifted by the largest number, so that nothing overflows."""
        shifted = input - input.max(axis=-1, keepdims=True)
        result: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        return result

    ports: ClassVar = {"input": Observed(), "output": Fixed(int8=Grid(16 / 256, 127))}
    kernels: ClassVar = INT8_ONLY

    def version(self, node: Node) -> int:
        """int8 since 2."""
        return 2 if node.output.dtype == np.int8 else 1
