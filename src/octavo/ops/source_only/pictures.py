"""Parts of images, and their colours."""

from __future__ import annotations

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers
from octavo.ops._real import require_float32
from octavo.ops._window import same_padding, window_output
from octavo.ops.batch_matmul import BatchMatMul
from octavo.ops.binary import Add, Div, FloorMod, Maximum, Minimum, Mul, Sub
from octavo.ops.cast import cast
from octavo.ops.comparison import Equal, GreaterEqual, LessEqual
from octavo.ops.concatenation import concatenate
from octavo.ops.gather import Gather
from octavo.ops.logical import LogicalAnd
from octavo.ops.pad import pad
from octavo.ops.reduce import Mean
from octavo.ops.reshape import reshape
from octavo.ops.select import SelectV2
from octavo.ops.slice import Slice
from octavo.ops.unary import Abs, Floor
from octavo.schema.enums import Padding


@lowers("tf.CropAndResize")
def crop_and_resize(source: Source, build: Builder) -> Value:
    """Each box as two products: the weight of each pixel along an axis falls off with its distance from the place."""
    images, boxes, which, _ = source.inputs
    size = source.const(3, "size of the crops").tolist()
    method, outside = source.attr("method", str), source.attr("extrapolation_value", float)
    images = cast(build, images, np.dtype(np.float32))
    chosen = build(Gather(), images, cast(build, which, np.dtype(np.int32)))
    count, height, width, channels = chosen.shape
    rows, reached = _along(build, boxes, (0, 2), _known(height), size[0], method)
    columns, met = _along(build, boxes, (1, 3), _known(width), size[1], method)
    lines = build(BatchMatMul(), rows, reshape(build, chosen, [count, height, width * channels]))
    crops = build(
        BatchMatMul(),
        reshape(build, columns, [count, 1, size[1], width]),
        reshape(build, lines, [count, size[0], width, channels]),
    )
    inside = build(
        LogicalAnd(),
        reshape(build, reached, [count, size[0], 1, 1]),
        reshape(build, met, [count, 1, size[1], 1]),
    )
    return build(SelectV2(), inside, crops, np.float32(outside))


@lowers("tf.ExtractImagePatches")
def extract_patches(source: Source, build: Builder) -> Value:
    """Each pixel's neighbours, one shifted image for each place in the window, behind each other as channels."""
    (image,) = source.inputs
    windows, strides, rates = (source.ints(name)[1:3] for name in ("ksizes", "strides", "rates"))
    padding = Padding[source.attr("padding", str)]
    shape = image.shape
    sizes = [_known(dim) for dim in shape[1:3]]
    axes = list(zip(sizes, windows, strides, rates, strict=True))
    counts = [int(window_output(*axis, padding)) for axis in axes]
    if padding is Padding.SAME:
        image = pad(build, image, [(0, 0), *(same_padding(*axis) for axis in axes), (0, 0)])
    parts = []
    for row, column in np.ndindex(*windows):
        picked = image
        for axis, (first, count) in enumerate(zip((row * rates[0], column * rates[1]), counts, strict=True), 1):
            picked = _every(build, picked, axis, (first, count, strides[axis - 1]))
        parts.append(picked)
    return concatenate(build, parts, 3)


@lowers("tf.RGBToHSV")
def rgb_to_hsv(source: Source, build: Builder) -> Value:
    """Hue from the greatest channel and the difference of the other two; grey has none."""
    (image,) = source.inputs
    require_float32(image)
    red, green, blue = _channels(build, image)
    value = build(Maximum(), build(Maximum(), red, green), blue)
    chroma = build(Sub(), value, build(Minimum(), build(Minimum(), red, green), blue))
    one, zero = np.float32(1), np.float32(0)
    grey, black = build(Equal(), chroma, zero), build(LessEqual(), value, zero)
    saturation = build(SelectV2(), black, zero, build(Div(), chroma, build(SelectV2(), black, one, value)))
    divisor = build(SelectV2(), grey, one, chroma)

    def sector(lhs: Value, rhs: Value, turn: float) -> Value:
        return build(Add(), build(Div(), build(Sub(), lhs, rhs), divisor), np.float32(turn))

    rest = build(SelectV2(), build(Equal(), green, value), sector(blue, red, 2), sector(red, green, 4))
    sixths = build(SelectV2(), build(Equal(), red, value), sector(green, blue, 0), rest)
    hue = build(Mul(), sixths, np.float32(1 / 6))
    hue = build(SelectV2(), build(GreaterEqual(), hue, zero), hue, build(Add(), hue, one))
    return concatenate(build, [build(SelectV2(), grey, zero, hue), saturation, value], image.rank - 1)


@lowers("tf.HSVToRGB")
def hsv_to_rgb(source: Source, build: Builder) -> Value:
    """Each channel is a ramp of the hue, clipped, and mixed with white."""
    (image,) = source.inputs
    require_float32(image)
    return _coloured(build, *_channels(build, image))


@lowers("tf.AdjustContrastv2")
def adjust_contrast(source: Source, build: Builder) -> Value:
    """The distance from the mean of each channel, times a factor."""
    image, factor = source.inputs
    require_float32(image)
    mean = build(Mean(keep_dims=True), image, np.array([image.rank - 3, image.rank - 2], np.int32))
    return build(Add(), build(Mul(), build(Sub(), image, mean), factor), mean)


@lowers("tf.AdjustSaturation")
def adjust_saturation(source: Source, build: Builder) -> Value:
    """The distance from white, times a factor, within its bounds."""
    image, factor = source.inputs
    colours = rgb_to_hsv(Source(source.node, (image,)), build)
    hue, saturation, value = _channels(build, colours)
    more = build(Minimum(), build(Maximum(), build(Mul(), saturation, factor), np.float32(0)), np.float32(1))
    return _coloured(build, hue, more, value)


@lowers("tf.AdjustHue")
def adjust_hue(source: Source, build: Builder) -> Value:
    """The colour circle turned."""
    image, turn = source.inputs
    colours = rgb_to_hsv(Source(source.node, (image,)), build)
    hue, saturation, value = _channels(build, colours)
    return _coloured(build, build(FloorMod(), build(Add(), hue, turn), np.float32(1)), saturation, value)


def _coloured(build: Builder, hue: Value, saturation: Value, value: Value) -> Value:
    """Red, green and blue: |6 · hue − 3| − 1, 2 − |6 · hue − 2| and 2 − |6 · hue − 4|, within 0 and 1."""
    one, zero = np.float32(1), np.float32(0)
    sixths = build(Mul(), hue, np.float32(6))
    channels = []
    for centre, sign, offset in ((3, 1, -1), (2, -1, 2), (4, -1, 2)):
        away = build(Abs(), build(Sub(), sixths, np.float32(centre)))
        ramp = build(Add(), away if sign > 0 else build(Sub(), zero, away), np.float32(offset))
        pure = build(Minimum(), build(Maximum(), ramp, zero), one)
        mixed = build(Add(), build(Mul(), build(Sub(), pure, one), saturation), one)
        channels.append(build(Mul(), mixed, value))
    return concatenate(build, channels, hue.rank - 1)


def _channels(build: Builder, image: Value) -> list[Value]:
    """Each of the three channels, with a last dimension of length 1."""
    if image.shape[-1] != 3:
        raise NotLoweredError(f"colours have three channels, not {image.shape[-1]}")
    lead = [0] * (image.rank - 1)
    size = np.array([*[-1] * len(lead), 1], np.int32)
    return [build(Slice(), image, np.array([*lead, at], np.int32), size) for at in range(3)]


def _along(
    build: Builder, boxes: Value, corners: tuple[int, int], length: int, count: int, method: str
) -> tuple[Value, Value]:
    """[boxes, count, length]: the weight of each pixel at each place along an axis; and whether the place is inside."""
    first, last = (_column(build, boxes, at) for at in corners)
    if count > 1:
        step = build(Mul(), build(Sub(), last, first), np.float32((length - 1) / (count - 1)))
        start = build(Mul(), first, np.float32(length - 1))
        places = build(Add(), start, build(Mul(), step, np.arange(count, dtype=np.float32)))
    else:
        places = build(Mul(), build(Add(), first, last), np.float32(0.5 * (length - 1)))
    inside = build(
        LogicalAnd(), build(GreaterEqual(), places, np.float32(0)), build(LessEqual(), places, np.float32(length - 1))
    )
    if method == "nearest":
        places = build(Floor(), build(Add(), places, np.float32(0.5)))
    apart = build(
        Abs(),
        build(Sub(), reshape(build, places, [boxes.shape[0], count, 1]), np.arange(length, dtype=np.float32)),
    )
    return build(Maximum(), build(Sub(), np.float32(1), apart), np.float32(0)), inside


def _column(build: Builder, boxes: Value, at: int) -> Value:
    return build(Slice(), boxes, np.array([0, at], np.int32), np.array([-1, 1], np.int32))


def _every(build: Builder, image: Value, axis: int, span: tuple[int, int, int]) -> Value:
    """`count` places of an axis from `first` on, `step` apart: (first, count, step)."""
    first, count, step = span
    begin, size = np.zeros(4, np.int32), np.full(4, -1, np.int32)
    if step == 1:
        begin[axis], size[axis] = first, count
        return build(Slice(), image, begin, size)
    return build(Gather(axis=axis), image, np.arange(first, first + count * step, step, dtype=np.int32))


def _known(dim: object) -> int:
    if not isinstance(dim, int):
        raise NotLoweredError("the size of the images must be known before the model runs")
    return dim
