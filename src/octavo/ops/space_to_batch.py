"""Blocks of pixels dealt out to several images, and collected again."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.dim import Dim
from octavo.ir.graph import Node, Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Observed, Plain, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type


@operation
class SpaceToBatchNd(Op):
    """`input` is [batch, space…, channels]; `block_shape` has a number for each dimension of space.

    `paddings` [space, 2] zeros come around first. Pixels of equal place in their block make one image.
    """

    code: ClassVar = "SPACE_TO_BATCH_ND"

    @lowers("tf.SpaceToBatchND")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """Dimensions that TensorFlow leaves out have blocks of one."""
        block, paddings = _known(source, "paddings")
        return _emit(build, SpaceToBatchNd(), source.inputs[0], block, paddings)

    @lowers("tf.SpaceToBatch")
    @staticmethod
    def from_tf_square(source: Source, build: Builder) -> Value:
        """The old form has square blocks in two dimensions."""
        block = np.full(2, source.attr("block_size", int))
        return _emit(build, SpaceToBatchNd(), source.inputs[0], block, source.const(1, "paddings"))

    def infer(self, input: Value, block_shape: Value, paddings: Value) -> Type:
        """The batch times the size of a block, the space divided by it.

        Raises:
            ValueError: the blocks or paddings are unknown, or do not divide the space.
        """
        block, around = _numbers(block_shape, paddings)
        padded = [dim + sum(pair) for dim, pair in zip(input.shape[1:], around, strict=False)]
        for length, size in zip(padded, block, strict=True):
            if isinstance(length, int) and length % size:
                raise ValueError(f"blocks of {block} do not divide {input.type} with paddings {around}")
        space = [length // size for length, size in zip(padded, block, strict=True)]
        return Type(input.dtype, (input.shape[0] * int(np.prod(block)), *space, *input.shape[1 + len(block) :]))

    def evaluate(self, input: Array, block_shape: Array, paddings: Array) -> Array:
        """Pad, cut every dimension of space in two, and bring the places within blocks to the front."""
        block, count = block_shape.tolist(), len(block_shape)
        rest = [(0, 0)] * (input.ndim - 1 - count)
        padded = np.pad(input, [(0, 0), *paddings.tolist(), *rest])
        space = [length // size for length, size in zip(padded.shape[1:], block, strict=False)]
        pairs = [number for pair in zip(space, block, strict=True) for number in pair]
        split = padded.reshape(input.shape[0], *pairs, *padded.shape[1 + count :])
        order = [*range(2, 2 * count + 1, 2), 0, *range(1, 2 * count, 2), *range(2 * count + 1, split.ndim)]
        return split.transpose(order).reshape(-1, *space, *padded.shape[1 + count :])

    ports: ClassVar = {
        "input": Observed(),
        "block_shape": Plain(),
        "paddings": Plain(),
        "output": SameAs("input"),
    }
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """int8 since 2, three dimensions since 3, int16 since 4."""
        return _version(node)


@operation
class BatchToSpaceNd(Op):
    """The inverse of `SpaceToBatchNd`: `crops` [space, 2] pixels are cut off last."""

    code: ClassVar = "BATCH_TO_SPACE_ND"
    moves: ClassVar = True

    @lowers("tf.BatchToSpaceND")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """Dimensions that TensorFlow leaves out have blocks of one."""
        block, crops = _known(source, "crops")
        return _emit(build, BatchToSpaceNd(), source.inputs[0], block, crops)

    @lowers("tf.BatchToSpace")
    @staticmethod
    def from_tf_square(source: Source, build: Builder) -> Value:
        """The old form has square blocks in two dimensions."""
        block = np.full(2, source.attr("block_size", int))
        return _emit(build, BatchToSpaceNd(), source.inputs[0], block, source.const(1, "crops"))

    def infer(self, input: Value, block_shape: Value, crops: Value) -> Type:
        """The batch divided by the size of a block, the space times it, minus the crops.

        Raises:
            ValueError: the blocks or crops are unknown, or do not divide the batch.
        """
        block, around = _numbers(block_shape, crops)
        batch, size = input.shape[0], int(np.prod(block))
        if isinstance(batch, int) and batch % size:
            raise ValueError(f"a batch of {batch} is no multiple of blocks of {block}")
        space: list[Dim] = [
            length * size - sum(pair) for length, size, pair in zip(input.shape[1:], block, around, strict=False)
        ]
        return Type(input.dtype, (batch // size, *space, *input.shape[1 + len(block) :]))

    def evaluate(self, input: Array, block_shape: Array, crops: Array) -> Array:
        """Bring the places within blocks beside the space that they belong to, join, and crop."""
        block, count = block_shape.tolist(), len(block_shape)
        split = input.reshape(*block, -1, *input.shape[1:])
        pairs = [axis for i in range(count) for axis in (count + 1 + i, i)]
        joined = split.transpose(count, *pairs, *range(2 * count + 1, split.ndim))
        space = [length * size for length, size in zip(input.shape[1:], block, strict=False)]
        whole = joined.reshape(-1, *space, *input.shape[1 + count :])
        kept = [slice(a, n - b) for n, (a, b) in zip(space, crops.tolist(), strict=True)]
        return whole[:, *kept]

    ports: ClassVar = {
        "input": Observed(),
        "block_shape": Plain(),
        "crops": Plain(),
        "output": SameAs("input"),
    }
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """int8 since 2, three dimensions since 3, int16 since 4."""
        return _version(node)


def _known(source: Source, what: str) -> tuple[Array, Array]:
    return source.const(1, "block shape"), source.const(2, what)


def _emit(build: Builder, op: Op, input: Value, block: Array, around: Array) -> Value:
    """The kernel wants a block size for each dimension of space, in images of three or four dimensions."""
    if input.rank not in (3, 4):
        raise NotLoweredError(f"LiteRT moves between space and batch in 3 or 4 dimensions, not {input.rank}")
    missing = input.rank - 2 - len(block)
    if missing < 0:
        raise NotLoweredError("LiteRT cannot move channels into the batch")
    block = np.pad(block, (0, missing), constant_values=1).astype(np.int32)
    return build(op, input, block, np.pad(around, ((0, missing), (0, 0))).astype(np.int32))


def _numbers(block_shape: Value, around: Value) -> tuple[list[int], list[list[int]]]:
    if block_shape.const is None or around.const is None:
        raise ValueError("the blocks and borders must be known before the model runs")
    return block_shape.const.tolist(), around.const.tolist()


def _version(node: Node) -> int:
    kind = node.output.dtype.name
    return 4 if kind == "int16" else 3 if node.output.rank != 4 else 2 if kind == "int8" else 1
