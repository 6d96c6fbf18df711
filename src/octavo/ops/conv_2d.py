"""2-D convolution."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.channels import Weighed
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.pace import Pace, dense, elements
from octavo.ir.port import INT8_AND_INT16, PAYS, Bias, Observed, Weight
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._activation import activate, is_even
from octavo.ops._image import as_source, channels_last, pad_explicitly, spatial
from octavo.ops._window import patches, some_patches, window_output
from octavo.ops.transpose import transpose
from octavo.schema.enums import Activation, Padding, TensorType


@operation
class Conv2D(Op):
    """`input` is [batch, height, width, in], `filter` [out, height, width, in / groups], `bias` [out]."""

    padding: Padding = Padding.SAME
    stride_w: int = 1
    stride_h: int = 1
    fused_activation_function: Activation = Activation.NONE
    dilation_w_factor: int = 1
    dilation_h_factor: int = 1
    quantized_bias_type: TensorType = TensorType.FLOAT32

    code: ClassVar = "CONV_2D"

    @lowers("tf.Conv2D")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow keeps the filter as [height, width, in / groups, out], and has no bias."""
        image, padding = pad_explicitly(source, build, channels_last(source, build, source.inputs[0]))
        stride_h, stride_w = spatial(source, "strides")
        dilation_h, dilation_w = spatial(source, "dilations")
        op = Conv2D(
            padding=padding,
            stride_w=stride_w,
            stride_h=stride_h,
            dilation_w_factor=dilation_w,
            dilation_h_factor=dilation_h,
        )
        filter = transpose(build, source.inputs[1], (3, 0, 1, 2))
        return as_source(source, build, build(op, image, filter, np.zeros(filter.shape[0], np.float32)))

    def infer(self, input: Value, filter: Value, bias: Value | None = None) -> Type:
        """[batch, rows, columns, out].

        Raises:
            ValueError: the channels of the input are no multiple of the filter's, or a window does not fit.
        """
        channels, taken = input.shape[3], filter.shape[3]
        if isinstance(channels, int) and isinstance(taken, int) and channels % taken:
            raise ValueError(f"{channels} channels cannot be split into groups of {taken}")
        if isinstance(channels, int) and isinstance(taken, int) and int(filter.shape[0]) % (channels // taken):
            raise ValueError(f"{filter.shape[0]} filters cannot be shared out among {channels // taken} groups")
        if bias is not None and bias.shape != filter.shape[:1]:
            raise ValueError(f"bias {bias.type} does not fit filter {filter.type}")
        _, height, width, _ = (int(dim) for dim in filter.shape)
        rows = window_output(input.shape[1], height, self.stride_h, self.dilation_h_factor, self.padding)
        columns = window_output(input.shape[2], width, self.stride_w, self.dilation_w_factor, self.padding)
        return Type(input.dtype, (input.shape[0], rows, columns, filter.shape[0]))

    def evaluate(self, input: Array, filter: Array, bias: Array | None = None) -> Array:
        """Patches times filters, group by group."""
        out, height, width, taken = filter.shape
        groups = input.shape[3] // taken
        windows = patches(
            input,
            (height, width),
            (self.stride_h, self.stride_w),
            (self.dilation_h_factor, self.dilation_w_factor),
            self.padding,
        )
        grouped = windows.reshape(*windows.shape[:-1], groups, taken)
        filters = filter.reshape(groups, out // groups, height, width, taken)
        result = np.einsum("nyxhwgi,gohwi->nyxgo", grouped, filters, optimize=True)
        result = result.reshape(*result.shape[:3], out)
        return activate(result if bias is None else result + bias, self.fused_activation_function)

    ports: ClassVar = {
        "input": Observed(),
        "filter": Weight(
            axis=0,
            dtypes={"float32": ("int8", "int4"), "int8": ("int8", "int4"), "int16": ("int8", "int4")},
            fast=("int8",),
            pays=PAYS,
        ),
        "bias?": Bias(of=("input", "filter")),
        "output": Observed(),
    }
    kernels: ClassVar = INT8_AND_INT16

    def costs(self, node: Node, dtype: str) -> str:
        """XNNPACK takes eight channels at once, LiteRT's int16 kernel a product of matrices."""
        given = node.inputs[0]
        assert given is not None
        if dtype == "int8" and given.shape[-1] in range(1, 8):
            return "on x86 XNNPACK takes several times as long as in float where so few channels come in"
        return "LiteRT's int16 kernel takes about 1.5 times as long as XNNPACK in float" if dtype == "int16" else ""

    def duration(self, node: Node) -> Pace:
        """A product with the filter for every place."""
        filter, made = node.inputs[1], elements(node.output.shape)
        assert filter is not None
        size, channels = elements(filter.shape[1:]), elements(filter.shape[3:])
        return dense(made * size, made, elements(filter.shape), channels=channels, is_window=size > channels)

    def mean_response(self, mean: Array, weight: Array) -> Array:
        """Each filter's taps add up per channel; borders that padding fills with zeros are neglected."""
        out, _, _, taken = weight.shape
        groups = len(mean) // taken
        taps = weight.sum(axis=(1, 2), dtype=np.float64).reshape(groups, out // groups, taken)
        response: Array = np.einsum("goi,gi->go", taps, mean.reshape(groups, taken))
        return response.reshape(out)

    def channels(self, node: Node) -> Weighed:
        """Factors go into the filter, unless groups of filters read channels of their own."""
        input, filter = node.inputs[:2]
        assert input is not None
        assert filter is not None
        takes = 3 if input.shape[3] == filter.shape[3] else None
        return Weighed(0, 1, 2, takes=takes, gives=0, even=is_even(self.fused_activation_function))

    def unfold(self, input: Array, weight: Array, most: int) -> Array:
        """The windows, each cut into the groups' parts."""
        _, height, width, taken = weight.shape
        strides, dilations = (self.stride_h, self.stride_w), (self.dilation_h_factor, self.dilation_w_factor)
        windows = some_patches(input, (height, width), strides, dilations, self.padding, most=most)
        grouped = windows.reshape(len(windows), height, width, -1, taken)
        return np.ascontiguousarray(np.moveaxis(grouped, 3, 0).reshape(-1, len(windows), height * width * taken))

    def by_group(self, weight: Array, groups: int) -> Array:
        """Groups have equal numbers of filters, in order."""
        return weight.reshape(groups, len(weight) // groups, -1)

    def version(self, node: Node) -> int:
        """From `op_version.cc` of LiteRT: hybrid 2 and 5, int8 3, int16 4, grouped 6, int4 7, bias type 8."""
        input, filter = (v for v in node.inputs[:2] if v is not None)
        kinds = (input.dtype.name, filter.dtype.name)
        if kinds[0] == "int16":
            return 8 if self.quantized_bias_type else 4
        if kinds[1] == "int4":
            return 7
        if input.shape[3] != filter.shape[3]:
            return 6
        per_channel = filter.quant is not None and filter.quant.axis is not None
        return {("int8", "int8"): 3, ("float32", "int8"): 5 if per_channel else 2}.get(kinds, 1)
