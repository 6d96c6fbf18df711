"""What TensorFlow's image operations have in common: channel order, strides, explicit padding."""

from __future__ import annotations

from collections.abc import Sequence

from octavo.ir.build import Builder, Source
from octavo.ir.dim import Dim
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError
from octavo.ops.pad import pad
from octavo.ops.transpose import transpose
from octavo.schema.enums import Padding

_TO_LAST = {4: (0, 2, 3, 1), 5: (0, 2, 3, 4, 1)}
_TO_FIRST = {4: (0, 3, 1, 2), 5: (0, 4, 1, 2, 3)}


def channels_last(source: Source, build: Builder, image: Value) -> Value:
    """The image with its channels last, whatever order the source keeps them in."""
    return transpose(build, image, _TO_LAST[image.rank]) if _channels_first(source) else image


def as_source(source: Source, build: Builder, image: Value) -> Value:
    """The image, whose channels are last, in the order that the source keeps them in."""
    return transpose(build, image, _TO_FIRST[image.rank]) if _channels_first(source) else image


def dimensions_last(source: Source, dims: Sequence[Dim]) -> list[Dim]:
    """The lengths of an image's dimensions in the order that they have with the channels last."""
    return [dims[axis] for axis in _TO_LAST[len(dims)]] if _channels_first(source) else list(dims)


def spatial(source: Source, name: str) -> tuple[int, ...]:
    """The attribute `name` (strides, dilations, window sizes) for the spatial dimensions only: (rows, columns)."""
    numbers = source.ints(name)
    if not numbers:
        return (1, 1)
    batch, channel = (numbers[0], numbers[1]) if _channels_first(source) else (numbers[0], numbers[-1])
    if (batch, channel) != (1, 1):
        raise NotLoweredError(f"{name} {list(numbers)} reach over the batch or the channels")
    return numbers[2:] if _channels_first(source) else numbers[1:-1]


def pad_explicitly(source: Source, build: Builder, image: Value, *, border: float = 0.0) -> tuple[Value, Padding]:
    """The image (channels last), with the source's explicit paddings of `border`, and the padding that remains."""
    padding = source.attr("padding", str)
    if padding != "EXPLICIT":
        return image, Padding[padding]
    numbers = source.ints("explicit_paddings")
    around = list(zip(numbers[::2], numbers[1::2], strict=True))
    if _channels_first(source):
        around = [around[axis] for axis in _TO_LAST[len(around)]]
    return pad(build, image, around, border=border), Padding.VALID


def _channels_first(source: Source) -> bool:
    return source.attr("data_format", str).startswith("NC")
