"""Numbers in even steps."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.dim import Dim, UndecidedError
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.port import Plain
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops.reshape import reshape
from octavo.ops.shape import known_dims, runtime_dims


@operation
class Range(Op):
    """From `start`, in steps of `delta`, to just before `limit`: all scalars."""

    code: ClassVar = "RANGE"

    @lowers("tf.Range")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return build(Range(), *source.inputs)

    def infer(self, start: Value, limit: Value, delta: Value) -> Type:
        """A vector with as many numbers as there are steps.

        Raises:
            ValueError: the number of steps cannot be known, or never ends.
        """
        if start.const is not None and limit.const is not None and delta.const is not None:
            return Type(start.dtype, (len(self.evaluate(start.const, limit.const, delta.const)),))
        (first,), (last,), (step,) = (known_dims(value, "the bounds of a range") for value in (start, limit, delta))
        if not isinstance(step, int) or step == 0:
            raise ValueError(f"a range in steps of {step} has no known length")
        try:
            reach = last - first if step > 0 else first - last
            return Type(start.dtype, (0 if reach < 0 else (reach + abs(step) - 1) // abs(step),))
        except UndecidedError as reason:
            raise ValueError(f"the length of the range from {first} to {last}: {reason}") from reason

    def evaluate(self, start: Array, limit: Array, delta: Array) -> Array:
        """The numbers.

        Raises:
            ValueError: the step is zero.
        """
        if not delta.item():
            raise ValueError("a range in steps of 0 never ends")
        return np.arange(start.item(), limit.item(), delta.item()).astype(start.dtype)

    ports: ClassVar = {"start": Plain(), "limit": Plain(), "delta": Plain(), "output": Plain()}

    def version(self, node: Node) -> int:
        """int64 2 (`op_version.cc` of LiteRT)."""
        return 2 if node.output.dtype.name == "int64" else 1


def counted(build: Builder, length: Dim, like: Value) -> Value:
    """0, 1, … `length` − 1, int32; a length that is known only at run time is computed from the shape of `like`."""
    if isinstance(length, int):
        return build.const(np.arange(length, dtype=np.int32))
    limit = reshape(build, runtime_dims(build, [length], like), [])
    return build(Range(), np.array(0, np.int32), limit, np.array(1, np.int32))
