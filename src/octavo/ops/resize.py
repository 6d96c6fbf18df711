"""Images at another size."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.channels import Together
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Observed, Plain, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._real import require_float32
from octavo.ops.cast import cast
from octavo.ops.shape import known_dims, opened


@operation
class Resize(Op):
    """What the resizing operations share. `input` is [batch, height, width, channels], `size` [rows, columns].

    `align_corners` keeps the centres of the corner pixels in place, `half_pixel_centers` the corners of the image.
    """

    align_corners: bool = False
    half_pixel_centers: bool = False

    def infer(self, input: Value, size: Value) -> Type:
        """[batch, rows, columns, channels].

        Raises:
            ValueError: the size is unknown.
        """
        rows, columns = known_dims(size, "the new size")
        return Type(input.dtype, (input.shape[0], rows, columns, input.shape[3]))

    def _scale(self, old: int, new: int) -> np.float32:
        """How far apart neighbours of the output lie in the input; float32, as the kernel rounds."""
        if self.align_corners and new > 1:
            return np.float32(old - 1) / np.float32(new - 1)
        return np.float32(old) / np.float32(new)

    ports: ClassVar = {"input": Observed(), "size": Plain(), "output": SameAs("input")}
    kernels: ClassVar = INT8_AND_INT16

    def channels(self, node: Node) -> Together:  # noqa: ARG002  # whatever surrounds it
        """Each channel is an image by itself."""
        return Together()


@operation
class ResizeBilinear(Resize):
    """Each pixel is a mean of the four around its place, the nearer the heavier."""

    code: ClassVar = "RESIZE_BILINEAR"

    @lowers("tf.ResizeBilinear")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow gives float32 for images of any dtype."""
        image = cast(build, source.inputs[0], np.dtype(np.float32))
        return build(ResizeBilinear(*_flags(source)), image, _size(source.inputs[1]))

    def evaluate(self, input: Array, size: Array) -> Array:
        """First along the rows, then along the columns."""
        return self._along(self._along(input, 1, int(size[0])), 2, int(size[1]))

    def _along(self, input: Array, axis: int, new: int) -> Array:
        old = input.shape[axis]
        half = np.float32(0.5 if self.half_pixel_centers else 0)
        place = (np.arange(new, dtype=np.float32) + half) * self._scale(old, new) - half
        lower = np.maximum(np.floor(place), 0)
        upper = np.clip(np.ceil(place), 0, old - 1).astype(np.int64)
        shape = [1] * input.ndim
        shape[axis] = new
        weight = (place - lower).reshape(shape)
        below, above = (np.take(input, index, axis) for index in (lower.astype(np.int64), upper))
        result: Array = below * (1 - weight) + above * weight
        return result

    def version(self, node: Node) -> int:
        """int8 since 2, half-pixel centres since 3, int16 since 4."""
        kind = node.output.dtype.name
        return 4 if kind == "int16" else 3 if self.half_pixel_centers else 2 if kind == "int8" else 1


@operation
class ResizeNearestNeighbor(Resize):
    """Each pixel is the one nearest to its place."""

    code: ClassVar = "RESIZE_NEAREST_NEIGHBOR"
    moves: ClassVar = True

    @lowers("tf.ResizeNearestNeighbor")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """float32 holds bytes and short integers exactly; LiteRT has no kernel for longer ones."""
        image = source.inputs[0]
        if image.dtype.kind not in "iu" or image.dtype.itemsize > 2:
            require_float32(image)
        exact = cast(build, image, np.dtype(np.float32))
        resized = build(ResizeNearestNeighbor(*_flags(source)), exact, _size(source.inputs[1]))
        return cast(build, resized, image.dtype)

    def evaluate(self, input: Array, size: Array) -> Array:
        """First along the rows, then along the columns."""
        rows, columns = (self._nearest(old, int(new)) for old, new in zip(input.shape[1:3], size, strict=True))
        return input[:, rows][:, :, columns]

    def _nearest(self, old: int, new: int) -> Array:
        half = np.float32(0.5 if self.half_pixel_centers else 0)
        place = (np.arange(new, dtype=np.float32) + half) * self._scale(old, new)
        nearest = np.floor(place + np.float32(0.5)) if self.align_corners else np.floor(place)
        index: Array = np.clip(nearest, 0, old - 1).astype(np.int64)
        return index

    def version(self, node: Node) -> int:
        """int8 since 2, half-pixel centres and aligned corners since 3, int16 since 4."""
        kind = node.output.dtype.name
        placed = self.half_pixel_centers or self.align_corners
        return 4 if kind == "int16" else 3 if placed else 2 if kind == "int8" else 1


def _flags(source: Source) -> tuple[bool, bool]:
    return source.attr("align_corners", bool), source.attr("half_pixel_centers", bool)


def _size(size: Value) -> Value | Array:
    """The kernel takes int32."""
    return opened(size) if size.const is None else size.const.astype(np.int32)
