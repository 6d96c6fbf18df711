"""A tensor repeated along its dimensions."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Observed, Plain, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops.shape import known_dims, opened


@operation
class Tile(Op):
    """`multiples` says how often each dimension is repeated."""

    code: ClassVar = "TILE"
    moves: ClassVar = True
    symbolic: ClassVar = True

    @lowers("tf.Tile")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """Repeating everything once is nothing to do."""
        value, multiples = source.inputs
        if multiples.const is not None and (multiples.const == 1).all():
            return value
        return build(Tile(), value, opened(multiples))

    def infer(self, input: Value, multiples: Value) -> Type:
        """Every length times its multiple.

        Raises:
            ValueError: the multiples are unknown.
        """
        factors = known_dims(multiples, "the multiples")
        return Type(input.dtype, tuple(dim * factor for dim, factor in zip(input.shape, factors, strict=True)))

    def evaluate(self, input: Array, multiples: Array) -> Array:
        """Copies side by side."""
        return np.tile(input, [int(factor) for factor in multiples])

    ports: ClassVar = {"input": Observed(), "multiples": Plain(), "output": SameAs("input")}
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """For strings 2, int8 3 (`op_version.cc` of LiteRT)."""
        return {"object": 2, "int8": 3}.get(node.output.dtype.name, 1)
