"""2-D convolution of each channel by itself."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.channels import Weighed
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.pace import Pace, elements
from octavo.ir.port import Bias, Kernels, Observed, Weight
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._activation import activate, is_even
from octavo.ops._image import as_source, channels_last, pad_explicitly, spatial
from octavo.ops._real import require_float32
from octavo.ops._window import patches, some_patches, window_output
from octavo.ops.reshape import reshape
from octavo.schema.enums import Activation, Padding

TAPS = 25
"""XNNPACK has kernels of up to so many taps, 5 × 5; it computes others as one small matrix product a channel, which
takes 4 to 7 times as long in float and 12 to 25 times in int8 (measured on AVX2, 7 × 7 and 9 × 9)."""


@operation
class DepthwiseConv2D(Op):
    """`input` is [batch, height, width, in], `filter` [1, height, width, out], `bias` [out].

    Channel c of the input makes the channels c · `depth_multiplier` and following of the output.
    """

    padding: Padding = Padding.SAME
    stride_w: int = 1
    stride_h: int = 1
    depth_multiplier: int = 1
    fused_activation_function: Activation = Activation.NONE
    dilation_w_factor: int = 1
    dilation_h_factor: int = 1

    code: ClassVar = "DEPTHWISE_CONV_2D"

    @lowers("tf.DepthwiseConv2dNative")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow keeps the filter as [height, width, in, multiplier], and has no bias."""
        require_float32(*source.inputs)
        image, padding = pad_explicitly(source, build, channels_last(source, build, source.inputs[0]))
        stride_h, stride_w = spatial(source, "strides")
        dilation_h, dilation_w = spatial(source, "dilations")
        height, width, channels, multiplier = (int(dim) for dim in source.inputs[1].shape)
        op = DepthwiseConv2D(
            padding=padding,
            stride_w=stride_w,
            stride_h=stride_h,
            depth_multiplier=multiplier,
            dilation_w_factor=dilation_w,
            dilation_h_factor=dilation_h,
        )
        out = channels * multiplier
        filter = reshape(build, source.inputs[1], (1, height, width, out))
        return as_source(source, build, build(op, image, filter, np.zeros(out, np.float32)))

    def infer(self, input: Value, filter: Value, bias: Value | None = None) -> Type:
        """[batch, rows, columns, out].

        Raises:
            ValueError: the filter does not have `depth_multiplier` channels for each of the input's.
        """
        _, height, width, out = (int(dim) for dim in filter.shape)
        if input.shape[3] * self.depth_multiplier != out:
            raise ValueError(f"filter {filter.type} does not make {self.depth_multiplier} of each channel")
        if bias is not None and bias.shape != (out,):
            raise ValueError(f"bias {bias.type} does not fit filter {filter.type}")
        rows = window_output(input.shape[1], height, self.stride_h, self.dilation_h_factor, self.padding)
        columns = window_output(input.shape[2], width, self.stride_w, self.dilation_w_factor, self.padding)
        return Type(input.dtype, (input.shape[0], rows, columns, out))

    def evaluate(self, input: Array, filter: Array, bias: Array | None = None) -> Array:
        """Patches times filters, channel by channel."""
        _, height, width, out = filter.shape
        windows = patches(
            input,
            (height, width),
            (self.stride_h, self.stride_w),
            (self.dilation_h_factor, self.dilation_w_factor),
            self.padding,
        )
        filters = filter.reshape(height, width, input.shape[3], self.depth_multiplier)
        result = np.einsum("nyxhwc,hwcm->nyxcm", windows, filters, optimize=True)
        result = result.reshape(*result.shape[:3], out)
        return activate(result if bias is None else result + bias, self.fused_activation_function)

    ports: ClassVar = {
        "input": Observed(),
        "filter": Weight(axis=3, dtypes={"float32": ("int8",), "int8": ("int8", "int4"), "int16": ("int8",)}),
        "bias?": Bias(of=("input", "filter")),
        "output": Observed(),
    }
    kernels: ClassVar = Kernels(
        int8="",
        int16="",
        slow_int16="LiteRT has only its reference kernel for int16",
        costs_int8="on x86 XNNPACK takes about twice as long as in float",
    )

    def lags(self, node: Node) -> bool:
        """Windows of more taps than XNNPACK has kernels for."""
        filter = node.inputs[1]
        return filter is not None and elements(filter.shape[1:3]) > TAPS

    def duration(self, node: Node) -> Pace:
        """XNNPACK has kernels of up to 25 taps, and takes others channel by channel."""
        filter = node.inputs[1]
        assert filter is not None
        taps = elements(filter.shape[1:3])
        wide = Pace(0.7 * taps, 2.6 * taps)
        return (Pace(0.1 + 0.06 * taps, 0.15 + 0.075 * taps) if taps <= TAPS else wide).of(elements(node.output.shape))

    def mean_response(self, mean: Array, weight: Array) -> Array:
        """Each channel's taps add up; borders that padding fills with zeros are neglected."""
        taps: Array = weight.sum(axis=(0, 1, 2), dtype=np.float64)
        response: Array = taps * np.repeat(mean, self.depth_multiplier)
        return response

    def channels(self, node: Node) -> Weighed:  # noqa: ARG002  # whatever surrounds it
        """Each channel has a filter of its own."""
        even = is_even(self.fused_activation_function)
        return Weighed(0, 1, 2, takes=3, gives=3, even=even, repeat=self.depth_multiplier)

    def unfold(self, input: Array, weight: Array, most: int) -> Array:
        """The windows, channel by channel."""
        _, height, width, _ = weight.shape
        strides, dilations = (self.stride_h, self.stride_w), (self.dilation_h_factor, self.dilation_w_factor)
        windows = some_patches(input, (height, width), strides, dilations, self.padding, most=most)
        return np.ascontiguousarray(windows.reshape(len(windows), height * width, -1).transpose(2, 0, 1))

    def by_group(self, weight: Array, groups: int) -> Array:
        """Each channel of the input is a group."""
        return weight.reshape(-1, groups, self.depth_multiplier).transpose(1, 2, 0)

    def version(self, node: Node) -> int:
        """From `op_version.cc` of LiteRT: dilation 2, int8 3, hybrid 4 and 6, int16 5, int4 7."""
        input, filter = (v for v in node.inputs[:2] if v is not None)
        per_channel = filter.quant is not None and filter.quant.axis is not None
        match input.dtype.name, filter.dtype.name:
            case "int16", _:
                return 5
            case "int8", "int4":
                return 7
            case "int8", "int8":
                return 3
            case "float32", "int8":
                return 6 if per_channel else 4
        return 2 if (self.dilation_w_factor, self.dilation_h_factor) != (1, 1) else 1
