"""Permuting dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Observed, Plain, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type


@operation
class Transpose(Op):
    """`output[i0, i1, …] = input[…]` with dimension k of the output being dimension `perm[k]` of the input."""

    code: ClassVar = "TRANSPOSE"
    moves: ClassVar = True

    @lowers("tf.Transpose")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """The permutation must be known."""
        return transpose(build, source.inputs[0], source.const(1, "permutation").tolist())

    def infer(self, input: Value, perm: Value) -> Type:
        """A permutation of the input's shape.

        Raises:
            ValueError: the permutation is unknown, or does not fit the rank.
        """
        order = _known(perm)
        if sorted(order) != list(range(input.rank)):
            raise ValueError(f"{order} is not a permutation of {input.rank} dimensions")
        return Type(input.dtype, tuple(input.shape[axis] for axis in order))

    def evaluate(self, input: Array, perm: Array) -> Array:
        """A view: nothing is copied."""
        return np.transpose(input, perm)

    ports: ClassVar = {"input": Observed(), "perm": Plain(), "output": SameAs("input")}
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """From `op_version.cc` of LiteRT: by rank (5: 4, 6: 6, more: 8), and by dtype."""
        by_rank = {5: 4, 6: 6}.get(node.output.rank, 1 if node.output.rank < 5 else 8)
        by_dtype = {"int8": 2, "bool": 3, "int16": 5, "int4": 7, "bfloat16": 8}
        return max(by_rank, by_dtype.get(node.output.dtype.name, 1))


def transpose(build: Builder, value: Value, order: Sequence[int]) -> Value:
    """`value` with its dimensions in `order`; itself when they are in that order already."""
    order = [axis % value.rank for axis in order]
    if order == list(range(value.rank)):
        return value
    return build(Transpose(), value, np.array(order, np.int32))


def _known(perm: Value) -> list[int]:
    if perm.const is None:
        raise ValueError("the permutation must be known before the model runs")
    return [int(axis) for axis in perm.const]
