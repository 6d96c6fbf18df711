"""Enlarging by copies of pixels."""

from __future__ import annotations

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ops.reshape import Reshape
from octavo.ops.resize import ResizeNearestNeighbor
from octavo.ops.tile import Tile
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import integers, made_by


@rewrites(Reshape, phase="recognize")
def repeat_is_resize(node: Node, build: Rewriter) -> Value | None:
    """reshape(tile(reshape(image))) → resize_nearest_neighbor(image)

    So Keras writes UpSampling2D: each row (column) gets a dimension of its own, is copied along it, and joins it.

    Before:
        main(%x: float32[batch,4,5,3]) {
          %s = const int32[5] [-1, 4, 1, 5, 3]
          %m = const int32[5] [1, 1, 2, 1, 1]
          %t = const int32[4] [-1, 8, 5, 3]
          %a: float32[batch,4,1,5,3] = RESHAPE(%x, %s)
          %b: float32[batch,4,2,5,3] = TILE(%a, %m)
          %y: float32[batch,8,5,3] = RESHAPE(%b, %t)
          return %y
        }

    After:
        main(%x: float32[batch,4,5,3]) {
          %size = const int32[2] [8, 5]
          %y: float32[batch,8,5,3] = RESIZE_NEAREST_NEIGHBOR(%x, %size)
          return %y
        }

    Unless:
        main(%x: float32[batch,4,5,3]) {
          %s = const int32[5] [-1, 1, 4, 5, 3]
          %m = const int32[5] [1, 2, 1, 1, 1]
          %t = const int32[4] [-1, 8, 5, 3]
          %a: float32[batch,1,4,5,3] = RESHAPE(%x, %s)
          %b: float32[batch,2,4,5,3] = TILE(%a, %m)
          %y: float32[batch,8,5,3] = RESHAPE(%b, %t)
          return %y
        }
    """
    tile = made_by(node.inputs[0], Tile)
    single = made_by(tile.inputs[0], Reshape) if tile is not None else None
    image = None if single is None else single.inputs[0]
    if tile is None or single is None or image is None or image.rank != 4:
        return None
    multiples = integers(tile.inputs[1]) or ()
    for axis in (1, 2):
        old, times = image.shape[axis], multiples[axis + 1] if len(multiples) == 5 else 0
        if not isinstance(old, int) or multiples != tuple(times if i == axis + 1 else 1 for i in range(5)):
            continue
        enlarged = (*image.shape[:axis], old * times, *image.shape[axis + 1 :])
        if single.output.shape != (*image.shape[: axis + 1], 1, *image.shape[axis + 1 :]):
            continue
        if node.output.shape == enlarged and all(isinstance(dim, int) for dim in enlarged[1:3]):
            return _resize(build, image, (int(enlarged[1]), int(enlarged[2])))
    return None


@rewrites(ResizeNearestNeighbor, phase="recognize")
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
