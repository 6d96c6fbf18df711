"""What is found in the windows of an image, place by place: the largest number and where it stands, morphology."""

from __future__ import annotations

from functools import reduce

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers
from octavo.ops._real import require_float32
from octavo.ops._window import same_padding, window_output
from octavo.ops.arg_max import ArgMax
from octavo.ops.binary import Add, Maximum
from octavo.ops.cast import cast
from octavo.ops.gather import Gather
from octavo.ops.pack import Pack
from octavo.ops.pad import pad
from octavo.ops.pool_2d import MaxPool2D
from octavo.ops.reshape import reshape
from octavo.ops.strided_slice import StridedSlice
from octavo.schema.enums import Padding, TensorType

_LOWEST = float(np.finfo(np.float32).min)


@lowers("tf.MaxPoolWithArgmax")
def largest_and_place(source: Source, build: Builder) -> tuple[Value, Value]:
    """MAX_POOL_2D; and which of the shifted images is largest: how far it is from the corner of each window."""
    (image,) = source.inputs
    require_float32(image)
    windows, strides = (source.ints(name)[1:3] for name in ("ksize", "strides"))
    padding = Padding[source.attr("padding", str)]
    sides = list(zip((_known(dim) for dim in image.shape[1:3]), windows, strides, (1, 1), strict=True))
    largest = build(MaxPool2D(padding, strides[1], strides[0], windows[1], windows[0]), image)
    if source.attr("include_batch_in_index", bool) and image.shape[0] != 1:
        raise NotLoweredError("its places count through a batch of more than one image")
    before = [same_padding(*side)[0] if padding is Padding.SAME else 0 for side in sides]
    shifted = build(Pack(values_count=windows[0] * windows[1], axis=1), *_shifted(build, image, sides, padding))
    first = build(ArgMax(output_type=TensorType.INT32), shifted, np.array(1, np.int32))
    width, channels = sides[1][0], _known(image.shape[3])
    offsets = np.arange(windows[0])[:, None] * width + np.arange(windows[1])
    corner = [
        np.arange(int(count)) * stride - pad
        for count, stride, pad in zip(largest.shape[1:3], strides, before, strict=True)
    ]
    base = (corner[0][:, None, None] * width + corner[1][None, :, None]) * channels + np.arange(channels)
    steps = build(Gather(), (offsets.ravel() * channels).astype(np.int32), first)
    places = build(Add(), steps, base.astype(np.int32))
    return largest, cast(build, places, source.dtype("Targmax"))


@lowers("tf.Dilation2D")
def dilation(source: Source, build: Builder) -> Value:
    """The largest sum of pixel and filter: a shifted image plus a row of the filter for each tap."""
    image, filter = source.inputs
    require_float32(image, filter)
    rates, strides = (source.ints(name)[1:3] for name in ("rates", "strides"))
    windows = [_known(dim) for dim in filter.shape[:2]]
    sides = list(zip((_known(dim) for dim in image.shape[1:3]), windows, strides, rates, strict=True))
    parts = _shifted(build, image, sides, Padding[source.attr("padding", str)])
    taps = reshape(build, filter, [len(parts), filter.shape[2]])
    sums = [build(Add(), part, build(Gather(), taps, np.array(at, np.int32))) for at, part in enumerate(parts)]
    return reduce(lambda a, b: build(Maximum(), a, b), sums)


def _shifted(build: Builder, image: Value, sides: list[tuple[int, int, int, int]], padding: Padding) -> list[Value]:
    """For each place in the window, what the windows hold there; (size, window, stride, rate) for either side."""
    counts = [int(window_output(*side, padding)) for side in sides]
    if padding is Padding.SAME:
        image = pad(build, image, [(0, 0), *(same_padding(*side) for side in sides), (0, 0)], border=_LOWEST)
    parts = []
    for tap in np.ndindex(*(side[1] for side in sides)):
        first = [at * side[3] for at, side in zip(tap, sides, strict=True)]
        last = [at + (count - 1) * side[2] + 1 for at, count, side in zip(first, counts, sides, strict=True)]
        begin, end = np.array([0, *first, 0], np.int32), np.array([0, *last, 0], np.int32)
        steps = np.array([1, *(side[2] for side in sides), 1], np.int32)
        parts.append(build(StridedSlice(begin_mask=9, end_mask=9), image, begin, end, steps))
    return parts


def _known(dim: object) -> int:
    if not isinstance(dim, int):
        raise NotLoweredError("the size of the images must be known before the model runs")
    return dim
