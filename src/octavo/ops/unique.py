"""Numbers without their repetitions."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.dim import some
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import Plain
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops.cast import numpy_dtype
from octavo.schema.enums import TensorType

DISTINCT = some("distinct")
"""How many different numbers there are: known only at run time."""
_TYPES = ("float32", "int8", "uint8", "int16", "int32", "int64")


@operation
class Unique(Op):
    """The different numbers of a vector in the order in which they appear, and for each element which one it is."""

    idx_out_type: TensorType = TensorType.INT32

    code: ClassVar = "UNIQUE"

    @lowers("tf.Unique")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> tuple[Value, ...]:
        """TensorFlow's operand is LiteRT's."""
        return _unique(source, build)

    @lowers("tf.UniqueV2")
    @staticmethod
    def from_tf_axis(source: Source, build: Builder) -> tuple[Value, ...]:
        """Along the only axis; whole rows cannot be compared."""
        axis = source.const(1, "axis").ravel().tolist()
        if source.inputs[0].rank != 1 or axis not in ([], [0], [-1]):
            raise NotLoweredError("LiteRT finds different numbers in vectors only")
        return _unique(source, build)

    def infer(self, input: Value) -> tuple[Type, Type]:
        """As many numbers as differ, and the input's shape.

        Raises:
            ValueError: the input is no vector.
        """
        if input.rank != 1:
            raise ValueError(f"{input.type} is no vector")
        return Type(input.dtype, (DISTINCT,)), Type(numpy_dtype(self.idx_out_type), input.shape)

    def evaluate(self, input: Array) -> tuple[Array, Array]:
        """Sorted first, then put back in their order."""
        values, first, which = np.unique(input, return_index=True, return_inverse=True)
        order = np.argsort(first)
        return values[order], np.argsort(order)[which].astype(numpy_dtype(self.idx_out_type))

    def known(self, *inputs: Value | None) -> None:  # noqa: ARG002  # the length of a constant would not be that of `infer`
        """Not folded: a constant's length would have to be known to `infer`."""
        return

    ports: ClassVar = {"input": Plain(), "output": Plain(), "output_index": Plain()}


def _unique(source: Source, build: Builder) -> tuple[Value, ...]:
    (value, *_) = source.inputs
    if value.dtype.name not in _TYPES:
        raise NotLoweredError(f"LiteRT has no UNIQUE of {value.dtype.name}")
    wide = source.dtype("out_idx") == np.int64
    return build.many(Unique(idx_out_type=TensorType.INT64 if wide else TensorType.INT32), value)
