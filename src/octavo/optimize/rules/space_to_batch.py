"""Dilated convolutions that were written as plain ones on rearranged pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ir.source import Array
from octavo.ops.conv_2d import Conv2D
from octavo.ops.depthwise_conv_2d import DepthwiseConv2D
from octavo.ops.pad import Pad, pad
from octavo.ops.reshape import Reshape, reshape
from octavo.ops.space_to_batch import BatchToSpaceNd, SpaceToBatchNd
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import is_alone, made_by
from octavo.schema.enums import Padding


@rewrites(BatchToSpaceNd)
def dilation(node: Node, build: Rewriter) -> Value | None:
    """batch_to_space(conv(space_to_batch(x), w)) → conv{dilated}(pad(x), w)

    So TensorFlow writes dilation. What is padded and then cropped at the end of an axis was never needed.

    Before:
        main(%x: float32[batch,7,7,3]) {
          %block = const int32[2] [2, 2]
          %p = const int32[2,2] [[2, 3], [2, 3]]
          %c = const int32[2,2] [[0, 1], [0, 1]]
          %w = const float32[4,3,3,3]
          %b = const float32[4]
          %s: float32[4*batch,6,6,3] = SPACE_TO_BATCH_ND(%x, %block, %p)
          %a: float32[4*batch,4,4,4] = CONV_2D(%s, %w, %b) {padding=VALID}
          %y: float32[batch,7,7,4] = BATCH_TO_SPACE_ND(%a, %block, %c)
          return %y
        }

    After:
        main(%x: float32[batch,7,7,3]) {
          %p = const int32[4,2] [[0, 0], [2, 2], [2, 2], [0, 0]]
          %q: float32[batch,11,11,3] = PAD(%x, %p)
          %w = const float32[4,3,3,3]
          %b = const float32[4]
          %y: float32[batch,7,7,4] = CONV_2D(%q, %w, %b) {padding=VALID, dilation_w_factor=2, dilation_h_factor=2}
          return %y
        }

    Unless:
        main(%x: float32[batch,6,6,3]) {
          %block = const int32[2] [2, 2]
          %p = const int32[2,2] [[2, 2], [2, 2]]
          %c = const int32[2,2] [[1, 0], [0, 0]]
          %w = const float32[4,3,3,3]
          %b = const float32[4]
          %s: float32[4*batch,5,5,3] = SPACE_TO_BATCH_ND(%x, %block, %p)
          %a: float32[4*batch,3,3,4] = CONV_2D(%s, %w, %b) {padding=VALID}
          %y: float32[batch,5,6,4] = BATCH_TO_SPACE_ND(%a, %block, %c)
          return %y
        }
    """
    conv = None if node.inputs[0] is None else node.inputs[0].producer
    if conv is None or not isinstance(conv.op, Conv2D | DepthwiseConv2D) or not is_alone(conv.output, build.graph):
        return None
    split, op = made_by(conv.inputs[0], SpaceToBatchNd), conv.op
    if split is None or split.inputs[0] is None or op.padding is not Padding.VALID:
        return None
    if (op.stride_h, op.stride_w, op.dilation_h_factor, op.dilation_w_factor) != (1, 1, 1, 1):
        return build.miss("the convolution between rearranged pixels has strides or a dilation of its own")
    (block, around), (other, crops) = _numbers(split), _numbers(node)
    left = around - crops
    if block.shape != (2,) or not np.array_equal(block, other) or crops[:, 0].any() or (left < 0).any():
        return None
    image = pad(build, split.inputs[0], [(0, 0), *((int(a), int(b)) for a, b in left), (0, 0)])
    op = replace(op, dilation_h_factor=int(block[0]), dilation_w_factor=int(block[1]))
    return build(op, image, *conv.inputs[1:])


@rewrites(Reshape, phase="canonicalize")
def sequence_to_batch_is_image(node: Node, build: Rewriter) -> Value | None:
    """reshape(space_to_batch(sequence)) → space_to_batch(reshape(sequence))

    A sequence as an image of one row, so that the convolution behind it is seen to be dilated.

    Before:
        main(%x: float32[batch,8,3]) {
          %block = const int32[1] [2]
          %p = const int32[1,2] [[4, 0]]
          %t = const int32[4] [-1, 1, 6, 3]
          %s: float32[2*batch,6,3] = SPACE_TO_BATCH_ND(%x, %block, %p)
          %y: float32[2*batch,1,6,3] = RESHAPE(%s, %t)
          return %y
        }

    After:
        main(%x: float32[batch,8,3]) {
          %t = const int32[4] [-1, 1, 8, 3]
          %r: float32[batch,1,8,3] = RESHAPE(%x, %t)
          %block = const int32[2] [1, 2]
          %p = const int32[2,2] [[0, 0], [4, 0]]
          %y: float32[2*batch,1,6,3] = SPACE_TO_BATCH_ND(%r, %block, %p)
          return %y
        }
    """
    split = made_by(node.inputs[0], SpaceToBatchNd)
    if split is None or not is_alone(split.output, build.graph) or (sequence := _sequence(split)) is None:
        return None
    batch, length, channels = split.output.shape
    if node.output.shape != (batch, 1, length, channels):
        return None
    image = reshape(build, sequence, (sequence.shape[0], 1, *sequence.shape[1:]))
    block, around = _numbers(split)
    return build(SpaceToBatchNd(), image, *_with_row(block, around))


@rewrites(BatchToSpaceNd, phase="canonicalize")
def batch_to_sequence_is_image(node: Node, build: Rewriter) -> Value | None:
    """batch_to_space(reshape(image of one row)) → reshape(batch_to_space(image of one row))

    Before:
        main(%x: float32[2*batch,1,4,3]) {
          %block = const int32[1] [2]
          %c = const int32[1,2] [[0, 1]]
          %t = const int32[3] [-1, 4, 3]
          %s: float32[2*batch,4,3] = RESHAPE(%x, %t)
          %y: float32[batch,7,3] = BATCH_TO_SPACE_ND(%s, %block, %c)
          return %y
        }

    After:
        main(%x: float32[2*batch,1,4,3]) {
          %block = const int32[2] [1, 2]
          %c = const int32[2,2] [[0, 0], [0, 1]]
          %s: float32[batch,1,7,3] = BATCH_TO_SPACE_ND(%x, %block, %c)
          %t = const int32[3] [-1, 7, 3]
          %y: float32[batch,7,3] = RESHAPE(%s, %t)
          return %y
        }
    """
    flat = made_by(node.inputs[0], Reshape)
    image = None if flat is None else flat.inputs[0]
    if flat is None or image is None or _sequence(node) is None or not is_alone(flat.output, build.graph):
        return None
    batch, length, channels = flat.output.shape
    if image.shape != (batch, 1, length, channels):
        return None
    joined = build(BatchToSpaceNd(), image, *_with_row(*_numbers(node)))
    return reshape(build, joined, node.output.shape)


@rewrites(SpaceToBatchNd, phase="canonicalize")
def pad_into_space_to_batch(node: Node, build: Rewriter) -> Value | None:
    """space_to_batch(pad(x)) → space_to_batch{padded}(x)

    Before:
        main(%x: float32[batch,8,3]) {
          %q = const int32[3,2] [[0, 0], [4, 0], [0, 0]]
          %block = const int32[1] [2]
          %p = const int32[1,2] [[0, 2]]
          %a: float32[batch,12,3] = PAD(%x, %q)
          %s: float32[2*batch,7,3] = SPACE_TO_BATCH_ND(%a, %block, %p)
          return %s
        }

    After:
        main(%x: float32[batch,8,3]) {
          %block = const int32[1] [2]
          %p = const int32[1,2] [[4, 2]]
          %s: float32[2*batch,7,3] = SPACE_TO_BATCH_ND(%x, %block, %p)
          return %s
        }
    """
    padding = made_by(node.inputs[0], Pad)
    zeros = None if padding is None or padding.inputs[1] is None else padding.inputs[1].const
    if padding is None or zeros is None:
        return None
    block, around = _numbers(node)
    inside = slice(1, 1 + len(block))
    if zeros[0].any() or zeros[inside.stop :].any():
        return None
    return build(SpaceToBatchNd(), padding.inputs[0], node.inputs[1], (around + zeros[inside]).astype(np.int32))


def _sequence(node: Node) -> Value | None:
    """What the node rearranges, when it is [batch, length, channels]."""
    value = node.inputs[0]
    return value if value is not None and value.rank == 3 and len(_numbers(node)[0]) == 1 else None


def _numbers(node: Node) -> tuple[Array, Array]:
    """The size of a block, and the paddings or crops."""
    arrays = [value.const for value in node.inputs[1:] if value is not None and value.const is not None]
    block, around = arrays
    return block, around


def _with_row(block: Array, around: Array) -> tuple[Array, Array]:
    """The same for an image of one row."""
    return np.array([1, *block], np.int32), np.array([[0, 0], *around], np.int32)
