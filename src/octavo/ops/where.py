"""The places of what is true."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.dim import some
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.port import Plain
from octavo.ir.source import Array
from octavo.ir.type import Type

FOUND = some("found")
"""How many places there are: known only at run time."""


@operation
class Where(Op):
    """[found, rank]: the index of every element that is true, or not zero, in order."""

    code: ClassVar = "WHERE"

    @lowers("tf.Where")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's."""
        return build(Where(), *source.inputs)

    def infer(self, condition: Value) -> Type:
        """As many rows as there are places."""
        if condition.const is not None:
            return Type(np.dtype(np.int64), (int(np.count_nonzero(condition.const)), condition.rank))
        return Type(np.dtype(np.int64), (FOUND, condition.rank))

    def evaluate(self, condition: Array) -> Array:
        """The places in order."""
        return np.argwhere(condition)

    ports: ClassVar = {"condition": Plain(), "output": Plain()}

    def version(self, node: Node) -> int:
        """2 for other conditions than truth values (`op_version.cc` of LiteRT)."""
        value = node.inputs[0]
        assert value is not None
        return 1 if value.dtype == bool else 2
