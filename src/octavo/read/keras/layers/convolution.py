"""Convolutions: plain, depthwise, separable and transposed, in one to three dimensions."""

from __future__ import annotations

import numpy as np

from octavo.ir.op import NotLoweredError
from octavo.ir.source import Array
from octavo.read.keras.emitter import Emitter, Size, Tensor
from octavo.read.keras.layer import Layer, as_layer, channels_last, layer, pair
from octavo.read.keras.layers.activation import activate


@layer("Conv1D", "Conv2D", "Conv3D", "Convolution1D", "Convolution2D", "Convolution3D")
def convolution(layer: Layer, x: Tensor) -> Tensor:
    """The kernel is [rows, columns, in / groups, out], as TensorFlow's."""
    x = channels_last(layer, x)
    size = pair(layer.config["kernel_size"], x.rank - 2)
    taken = _channels(x) // int(layer.get("groups", 1))
    kernel = layer.weight(0, "kernel", (*size, taken, int(layer.config["filters"])))
    return _finish(layer, _convolve(layer, x, kernel), index=1)


@layer("DepthwiseConv1D", "DepthwiseConv2D")
def depthwise_convolution(layer: Layer, x: Tensor) -> Tensor:
    """The kernel is [rows, columns, in, multiplier]; configurations with `groups: 1` exist, and mean nothing by it."""
    x = channels_last(layer, x)
    return _finish(layer, _depthwise(layer, x), index=1)


@layer("SeparableConv1D", "SeparableConv2D", "SeparableConvolution1D", "SeparableConvolution2D")
def separable_convolution(layer: Layer, x: Tensor) -> Tensor:
    """A depthwise convolution, then one of single pixels."""
    x = channels_last(layer, x)
    between = _depthwise(layer, x)
    ones = [1] * (x.rank - 2)
    pointwise = layer.weight(1, "pointwise_kernel", (*ones, _channels(between), int(layer.config["filters"])))
    return _finish(
        layer,
        flat_window(layer.emit, "Conv2D", between, pointwise, strides=ones, dilation=ones, padding="VALID"),
        index=2,
    )


@layer("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "Convolution1DTranspose", "Convolution2DTranspose",
       "Convolution3DTranspose", "Deconvolution2D", "Deconvolution3D")  # fmt: skip
def transposed_convolution(layer: Layer, x: Tensor) -> Tensor:
    """The kernel is [rows, columns, out, in], as TensorFlow's; the output's size is an operand."""
    emit = layer.emit
    x = channels_last(layer, x)
    rank = x.rank - 2
    size, strides, dilation = (pair(layer.get(key, 1), rank) for key in ("kernel_size", "strides", "dilation_rate"))
    kernel = layer.weight(0, "kernel", (*size, int(layer.config["filters"]), _channels(x)))
    lengths = [emit.size(x, 0)]
    given = layer.get("output_padding")
    for axis, (window, stride, step) in enumerate(zip(size, strides, dilation, strict=True)):
        border = None if given is None else pair(given, rank)[axis]
        lengths.append(_transposed_length(layer, emit.size(x, axis + 1), (window - 1) * step + 1, stride, border))
    lengths.append(int(layer.config["filters"]))
    if rank == 1:
        x, kernel = emit("ExpandDims", x, np.int32(1)), kernel[np.newaxis]
        lengths.insert(1, 1)
        strides, dilation = [1, *strides], [1, *dilation]
    result = emit(
        "Conv3DBackpropInputV2" if rank == 3 else "Conv2DBackpropInput",
        emit.sizes(lengths),
        kernel,
        x,
        strides=[1, *strides, 1],
        dilations=[1, *dilation, 1],
        padding=str(layer.config["padding"]).upper(),
        data_format=_format(rank),
    )
    return _finish(layer, emit("Squeeze", result, squeeze_dims=[1]) if rank == 1 else result, index=1)


def _transposed_length(layer: Layer, length: Size, window: int, stride: int, border: int | None) -> Size:
    """Of the output of a transposed convolution along one axis (`_get_output_shape_given_tf_padding` in Keras)."""
    same = layer.config["padding"] == "same"
    if border is None:
        extra = 0 if same else max(window - stride, 0)
    else:
        extra = (window % 2 if same else window) + border - stride
    if isinstance(length, int):
        return length * stride + extra
    longer = layer.emit("Mul", length, stride)
    return layer.emit("AddV2", longer, extra) if extra else longer


def _convolve(layer: Layer, x: Tensor, kernel: Array) -> Tensor:
    rank = x.rank - 2
    strides, dilation = (pair(layer.get(key, 1), rank) for key in ("strides", "dilation_rate"))
    padding = str(layer.config["padding"])
    if padding == "causal":
        x = layer.emit("Pad", x, np.array([[0, 0], [dilation[0] * (kernel.shape[0] - 1), 0], [0, 0]], np.int32))
        padding = "valid"
    return flat_window(layer.emit, "Conv2D", x, kernel, strides=strides, dilation=dilation, padding=padding)


def _depthwise(layer: Layer, x: Tensor) -> Tensor:
    rank = x.rank - 2
    size, strides, dilation = (pair(layer.get(key, 1), rank) for key in ("kernel_size", "strides", "dilation_rate"))
    shape = (*size, _channels(x), int(layer.get("depth_multiplier", 1)))
    kernel = layer.weight(0, "depthwise_kernel", shape)
    padding = str(layer.config["padding"])
    if padding == "causal":
        x = layer.emit("Pad", x, np.array([[0, 0], [dilation[0] * (size[0] - 1), 0], [0, 0]], np.int32))
        padding = "valid"
    return flat_window(
        layer.emit, "DepthwiseConv2dNative", x, kernel, strides=strides, dilation=dilation, padding=padding
    )


def flat_window(  # noqa: PLR0913  # a window is all of these
    emit: Emitter, op: str, x: Tensor, kernel: Array, *, strides: list[int], dilation: list[int], padding: str
) -> Tensor:
    """A convolution in two or three dimensions; a sequence is an image of one row."""
    rank = x.rank - 2
    if rank == 1:
        x, kernel = emit("ExpandDims", x, np.int32(1)), kernel[np.newaxis]
        strides, dilation = strides * 2, [1, *dilation]  # depthwise kernels want one stride both ways
    elif rank == 3:
        op = op.replace("2D", "3D")
    options = {"strides": [1, *strides, 1], "dilations": [1, *dilation, 1], "padding": padding.upper()}
    result = emit(op, x, kernel, data_format=_format(rank), **options)
    return emit("Squeeze", result, squeeze_dims=[1]) if rank == 1 else result


def _finish(layer: Layer, x: Tensor, *, index: int) -> Tensor:
    """The bias, which is the layer's `index`-th weight, and the activation."""
    if layer.get("use_bias", True):
        x = layer.emit("BiasAdd", x, layer.weight(index, "bias", (_channels(x),)), data_format="NHWC")
    return activate(layer, as_layer(layer, x))


def _format(rank: int) -> str:
    return "NDHWC" if rank == 3 else "NHWC"


def _channels(x: Tensor) -> int:
    channels = x.shape[-1]
    if not isinstance(channels, int):
        raise NotLoweredError("the number of channels must be known before the model runs")
    return channels
