"""Borders around a tensor: zeros (PAD) or another number (PADV2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.channels import Together
from octavo.ir.dim import Dim, Symbolic
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Observed, Plain, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops.shape import opened


@operation
class Pad(Op):
    """`paddings` is [rank, 2]: how many zeros stand before and after each dimension."""

    code: ClassVar = "PAD"

    @lowers("tf.Pad")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return build(Pad(), source.inputs[0], paddings_of(source.inputs[1]))

    def infer(self, input: Value, paddings: Value) -> Type:
        """The shape grows by the paddings."""
        return Type(input.dtype, padded_shape(input, paddings))

    def evaluate(self, input: Array, paddings: Array) -> Array:
        """Zeros around a copy of the input."""
        return np.pad(input, paddings.tolist())

    ports: ClassVar = {"input": Observed(), "paddings": Plain(), "output": SameAs("input")}
    kernels: ClassVar = INT8_AND_INT16

    def channels(self, node: Node) -> Together | None:
        """Zeros stay zeros, unless they are channels of their own."""
        paddings = node.inputs[1]
        if paddings is None or paddings.const is None:
            return None
        return None if paddings.const[-1].any() else Together()

    def version(self, node: Node) -> int:
        """int8 since 2, int16 since 3."""
        return {"int8": 2, "int16": 3}.get(node.output.dtype.name, 1)


@operation
class PadV2(Op):
    """Like `Pad`, with `value` (a scalar) in place of zero."""

    code: ClassVar = "PADV2"

    @lowers("tf.PadV2")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """Zeros need no operand of their own."""
        input, paddings, value = source.inputs
        if value.const is not None and not value.const.any():
            return build(Pad(), input, paddings_of(paddings))
        return build(PadV2(), input, paddings_of(paddings), value)

    def infer(self, input: Value, paddings: Value, value: Value) -> Type:  # noqa: ARG002  # an operand, not a shape
        """The shape grows by the paddings."""
        return Type(input.dtype, padded_shape(input, paddings))

    def evaluate(self, input: Array, paddings: Array, value: Array) -> Array:
        """The value around a copy of the input."""
        return np.pad(input, paddings.tolist(), constant_values=value.item())

    @property
    def chooses(self) -> slice:
        """The input or the border."""
        return slice(0, None, 2)

    ports: ClassVar = {"input": Observed(), "paddings": Plain(), "value": SameAs("input"), "output": SameAs("input")}
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """int8 since 2, int16 since 3."""
        return {"int8": 2, "int16": 3}.get(node.output.dtype.name, 1)


def pad(build: Builder, value: Value, around: Sequence[tuple[int, int]], *, border: float = 0.0) -> Value:
    """`value` with `border` before and after each dimension, as often as `around` says; itself when never."""
    if not any(map(any, around)):
        return value
    if border:
        return build(PadV2(), value, np.array(around, np.int32), np.array(border, value.dtype))
    return build(Pad(), value, np.array(around, np.int32))


def paddings_of(paddings: Value) -> Value | Array:
    """Constant paddings as int32, which the kernel takes faster than int64; others as they are."""
    return opened(paddings) if paddings.const is None else paddings.const.astype(np.int32)


def padded_shape(input: Value, paddings: Value) -> tuple[Dim, ...]:
    """The input's shape, grown by the paddings.

    Raises:
        ValueError: the paddings are unknown.
    """
    known = paddings.known
    if known is None:
        raise ValueError("the paddings must be known before the model runs")
    ends = ([end if isinstance(end, Symbolic) else int(end) for end in pair] for pair in known)
    return tuple(dim + before + after for dim, (before, after) in zip(input.shape, ends, strict=True))
