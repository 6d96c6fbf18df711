"""Operations that multiply by a constant filter and add a bias, seen as one kind of thing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from msgspec import Struct

from octavo.ir.build import Builder
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op
from octavo.ir.source import Array
from octavo.ops._window import same_padding
from octavo.ops.conv_2d import Conv2D
from octavo.ops.depthwise_conv_2d import DepthwiseConv2D
from octavo.ops.fully_connected import FullyConnected
from octavo.ops.transpose_conv import TransposeConv
from octavo.optimize.rules._match import activation, is_float, numbers
from octavo.schema.enums import Activation, Padding, WeightsFormat


class Layout(Struct, frozen=True):
    """Where an operation has its operands, and which axis of its filter runs over the output channels."""

    input: int
    filter: int
    bias: int
    channels: int


LAYOUTS: dict[type[Op], Layout] = {
    Conv2D: Layout(input=0, filter=1, bias=2, channels=0),
    DepthwiseConv2D: Layout(input=0, filter=1, bias=2, channels=3),
    FullyConnected: Layout(input=0, filter=1, bias=2, channels=0),
    TransposeConv: Layout(input=2, filter=1, bias=3, channels=0),
}
WEIGHTED = tuple(LAYOUTS)
"""The operations that have a filter and a bias."""


class Weighted(Struct, frozen=True):
    """A node with its constant filter and bias (zeros where it has none)."""

    node: Node
    layout: Layout
    input: Value
    filter: Array
    bias: Array

    def emit(
        self,
        build: Builder,
        *,
        input: Value | None = None,
        filter: Array | None = None,
        bias: Array | None = None,
        **options: Any,
    ) -> Value:
        """A node like this one, with other operands and options where they are given."""
        changed: dict[int, Value | Array | None] = {self.layout.input: input, self.layout.filter: filter}
        given = [*self.node.inputs, None][: self.layout.bias + 1]
        operands = [value if changed.get(i) is None else changed[i] for i, value in enumerate(given)]
        if bias is not None:
            operands[self.layout.bias] = bias.astype(np.float32)
        return build(replace(self.node.op, **options), *operands)

    def per_output(self, vector: Array) -> Array:
        """One number per output channel, in the shape that multiplies the filter."""
        shape = [1] * self.filter.ndim
        shape[self.layout.channels] = -1
        return vector.reshape(shape)

    def per_input(self, vector: Array) -> Array:
        """One number per input channel, in the shape that multiplies the filter."""
        out = self.filter.shape[self.layout.channels]
        if isinstance(self.node.op, DepthwiseConv2D):
            return np.repeat(vector, out // vector.size)
        taken = self.filter.shape[-1]
        groups = vector.size // taken
        spread = np.repeat(vector.reshape(groups, taken), out // groups, axis=0)
        return spread.reshape(out, *[1] * (self.filter.ndim - 2), taken)

    def response(self, vector: Array) -> Array:
        """What a constant input, one number per input channel, adds to each output channel away from the border."""
        axes = tuple(axis for axis in range(self.filter.ndim) if axis != self.layout.channels)
        return np.asarray(np.sum(self.filter * self.per_input(vector.astype(np.float64)), axis=axes))

    @property
    def input_channels(self) -> int | None:
        """How many channels the input has, when each of them meets the filter as a channel of its own."""
        channels = self.input.shape[-1] if self.input.rank else None
        if isinstance(self.node.op, FullyConnected) and channels != self.filter.shape[1]:
            return None
        return channels if isinstance(channels, int) else None

    @property
    def is_padded(self) -> bool:
        """Whether some window may see zeros around the input."""
        op = self.node.op
        if isinstance(op, FullyConnected):
            return False
        if not isinstance(op, Conv2D | DepthwiseConv2D) or op.padding is Padding.SAME:
            return not isinstance(op, Conv2D | DepthwiseConv2D) or self._same_pads(op)
        return False

    def _same_pads(self, op: Conv2D | DepthwiseConv2D) -> bool:
        strides = (op.stride_h, op.stride_w)
        dilations = (op.dilation_h_factor, op.dilation_w_factor)
        for size, taps, stride, dilation in zip(
            self.input.shape[1:3], self.filter.shape[1:3], strides, dilations, strict=True
        ):
            if taps > 1 and (not isinstance(size, int) or any(same_padding(size, taps, stride, dilation))):
                return True
        return False


def weighted(node: Node | None) -> Weighted | None:
    """`node` as a `Weighted`, when its filter and bias are float32 constants."""
    layout = None if node is None else LAYOUTS.get(type(node.op))
    if node is None or layout is None or getattr(node.op, "weights_format", 0) != WeightsFormat.DEFAULT:
        return None
    filter, input = numbers(node.inputs[layout.filter]), node.inputs[layout.input]
    given = node.inputs[layout.bias] if len(node.inputs) > layout.bias else None
    if input is None or filter is None or not is_float(input, node.output):
        return None
    bias = np.zeros(filter.shape[layout.channels], np.float32) if given is None else numbers(given)
    return None if bias is None else Weighted(node, layout, input, filter, bias)


def linear(value: Value | None) -> Weighted | None:
    """The weighted node that makes `value`, when it applies no activation."""
    found = weighted(value.producer) if value is not None else None
    return found if found is not None and activation(found.node) is Activation.NONE else None
