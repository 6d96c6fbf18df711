"""Numbers in even steps."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.dim import Dim, steps
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.port import Plain
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._elementwise import emit
from octavo.ops.binary import Add, Div, Mul, Sub
from octavo.ops.cast import cast
from octavo.ops.reshape import reshape
from octavo.ops.shape import known_dims, opened, runtime_dims
from octavo.ops.unary import Ceil

_INT32 = np.dtype(np.int32)


@operation
class Range(Op):
    """From `start`, in steps of `delta`, to just before `limit`: all scalars."""

    code: ClassVar = "RANGE"

    @lowers("tf.Range")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's. Real bounds that the data decide are counted first: lengths are whole."""
        start, limit, delta = map(opened, source.inputs)
        is_known = all(value.const is not None for value in (start, limit, delta))
        if start.dtype.kind == "f" and not is_known and not all(map(_is_whole, (start, limit, delta))):
            count = cast(build, build(Ceil(), emit(build, Div(), emit(build, Sub(), limit, start), delta)), _INT32)
            places = cast(build, build(Range(), np.int32(0), opened(count), np.int32(1)), start.dtype)
            return emit(build, Add(), emit(build, Mul(), places, delta), start)
        return build(Range(), start, limit, delta)

    def infer(self, start: Value, limit: Value, delta: Value) -> Type:
        """A vector with as many numbers as there are steps.

        Raises:
            ValueError: nothing is known of the bounds, or the steps never end.
        """
        if start.const is not None and limit.const is not None and delta.const is not None:
            return Type(start.dtype, (len(self.evaluate(start.const, limit.const, delta.const)),))
        (first,), (last,), (step,) = (known_dims(value, "the bounds of a range") for value in (start, limit, delta))
        if step == 0:
            raise ValueError("a range in steps of 0 never ends")
        return Type(start.dtype, (steps(first, last, step),))

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


def _is_whole(value: Value) -> bool:
    known = value.known
    return known is not None and (known.dtype == object or float(known.item()).is_integer())


def counted(build: Builder, length: Dim, like: Value) -> Value:
    """0, 1, … `length` − 1, int32; a length that is known only at run time is computed from the shape of `like`."""
    if isinstance(length, int):
        return build.const(np.arange(length, dtype=np.int32))
    limit = reshape(build, runtime_dims(build, [length], like), [])
    return build(Range(), np.array(0, np.int32), limit, np.array(1, np.int32))
