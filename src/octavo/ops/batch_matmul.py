"""Products of matrices, both of which may be computed at run time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.dim import Dim, product
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.pace import Pace, elements
from octavo.ir.port import LEFT, LOOPS, Kernels, Observed
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._broadcast import broadcast
from octavo.ops._real import require_float32
from octavo.ops.broadcast_to import broadcast_to
from octavo.ops.fully_connected import fully_connected
from octavo.ops.reshape import reshape
from octavo.ops.shape import runtime_dims
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

    def duration(self, node: Node) -> Pace:
        """In int8 each number is brought to the grid of the result by itself."""
        x = node.inputs[0]
        assert x is not None
        taken = elements(x.shape[-2:-1] if self.adj_x else x.shape[-1:])
        return Pace(0.2 + 0.03 * taken, 13.5 + 0.01 * taken).of(elements(node.output.shape))

    def version(self, node: Node) -> int:
        """int8 since 2, int16 since 3; rounding `x` asymmetrically at run time since 4."""
        if self.asymmetric_quantize_inputs:
            return 4
        return {"int8": 2, "int16": 3}.get(node.output.dtype.name, 1)


def matmul(build: Builder, x: Value, y: Value, *, adj_x: bool = False, adj_y: bool = False) -> Value:
    """The product as FULLY_CONNECTED when `y` is one constant matrix, else as BATCH_MATMUL.

    Raises:
        NotLoweredError: the numbers are not float32.
    """
    require_float32(x, y)
    if y.const is not None and y.const.ndim <= x.rank and y.const.size == np.prod(y.const.shape[-2:]):
        matrix = y if y.rank == 2 else build.const(y.const.reshape(y.const.shape[-2:]), y.name)
        rows = transpose(build, x, [*range(x.rank - 2), -1, -2]) if adj_x else x
        return fully_connected(build, rows, matrix if adj_y else transpose(build, matrix, (1, 0)))
    if max(x.rank, y.rank) > MOST_DIMENSIONS:
        return _folded(build, BatchMatMul(adj_x=adj_x, adj_y=adj_y), x, y)
    return build(BatchMatMul(adj_x=adj_x, adj_y=adj_y), x, y)


def _folded(build: Builder, op: BatchMatMul, x: Value, y: Value) -> Value:
    """The product of operands whose leading dimensions are made as few as the kernel takes."""
    result = op.infer(x, y)
    lead = result.shape[:-2]
    left, right = ((*[1] * (len(lead) - value.rank + 2), *value.shape[:-2]) for value in (x, y))
    groups = _groups(left, right)
    if len(groups) > MOST_DIMENSIONS - 2:  # the copies of what stretches are the price
        x, y = (broadcast_to(build, v, d := (*lead, *v.shape[-2:]), runtime_dims(build, d, x, y)) for v in (x, y))
        left, right, groups = lead, lead, [list(range(len(lead)))]
    few_x, few_y = (
        reshape(build, value, [*(product(dims[axis] for axis in group) for group in groups), *value.shape[-2:]])
        for value, dims in ((x, left), (y, right))
    )
    return reshape(build, build(op, few_x, few_y), result.shape, x, y)


def _groups(left: Sequence[Dim], right: Sequence[Dim]) -> list[list[int]]:
    """Neighbouring axes that can be one: both operands go along them, or the same one stretches."""
    groups: list[list[int]] = []
    before: object = None
    for axis, (one, other) in enumerate(zip(left, right, strict=True)):
        if one == other == 1:
            continue
        # lengths that may turn out to be 1 or alike at run time stay by themselves
        way: object = "both" if one == other else "right" if one == 1 else "left" if other == 1 else axis
        if way != before:
            groups.append([])
        groups[-1].append(axis)
        before = way
    return groups
