"""Running sums."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.port import Kernels, Observed, Plain
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._elementwise import FLOAT_INT, emit


@operation
class Cumsum(Op):
    """Each element plus all before it along `axis`, a scalar; `exclusive` leaves the element itself out."""

    exclusive: bool = False
    reverse: bool = False

    code: ClassVar = "CUMSUM"
    dtypes: ClassVar = FLOAT_INT

    @lowers("tf.Cumsum")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """The axis must be known."""
        op = Cumsum(exclusive=source.attr("exclusive", bool), reverse=source.attr("reverse", bool))
        return emit(build, op, source.inputs[0], np.array(source.const(1, "axis").item(), np.int32))

    def infer(self, input: Value, axis: Value) -> Type:  # noqa: ARG002  # the axis does not change the shape
        """The input's."""
        return input.type

    def evaluate(self, input: Array, axis: Array) -> Array:
        """Backwards when `reverse`."""
        place = int(axis.item())
        ordered = np.flip(input, place) if self.reverse else input
        total = np.cumsum(ordered, axis=place, dtype=input.dtype)
        total = total - ordered if self.exclusive else total
        return np.flip(total, place) if self.reverse else total

    ports: ClassVar = {"input": Observed(), "axis": Plain(), "output": Observed()}
    kernels: ClassVar = Kernels()
