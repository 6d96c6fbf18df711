"""2-D convolution run backwards: each pixel of the input spreads over a window of the output."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.channels import Weighed
from octavo.ir.dim import Dim
from octavo.ir.graph import Node, Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Bias, Observed, Plain, Weight
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._activation import activate, is_even
from octavo.ops._image import as_source, channels_last, dimensions_last, spatial
from octavo.ops._real import require_float32
from octavo.ops._window import same_padding, window_output
from octavo.ops.transpose import transpose
from octavo.schema.enums import Activation, Padding, TensorType


@operation
class TransposeConv(Op):
    """`input` is [batch, height, width, in], `weights` [out, height, width, in], `bias` [out].

    `shape` is [batch, rows, columns, out]: several sizes may shrink to the input's.
    """

    padding: Padding = Padding.SAME
    stride_w: int = 1
    stride_h: int = 1
    fused_activation_function: Activation = Activation.NONE
    quantized_bias_type: TensorType = TensorType.FLOAT32

    code: ClassVar = "TRANSPOSE_CONV"

    @lowers("tf.Conv2DBackpropInput", "tf.Conv2DBackpropInputV2")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow keeps the filter as [height, width, out, in]; a dilated filter gets its holes written out."""
        sizes, filter, image = source.inputs
        require_float32(filter, image)
        padding = source.attr("padding", str)
        if padding == "EXPLICIT":
            raise NotLoweredError("LiteRT has no transposed convolution with explicit padding")
        stride_h, stride_w = spatial(source, "strides")
        weights = transpose(build, _with_holes(source, build, filter), (2, 0, 1, 3))
        op = TransposeConv(padding=Padding[padding], stride_w=stride_w, stride_h=stride_h)
        shape = _output_shape(source, build, sizes)
        bias = np.zeros(weights.shape[0], np.float32)
        return as_source(source, build, build(op, shape, weights, channels_last(source, build, image), bias))

    def infer(self, shape: Value, weights: Value, input: Value, bias: Value | None = None) -> Type:
        """`shape`.

        Raises:
            ValueError: it is unknown, or a convolution of it would not give the input's shape.
        """
        if shape.known is None:
            raise ValueError("the output shape must be known before the model runs, apart from the batch")
        dims: tuple[Dim, ...] = tuple(d if isinstance(d, Dim) else int(d) for d in shape.known)
        out, height, width, taken = (int(dim) for dim in weights.shape)
        rows = window_output(dims[1], height, self.stride_h, 1, self.padding)
        columns = window_output(dims[2], width, self.stride_w, 1, self.padding)
        if _differ((rows, columns, taken, dims[3]), (*input.shape[1:], out)):
            raise ValueError(f"input {input.type} does not spread over {list(dims)} by weights {weights.type}")
        if bias is not None and bias.shape != (out,):
            raise ValueError(f"bias {bias.type} does not fit weights {weights.type}")
        return Type(input.dtype, (input.shape[0], *dims[1:]))

    def evaluate(self, shape: Array, weights: Array, input: Array, bias: Array | None = None) -> Array:
        """Every tap of the window adds a shifted, spread copy."""
        _, height, width, _ = weights.shape
        dims = tuple(int(dim) for dim in shape)
        spread = np.einsum("nyxi,ohwi->hwnyxo", input, weights, optimize=True)
        top, left = self._before(dims, (height, width))
        reach = (max(dims[1] + top, _reach(input.shape[1], self.stride_h, height)),
                 max(dims[2] + left, _reach(input.shape[2], self.stride_w, width)))  # fmt: skip
        result = np.zeros((input.shape[0], *reach, dims[3]), input.dtype)
        for row, column in np.ndindex(height, width):
            rows = slice(row, row + _reach(input.shape[1], self.stride_h, 1), self.stride_h)
            columns = slice(column, column + _reach(input.shape[2], self.stride_w, 1), self.stride_w)
            result[:, rows, columns] += spread[row, column]
        result = result[:, top : top + dims[1], left : left + dims[2]]
        return activate(result if bias is None else result + bias, self.fused_activation_function)

    def _before(self, shape: tuple[int, ...], window: tuple[int, int]) -> tuple[int, int]:
        """How much SAME padding cuts off at the top and on the left."""
        if self.padding is Padding.VALID:
            return 0, 0
        top, _ = same_padding(shape[1], window[0], self.stride_h, 1)
        left, _ = same_padding(shape[2], window[1], self.stride_w, 1)
        return top, left

    ports: ClassVar = {
        "shape": Plain(),
        "weights": Weight(axis=0, dtypes={"float32": ("int8",), "int8": ("int8",), "int16": ("int8",)}),
        "input": Observed(),
        "bias?": Bias(of=("input", "weights")),
        "output": Observed(),
    }
    kernels: ClassVar = INT8_AND_INT16

    def channels(self, node: Node) -> Weighed:  # noqa: ARG002  # whatever surrounds it
        """Factors go into the weights."""
        return Weighed(2, 1, 3, takes=3, gives=0, even=is_even(self.fused_activation_function))

    def version(self, node: Node) -> int:
        """From `op_version.cc` of LiteRT: int8 2, a bias 3, an activation 4, a bias type for int16 5."""
        if node.output.dtype == np.int16 and self.quantized_bias_type:
            return 5
        if self.fused_activation_function:
            return 4
        if len(node.inputs) == 4 and node.inputs[3] is not None:
            return 3
        return 2 if node.inputs[1] is not None and node.inputs[1].dtype == np.int8 else 1


def _output_shape(source: Source, build: Builder, sizes: Value) -> Value:
    """The shape with channels last. A batch known only at run time is read from the image then.

    `Conv2DBackpropInputV2` gives a tensor of that shape instead, and some models give rows and columns only.
    """
    from octavo.ops.shape import runtime_dims

    image = source.inputs[2]
    if source.node.op.endswith("V2"):
        dims: list[Dim] = list(sizes.shape)
    elif sizes.known is None:
        raise NotLoweredError("its output shape depends on data")
    else:
        dims = [d if isinstance(d, Dim) else int(d) for d in sizes.known]
    if len(dims) == 2:
        rows, columns, out = *dims, source.inputs[1].shape[2]
    else:
        _, rows, columns, out = dimensions_last(source, dims)
    return runtime_dims(build, [image.shape[0], rows, columns, out], image)


def _with_holes(source: Source, build: Builder, filter: Value) -> Value:
    """The filter with zeros where its dilation skips pixels: LiteRT has no dilated form."""
    height, width = spatial(source, "dilations")
    if (height, width) == (1, 1):
        return filter
    if filter.const is None:
        raise NotLoweredError("LiteRT has no dilated transposed convolution, and the filter is not constant")
    rows, columns, *channels = filter.const.shape
    dense = np.zeros((_reach(rows, height, 1), _reach(columns, width, 1), *channels), np.float32)
    dense[::height, ::width] = filter.const
    return build.const(dense, filter.name)


def _reach(count: int, stride: int, window: int) -> int:
    """The length that `count` windows cover at this stride."""
    return (count - 1) * stride + window


def _differ(found: tuple[Dim, ...], wanted: tuple[Dim, ...]) -> bool:
    return any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in zip(found, wanted, strict=True))
