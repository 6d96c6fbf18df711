"""Products of matrices, both of which may be computed at run time."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Node, Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import LEFT, LOOPS, Kernels, Observed
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._broadcast import broadcast
from octavo.ops._real import require_float32
from octavo.ops.fully_connected import fully_connected
from octavo.ops.transpose import transpose

MOST_DIMENSIONS = 5
"""The kernel takes no operand of more dimensions."""


@operation
class BatchMatMul(Op):
    """`x` […, m, k] times `y` […, k, n]; `adj_x` and `adj_y` say that the last two dimensions come swapped."""

    adj_x: bool = False
    adj_y: bool = False
    asymmetric_quantize_inputs: bool = False

    code: ClassVar = "BATCH_MATMUL"

    @lowers("tf.BatchMatMul", "tf.BatchMatMulV2", "tf.BatchMatMulV3")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """A constant matrix on the right makes it a FULLY_CONNECTED."""
        x, y = source.inputs
        return matmul(build, x, y, adj_x=source.attr("adj_x", bool), adj_y=source.attr("adj_y", bool))

    @lowers("tf.MatMul")
    @staticmethod
    def from_tf_matmul(source: Source, build: Builder) -> Value:
        """Like the batch form, with two dimensions."""
        x, y = source.inputs
        return matmul(build, x, y, adj_x=source.attr("transpose_a", bool), adj_y=source.attr("transpose_b", bool))

    def infer(self, x: Value, y: Value) -> Type:
        """[…, m, n], where the leading dimensions stretch to meet each other.

        Raises:
            ValueError: the rows of `x` and the columns of `y` differ in length.
        """
        rows, taken = reversed(x.shape[-2:]) if self.adj_x else x.shape[-2:]
        met, columns = reversed(y.shape[-2:]) if self.adj_y else y.shape[-2:]
        if isinstance(taken, int) and isinstance(met, int) and taken != met:
            raise ValueError(f"rows of {taken} in {x.type} do not meet columns of {met} in {y.type}")
        return Type(x.dtype, (*broadcast(x.shape[:-2], y.shape[:-2]), rows, columns))

    def evaluate(self, x: Array, y: Array) -> Array:
        """The product."""
        return (x.swapaxes(-1, -2) if self.adj_x else x) @ (y.swapaxes(-1, -2) if self.adj_y else y)

    ports: ClassVar = {"x": Observed(), "y": Observed(), "output": Observed()}
    converts: ClassVar = (("x", "y"),)
    kernels: ClassVar = Kernels(int8="", int16="", slow_int8=LEFT, loops_int16=LOOPS)

    def version(self, node: Node) -> int:
        """int8 since 2, int16 since 3; rounding `x` asymmetrically at run time since 4."""
        if self.asymmetric_quantize_inputs:
            return 4
        return {"int8": 2, "int16": 3}.get(node.output.dtype.name, 1)


def matmul(build: Builder, x: Value, y: Value, *, adj_x: bool = False, adj_y: bool = False) -> Value:
    """The product as FULLY_CONNECTED when `y` is one constant matrix, else as BATCH_MATMUL.

    Raises:
        NotLoweredError: the numbers are not float32, or the operands have too many dimensions.
    """
    require_float32(x, y)
    if y.const is not None and y.const.ndim <= x.rank and y.const.size == np.prod(y.const.shape[-2:]):
        matrix = y if y.rank == 2 else build.const(y.const.reshape(y.const.shape[-2:]), y.name)
        rows = transpose(build, x, [*range(x.rank - 2), -1, -2]) if adj_x else x
        return fully_connected(build, rows, matrix if adj_y else transpose(build, matrix, (1, 0)))
    if max(x.rank, y.rank) > MOST_DIMENSIONS:
        raise NotLoweredError(f"LiteRT multiplies batches of up to {MOST_DIMENSIONS} dimensions, not {x.rank}")
    return build(BatchMatMul(adj_x=adj_x, adj_y=adj_y), x, y)
