"""The average, the largest number, or the root mean square of each window of an image."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
from msgspec import structs

from octavo.ir.build import Builder, Source
from octavo.ir.channels import Together
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.pace import Pace
from octavo.ir.port import INT8_AND_INT16, Observed, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._activation import activate, is_even
from octavo.ops._image import as_source, channels_last, pad_explicitly, spatial
from octavo.ops._real import require_float32
from octavo.ops._window import patches, window_output
from octavo.schema.enums import Activation, Padding

_LOWEST = float(np.finfo(np.float32).min)


@operation
class Pool2D(Op):
    """What the pooling operations share. `input` is [batch, height, width, channels]."""

    padding: Padding = Padding.SAME
    stride_w: int = 1
    stride_h: int = 1
    filter_width: int = 1
    filter_height: int = 1
    fused_activation_function: Activation = Activation.NONE

    def infer(self, input: Value) -> Type:
        """[batch, rows, columns, channels].

        Raises:
            ValueError: a window does not fit into the image.
        """
        batch, height, width, channels = input.shape
        rows = window_output(height, self.filter_height, self.stride_h, 1, self.padding)
        columns = window_output(width, self.filter_width, self.stride_w, 1, self.padding)
        return Type(input.dtype, (batch, rows, columns, channels))

    def channels(self, node: Node) -> Together | None:  # noqa: ARG002  # whatever surrounds it
        """Each channel is pooled by itself."""
        return Together() if is_even(self.fused_activation_function) else None

    def version(self, node: Node) -> int:
        """int8 since 2, int16 since 3."""
        return {"int8": 2, "int16": 3}.get(node.output.dtype.name, 1)

    def _windows(self, input: Array, border: float = 0.0) -> Array:
        window, stride = (self.filter_height, self.filter_width), (self.stride_h, self.stride_w)
        return patches(input, window, stride, (1, 1), self.padding, border=border)

    def _mean(self, input: Array) -> Array:
        """The mean over the part of each window that lies in the image."""
        inside = self._windows(np.ones((1, *input.shape[1:3], 1), input.dtype)).sum(axis=(3, 4))
        mean: Array = self._windows(input).sum(axis=(3, 4)) / inside
        return mean


@operation
class AveragePool2D(Pool2D):
    """The mean of each window; what SAME padding adds does not count."""

    code: ClassVar = "AVERAGE_POOL_2D"
    pace: ClassVar = Pace(0.14, 1.16)

    @lowers("tf.AvgPool")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow leaves out the padding too."""
        return _pool(AveragePool2D(), source, build)

    def evaluate(self, input: Array) -> Array:
        """The mean."""
        return activate(self._mean(input), self.fused_activation_function)

    ports: ClassVar = {"input": Observed(), "output": SameAs("input")}
    kernels: ClassVar = INT8_AND_INT16


@operation
class MaxPool2D(Pool2D):
    """The largest number of each window."""

    code: ClassVar = "MAX_POOL_2D"
    pace: ClassVar = Pace(0.16, 0.06)

    @lowers("tf.MaxPool")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """Explicit padding must never win."""
        return _pool(MaxPool2D(), source, build)

    @lowers("tf.MaxPoolV2")
    @staticmethod
    def from_tf_v2(source: Source, build: Builder) -> Value:
        """The second version has the window and the strides as operands."""
        sizes = {"ksize": source.const(1, "window").tolist(), "strides": source.const(2, "strides").tolist()}
        node = structs.replace(source.node, attrs={**source.node.attrs, **sizes})
        return MaxPool2D.from_tf(Source(node, source.inputs[:1]), build)

    def evaluate(self, input: Array) -> Array:
        """The largest number."""
        return activate(self._windows(input, border=-np.inf).max(axis=(3, 4)), self.fused_activation_function)

    ports: ClassVar = {"input": Observed(), "output": SameAs("input")}
    kernels: ClassVar = INT8_AND_INT16


@operation
class L2Pool2D(Pool2D):
    """The square root of the mean square of each window."""

    code: ClassVar = "L2_POOL_2D"

    def evaluate(self, input: Array) -> Array:
        """The root mean square."""
        return activate(np.sqrt(self._mean(input * input)), self.fused_activation_function)

    ports: ClassVar = {"input": Observed(), "output": Observed()}


def _pool(op: Pool2D, source: Source, build: Builder) -> Value:
    require_float32(source.inputs[0])
    image = channels_last(source, build, source.inputs[0])
    image, padding = pad_explicitly(source, build, image, border=_LOWEST)
    height, width = spatial(source, "ksize")
    stride_h, stride_w = spatial(source, "strides")
    op = replace(op, padding=padding, stride_w=stride_w, stride_h=stride_h, filter_width=width, filter_height=height)
    return as_source(source, build, build(op, image))
