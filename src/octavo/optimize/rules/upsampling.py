"""Enlarging by copies of pixels."""

from __future__ import annotations

import numpy as np

from octavo.ir.dim import is_static
from octavo.ir.graph import Node, Value
from octavo.ops.reshape import Reshape, reshape
from octavo.ops.resize import ResizeNearestNeighbor
from octavo.ops.tile import Tile
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import integers, is_float, made_by


@rewrites(Tile, phase="canonicalize")
def repeat_is_resize(node: Node, build: Rewriter) -> Value | None:
    """tile(reshape(image)) → reshape(resize_nearest_neighbor(image))

    So Keras writes UpSampling2D: each row (column) gets a dimension of its own, is copied along it, and joins it.

    Before:
        main(%x: float32[batch,4,5,3]) {
          %s = const int32[5] [-1, 4, 1, 5, 3]
          %m = const int32[5] [1, 1, 2, 1, 1]
          %a: float32[batch,4,1,5,3] = RESHAPE(%x, %s)
          %b: float32[batch,4,2,5,3] = TILE(%a, %m)
          return %b
        }

    After:
        main(%x: float32[batch,4,5,3]) {
          %size = const int32[2] [8, 5]
          %a: float32[batch,8,5,3] = RESIZE_NEAREST_NEIGHBOR(%x, %size)
          %t = const int32[5] [-1, 4, 2, 5, 3]
          %b: float32[batch,4,2,5,3] = RESHAPE(%a, %t)
          return %b
        }

    Unless:
        main(%x: float32[batch,4,5,3]) {
          %s = const int32[5] [-1, 1, 4, 5, 3]
          %m = const int32[5] [1, 2, 1, 1, 1]
          %a: float32[batch,1,4,5,3] = RESHAPE(%x, %s)
          %b: float32[batch,2,4,5,3] = TILE(%a, %m)
          return %b
        }
    """
    value, multiples = node.inputs[0], integers(node.inputs[1])
    single = made_by(value, Reshape)
    if value is None or single is None or single.inputs[0] is None or multiples is None or not is_float(value):
        return None
    copied = [axis for axis, times in enumerate(multiples) if times != 1]
    if value.rank != 5 or copied not in ([2], [3]) or value.shape[copied[0]] != 1:
        return None
    sides = [*value.shape[1 : copied[0]], *value.shape[copied[0] + 1 : -1]]
    if not is_static(sides) or sum(not isinstance(dim, int) for dim in value.shape) > 1:
        return None
    image = reshape(build, single.inputs[0], (value.shape[0], *sides, value.shape[-1]))
    times = [multiples[2], 1] if copied == [2] else [1, multiples[3]]
    size = [int(side) * factor for side, factor in zip(sides, times, strict=True)]
    resized = _resize(build, image, (size[0], size[1]))
    return None if resized is None else reshape(build, resized, node.output.shape)


@rewrites(ResizeNearestNeighbor, phase="canonicalize")
def resize_of_resize(node: Node, build: Rewriter) -> Value | None:
    """resize(resize(image)) → resize(image)

    For whole factors, where no pixel is lost in between.

    Before:
        main(%x: float32[batch,4,5,3]) {
          %s = const int32[2] [8, 5]
          %t = const int32[2] [8, 15]
          %a: float32[batch,8,5,3] = RESIZE_NEAREST_NEIGHBOR(%x, %s)
          %y: float32[batch,8,15,3] = RESIZE_NEAREST_NEIGHBOR(%a, %t)
          return %y
        }

    After:
        main(%x: float32[batch,4,5,3]) {
          %t = const int32[2] [8, 15]
          %y: float32[batch,8,15,3] = RESIZE_NEAREST_NEIGHBOR(%x, %t)
          return %y
        }

    Unless:
        main(%x: float32[batch,4,5,3]) {
          %s = const int32[2] [6, 5]
          %t = const int32[2] [12, 5]
          %a: float32[batch,6,5,3] = RESIZE_NEAREST_NEIGHBOR(%x, %s)
          %y: float32[batch,12,5,3] = RESIZE_NEAREST_NEIGHBOR(%a, %t)
          return %y
        }
    """
    inner = made_by(node.inputs[0], ResizeNearestNeighbor)
    plain = ResizeNearestNeighbor()
    if inner is None or inner.inputs[0] is None or inner.op != plain or node.op != plain:
        return None
    between, size = integers(inner.inputs[1]), integers(node.inputs[1])
    if between is None or size is None or any(new % old for new, old in zip(size, between, strict=True)):
        return None
    return _resize(build, inner.inputs[0], (size[0], size[1])) if _is_whole(inner.inputs[0], between) else None


def _resize(build: Rewriter, image: Value, size: tuple[int, int]) -> Value | None:
    """The image with every pixel copied, if the kernel's float32 arithmetic finds the right one everywhere."""
    if not _is_whole(image, size):
        return None
    for old, new in zip(image.shape[1:3], size, strict=True):
        assert isinstance(old, int)
        found = np.floor(np.arange(new, dtype=np.float32) * (np.float32(old) / np.float32(new)))
        if not np.array_equal(found, np.arange(new) // (new // old)):
            return build.miss(f"the kernel's rounding would misplace pixels from {old} to {new}")
    return build(ResizeNearestNeighbor(), image, np.array(size, np.int32))


def _is_whole(image: Value, size: tuple[int, ...]) -> bool:
    """Whether both sides grow by whole factors."""
    sides = zip(size, image.shape[1:3], strict=True)
    return all(isinstance(old, int) and old > 0 and new % old == 0 for new, old in sides)
