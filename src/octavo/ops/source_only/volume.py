"""Convolutions and pooling of volumes, [batch, depth, rows, columns, channels], as those of their frames.

LiteRT has CONV_3D and CONV_3D_TRANSPOSE, in float32 only and without a fast kernel. Instead the frames that a window
sees stand behind each other as channels of one image: CONV_2D does the rest, in integers too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.dim import Dim
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers
from octavo.ir.source import Array
from octavo.ops._image import as_source, channels_last, dimensions_last, pad_explicitly, spatial
from octavo.ops._phases import Phases, phases
from octavo.ops._real import require_float32
from octavo.ops._window import same_padding, window_output
from octavo.ops.concatenation import concatenate
from octavo.ops.conv_2d import Conv2D
from octavo.ops.gather import Gather
from octavo.ops.pad import pad
from octavo.ops.pool_2d import AveragePool2D, MaxPool2D
from octavo.ops.reshape import reshape
from octavo.ops.shape import runtime_dims
from octavo.ops.slice import Slice
from octavo.ops.strided_slice import StridedSlice
from octavo.ops.transpose import transpose
from octavo.ops.transpose_conv import TransposeConv
from octavo.schema.enums import Padding


@lowers("tf.Conv3D")
def conv_3d(source: Source, build: Builder) -> Value:
    """CONV_2D of the frames that each window sees, one behind the other as channels; the filter likewise."""
    volume, filter = source.inputs
    require_float32(volume, filter)
    volume, padding = pad_explicitly(source, build, channels_last(source, build, volume))
    (step, stride_h, stride_w), (gap, gap_h, gap_w) = (spatial(source, name) for name in ("strides", "dilations"))
    taps, height, width, taken, out = (int(dim) for dim in filter.shape)
    volume, count = _along_depth(build, volume, (taps, step, gap), padding)
    groups = _known(volume.shape[4], "channels") // taken
    stacked = _stacked(build, volume, [tap * gap for tap in range(taps)], step, count)
    stacked = _by_group(build, stacked, taps, groups)
    op = Conv2D(padding, stride_w, stride_h, dilation_w_factor=gap_w, dilation_h_factor=gap_h)
    weights = reshape(build, transpose(build, filter, (4, 1, 2, 0, 3)), [out, height, width, taps * taken])
    result = build(op, stacked, weights, np.zeros(out, np.float32))
    return as_source(source, build, reshape(build, result, [volume.shape[0], count, *result.shape[1:]]))


@lowers("tf.Conv3DBackpropInputV2")
def conv_3d_transpose(source: Source, build: Builder) -> Value:
    """TRANSPOSE_CONV of the frames that each output frame comes from; every phase of the stride is a set of channels.

    Raises:
        NotLoweredError: the filter is not constant, or the depth is known only at run time.
    """
    sizes, filter, volume = source.inputs
    require_float32(filter, volume)
    volume = channels_last(source, build, volume)
    wanted = _output_dims(source, sizes)
    weights = _with_holes(source.const(1, "filter"), spatial(source, "dilations"))
    step, stride_h, stride_w = spatial(source, "strides")
    padding = Padding[source.attr("padding", str)]
    axis = phases(
        _known(volume.shape[1], "depth"), _known(wanted[1], "depth of its output"), len(weights), step, padding
    )
    stacked = _stacked(build, _framed(build, volume, axis), range(axis.window), 1, axis.places)
    filters = _of_phases(weights, axis)
    shape = runtime_dims(build, [stacked.shape[0], wanted[2], wanted[3], len(filters)], stacked)
    op = TransposeConv(padding, stride_w, stride_h)
    mixed = build(op, shape, filters, stacked, np.zeros(len(filters), np.float32))
    return as_source(source, build, _unmixed(build, mixed, volume.shape[0], axis))


@lowers("tf.MaxPool3D")
def max_pool_3d(source: Source, build: Builder) -> Value:
    """The largest of each frame's window, then the largest of those."""
    return _pool(MaxPool2D, source, build)


@lowers("tf.AvgPool3D")
def average_pool_3d(source: Source, build: Builder) -> Value:
    """The mean of each frame's window, then the mean of those: every frame has as many pixels."""
    return _pool(AveragePool2D, source, build)


def _pool(kind: type[MaxPool2D | AveragePool2D], source: Source, build: Builder) -> Value:
    require_float32(*source.inputs)
    volume = channels_last(source, build, source.inputs[0])
    padding = Padding[source.attr("padding", str)]
    (taps, height, width), (step, stride_h, stride_w) = (spatial(source, name) for name in ("ksize", "strides"))
    batch, depth, rows, columns, channels = volume.shape
    pooled = volume
    if (height, width, stride_h, stride_w) != (1, 1, 1, 1):
        frames = reshape(build, volume, [batch * depth, rows, columns, channels])
        frames = build(kind(padding, stride_w, stride_h, width, height), frames)
        _, rows, columns, _ = frames.shape
        pooled = reshape(build, frames, [batch, depth, rows, columns, channels])
    if (taps, step) != (1, 1):
        lines = reshape(build, pooled, [batch, depth, rows * columns, channels])
        lines = build(kind(padding, 1, step, 1, taps), lines)
        pooled = reshape(build, lines, [batch, lines.shape[1], rows, columns, channels])
    return as_source(source, build, pooled)


def _along_depth(build: Builder, volume: Value, window: tuple[int, int, int], padding: Padding) -> tuple[Value, int]:
    """The volume with its padding in front and behind, and the number of places of the window (taps, step, gap)."""
    taps, step, gap = window
    depth = _known(volume.shape[1], "depth")
    count = window_output(depth, taps, step, gap, padding)
    assert isinstance(count, int)
    before, after = same_padding(depth, taps, step, gap) if padding is Padding.SAME else (0, 0)
    if before or after:
        volume = pad(build, volume, [(0, 0), (before, after), (0, 0), (0, 0), (0, 0)])
    return volume, count


def _stacked(build: Builder, volume: Value, taps: Sequence[int], step: int, count: int) -> Value:
    """[batch · count, rows, columns, taps · channels]: for each place, the frames at its taps."""
    frames = [_frames(build, volume, tap, step, count) for tap in taps]
    batch, _, rows, columns, channels = volume.shape
    return reshape(build, concatenate(build, frames, 4), [batch * count, rows, columns, channels * len(frames)])


def _frames(build: Builder, volume: Value, first: int, step: int, count: int) -> Value:
    """Every `step`-th frame from `first` on, `count` in all."""
    if (first, step, count) == (0, 1, volume.shape[1]):
        return volume
    if step == 1:
        begin, size = np.array([0, first, 0, 0, 0], np.int32), np.array([-1, count, -1, -1, -1], np.int32)
        return build(Slice(), volume, begin, size)
    begin, end, steps = np.zeros((3, 5), np.int32)
    begin[1], end[1], steps[:] = first, first + (count - 1) * step + 1, (1, step, 1, 1, 1)
    return build(StridedSlice(begin_mask=0b11101, end_mask=0b11101), volume, begin, end, steps)


def _by_group(build: Builder, stacked: Value, taps: int, groups: int) -> Value:
    """The channels of a group next to each other, as a grouped CONV_2D takes them."""
    if groups == 1 or taps == 1:
        return stacked
    order = np.arange(_known(stacked.shape[3], "channels"), dtype=np.int32).reshape(taps, groups, -1)
    return build(Gather(axis=3), stacked, order.transpose(1, 0, 2).ravel())


def _framed(build: Builder, volume: Value, axis: Phases) -> Value:
    """The volume with frames of zeros in front and behind, as its phases need them."""
    behind = max(axis.after, 0)
    if not axis.before and not behind:
        return volume
    return pad(build, volume, [(0, 0), (axis.before, behind), (0, 0), (0, 0), (0, 0)])


def _of_phases(filter: Array, axis: Phases) -> Array:
    """[stride · out, rows, columns, window · in]: the filter of each phase, from [depth, rows, columns, out, in]."""
    _, rows, columns, out, taken = filter.shape
    chosen = np.pad(filter, [(0, 1), *[(0, 0)] * 4])[axis.taps]  # [stride, window, rows, columns, out, in]
    return chosen.transpose(0, 4, 2, 3, 1, 5).reshape(axis.stride * out, rows, columns, axis.window * taken)


def _unmixed(build: Builder, mixed: Value, batch: Dim, axis: Phases) -> Value:
    """The phases, which stand behind each other as channels, as frames in turn."""
    _, rows, columns, channels = mixed.shape
    out = channels // axis.stride
    if axis.stride > 1:
        parts = reshape(build, mixed, [batch * axis.places, rows * columns, axis.stride, out])
        mixed = transpose(build, parts, (0, 2, 1, 3))
    volume = reshape(build, mixed, [batch, axis.places * axis.stride, rows, columns, out])
    return _frames(build, volume, axis.lead, 1, axis.length)


def _output_dims(source: Source, sizes: Value) -> list[Dim]:
    """The output's shape with channels last."""
    if sizes.known is None:
        raise NotLoweredError("its output shape depends on data")
    return dimensions_last(source, [dim if isinstance(dim, Dim) else int(dim) for dim in sizes.known])


def _with_holes(filter: Array, gaps: Sequence[int]) -> Array:
    """The filter with zeros where its dilation skips pixels."""
    if set(gaps) == {1}:
        return filter
    lengths = [(taps - 1) * gap + 1 for taps, gap in zip(filter.shape, gaps, strict=False)]
    dense = np.zeros((*lengths, *filter.shape[3:]), filter.dtype)
    dense[tuple(slice(None, None, gap) for gap in gaps)] = filter
    return dense


def _known(dim: Dim, what: str) -> int:
    if not isinstance(dim, int):
        raise NotLoweredError(f"its {what} must be known before the model runs")
    return dim
