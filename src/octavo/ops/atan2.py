"""The angle of a point."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import lowers, operation
from octavo.ir.port import Kernels
from octavo.ir.type import Type
from octavo.ops._elementwise import emit
from octavo.ops.binary import Binary
from octavo.ops.broadcast_to import stretch


@operation
class Atan2(Binary):
    """The angle of the point (`rhs`, `lhs`), in radians. The kernel does not broadcast."""

    code: ClassVar = "ATAN2"
    compute: ClassVar = np.arctan2
    dtypes: ClassVar = ("float32", "float64")
    kernels: ClassVar = Kernels()

    @lowers("tf.Atan2")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """Operands of one shape, stretched where they are not."""
        lhs, rhs = source.inputs
        return emit(build, Atan2(), stretch(build, lhs, rhs), stretch(build, rhs, lhs))

    def infer(self, *inputs: Value) -> Type:
        """The operands' shape.

        Raises:
            ValueError: they differ: the kernel would read beyond the smaller one.
        """
        if inputs[0].shape != inputs[1].shape:
            raise ValueError(f"{inputs[0].type} and {inputs[1].type} differ")
        return super().infer(*inputs)
