"""Borders that mirror what they border on."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Observed, Plain, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops.pad import padded_shape, paddings_of
from octavo.schema.enums import MirrorPadMode


@operation
class MirrorPad(Op):
    """`paddings` is [rank, 2]: how many mirrored elements stand before and after each dimension."""

    mode: MirrorPadMode = MirrorPadMode.REFLECT

    code: ClassVar = "MIRROR_PAD"
    moves: ClassVar = True

    @lowers("tf.MirrorPad")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        mode = MirrorPadMode[source.attr("mode", str)]
        return build(MirrorPad(mode), source.inputs[0], paddings_of(source.inputs[1]))

    def infer(self, input: Value, paddings: Value) -> Type:
        """The shape grows by the paddings."""
        return Type(input.dtype, padded_shape(input, paddings))

    def evaluate(self, input: Array, paddings: Array) -> Array:
        """A copy with its borders."""
        around = paddings.tolist()
        return np.pad(input, around, mode="reflect" if self.mode is MirrorPadMode.REFLECT else "symmetric")

    ports: ClassVar = {"input": Observed(), "paddings": Plain(), "output": SameAs("input")}
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """int8 since 2, int16 since 3."""
        return {"int8": 2, "int16": 3}.get(node.output.dtype.name, 1)
