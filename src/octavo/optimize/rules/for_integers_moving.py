"""Moving and ordering numbers where no integer kernel does, by operations that have one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from octavo.ir.dim import Dim
from octavo.ir.graph import Node, Value
from octavo.ops.arg_max import ArgMax, ArgMin
from octavo.ops.binary import Mul
from octavo.ops.cast import cast
from octavo.ops.depth_to_space import DepthToSpace, SpaceToDepth
from octavo.ops.fill import Fill, ZerosLike
from octavo.ops.reshape import reshape
from octavo.ops.shape import Shape
from octavo.ops.topk import TopKV2
from octavo.ops.transpose import transpose
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import integers, is_float

BLOCKS = (0, 1, 3, 2, 4, 5)
"""Places in blocks behind their rows and columns, or in between: the same exchange in both directions."""


@rewrites(ZerosLike, phase="integers")
def zeros_like_as_fill(node: Node, build: Rewriter) -> Value | None:
    """zeros_like(x) → fill(shape(x), 0)

    Before:
        main(%x: float32[batch,2]) {
          %y: float32[batch,2] = ZEROS_LIKE(%x)
          return %y
        }

    After:
        main(%x: float32[batch,2]) {
          %s: int32[2] = SHAPE(%x)
          %zero = const float32[] 0.0
          %y: float32[batch,2] = FILL(%s, %zero)
          return %y
        }
    """
    (x,) = node.inputs
    return build(Fill(), build(Shape(), x), np.float32(0)) if x is not None and is_float(x) else None


@rewrites(DepthToSpace, phase="integers")
def depth_to_space_as_transpose(node: Node, build: Rewriter) -> Value | None:
    """depth_to_space(x) → reshape(transpose(reshape(x)))

    Before:
        main(%x: float32[batch,2,3,8]) {
          %y: float32[batch,4,6,2] = DEPTH_TO_SPACE(%x) {block_size=2}
          return %y
        }

    After:
        main(%x: float32[batch,2,3,8]) {
          %a = const int32[6] [-1, 2, 3, 2, 2, 2]
          %s: float32[batch,2,3,2,2,2] = RESHAPE(%x, %a)
          %p = const int32[6] [0, 1, 3, 2, 4, 5]
          %t: float32[batch,2,2,3,2,2] = TRANSPOSE(%s, %p)
          %b = const int32[4] [-1, 4, 6, 2]
          %y: float32[batch,4,6,2] = RESHAPE(%t, %b)
          return %y
        }

    Unless:
        main(%x: float32[batch,height,3,8]) {
          %y: float32[batch,2*height,6,2] = DEPTH_TO_SPACE(%x) {block_size=2}
          return %y
        }
    """
    assert isinstance(node.op, DepthToSpace)
    input, block = node.inputs[0], node.op.block_size
    assert input is not None
    batch, height, width, channels = input.shape
    return _exchanged(node, build, (batch, height, width, block, block, channels // block**2))


@rewrites(SpaceToDepth, phase="integers")
def space_to_depth_as_transpose(node: Node, build: Rewriter) -> Value | None:
    """space_to_depth(x) → reshape(transpose(reshape(x)))

    Before:
        main(%x: float32[batch,4,6,2]) {
          %y: float32[batch,2,3,8] = SPACE_TO_DEPTH(%x) {block_size=2}
          return %y
        }

    After:
        main(%x: float32[batch,4,6,2]) {
          %a = const int32[6] [-1, 2, 2, 3, 2, 2]
          %s: float32[batch,2,2,3,2,2] = RESHAPE(%x, %a)
          %p = const int32[6] [0, 1, 3, 2, 4, 5]
          %t: float32[batch,2,3,2,2,2] = TRANSPOSE(%s, %p)
          %b = const int32[4] [-1, 2, 3, 8]
          %y: float32[batch,2,3,8] = RESHAPE(%t, %b)
          return %y
        }
    """
    assert isinstance(node.op, SpaceToDepth)
    input, block = node.inputs[0], node.op.block_size
    assert input is not None
    batch, height, width, channels = input.shape
    return _exchanged(node, build, (batch, height // block, block, width // block, block, channels))


@rewrites(ArgMax, phase="integers")
def arg_max_as_top(node: Node, build: Rewriter) -> Value | None:
    """arg_max(x) → indices of top_k(x, 1)

    Before:
        main(%x: float32[batch,4]) {
          %axis = const int32[] 1
          %y: int64[batch] = ARG_MAX(%x, %axis) {output_type=INT64}
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %k = const int32[] 1
          %v: float32[batch,1], %i: int32[batch,1] = TOPK_V2(%x, %k)
          %s = const int32[1] [-1]
          %r: int32[batch] = RESHAPE(%i, %s)
          %y: int64[batch] = CAST(%r) {in_data_type=INT32, out_data_type=INT64}
          return %y
        }

    Unless:
        main(%x: float32[batch,4,3]) {
          %axis = const int32[] 1
          %y: int64[batch,3] = ARG_MAX(%x, %axis) {output_type=INT64}
          return %y
        }
    """
    return _top(node, build, node.inputs[0])


@rewrites(ArgMin, phase="integers")
def arg_min_as_top(node: Node, build: Rewriter) -> Value | None:
    """arg_min(x) → indices of top_k(−x, 1)

    Before:
        main(%x: float32[batch,4]) {
          %axis = const int32[] 1
          %y: int32[batch] = ARG_MIN(%x, %axis) {output_type=INT32}
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %m = const float32[] -1.0
          %n: float32[batch,4] = MUL(%x, %m)
          %k = const int32[] 1
          %v: float32[batch,1], %i: int32[batch,1] = TOPK_V2(%n, %k)
          %s = const int32[1] [-1]
          %y: int32[batch] = RESHAPE(%i, %s)
          return %y
        }
    """
    return _top(node, build, build(Mul(), node.inputs[0], np.float32(-1)))


def _exchanged(node: Node, build: Rewriter, split: Sequence[Dim]) -> Value | None:
    """The image cut into `split`, with the dimensions exchanged as `BLOCKS` says."""
    if sum(not isinstance(dim, int) for dim in split) > 1:
        return build.miss("more than one of its dimensions is known only at run time")
    assert node.inputs[0] is not None
    cut = reshape(build, node.inputs[0], split)
    return reshape(build, transpose(build, cut, BLOCKS), node.output.shape)


def _top(node: Node, build: Rewriter, value: Value | None) -> Value | None:
    """Where the greatest number of each row of `value` stands."""
    assert value is not None
    axis = integers(node.inputs[1])
    if not is_float(value) or axis is None or axis[0] % value.rank != value.rank - 1:
        return build.miss("TOPK_V2 looks along the last dimension only")
    _, indices = build.many(TopKV2(), value, np.array(1, np.int32))
    return cast(build, reshape(build, indices, node.output.shape), node.output.dtype)
