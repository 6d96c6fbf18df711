"""Channels laid out as blocks of pixels, and blocks of pixels stacked as channels."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.port import INT8_ONLY, Observed, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._image import as_source, channels_last


@operation
class DepthToSpace(Op):
    """`input` is [batch, height, width, block · block · channels]: row in the block first, column, channel last."""

    block_size: int = 1

    code: ClassVar = "DEPTH_TO_SPACE"
    moves: ClassVar = True

    @lowers("tf.DepthToSpace")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow deals out channels in the same order, wherever it keeps them."""
        op = DepthToSpace(block_size=source.attr("block_size", int))
        return as_source(source, build, build(op, channels_last(source, build, source.inputs[0])))

    def infer(self, input: Value) -> Type:
        """[batch, height · block, width · block, channels].

        Raises:
            ValueError: the channels do not make whole blocks.
        """
        batch, height, width, channels = input.shape
        block = self.block_size
        if isinstance(channels, int) and channels % block**2:
            raise ValueError(f"{channels} channels do not make blocks of {block} by {block}")
        return Type(input.dtype, (batch, height * block, width * block, channels // block**2))

    def evaluate(self, input: Array) -> Array:
        """Split the channels, and interleave them with rows and columns."""
        batch, height, width, channels = input.shape
        block = self.block_size
        split = input.reshape(batch, height, width, block, block, channels // block**2)
        return split.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height * block, width * block, -1)

    ports: ClassVar = {"input": Observed(), "output": SameAs("input")}
    kernels: ClassVar = INT8_ONLY

    def version(self, node: Node) -> int:
        """int8 since 2."""
        return 2 if node.output.dtype == np.int8 else 1


@operation
class SpaceToDepth(Op):
    """The inverse of `DepthToSpace`."""

    block_size: int = 1

    code: ClassVar = "SPACE_TO_DEPTH"
    moves: ClassVar = True

    @lowers("tf.SpaceToDepth")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow stacks channels in the same order, wherever it keeps them."""
        op = SpaceToDepth(block_size=source.attr("block_size", int))
        return as_source(source, build, build(op, channels_last(source, build, source.inputs[0])))

    def infer(self, input: Value) -> Type:
        """[batch, height / block, width / block, channels · block · block].

        Raises:
            ValueError: the image does not consist of whole blocks.
        """
        batch, height, width, channels = input.shape
        block = self.block_size
        if any(isinstance(length, int) and length % block for length in (height, width)):
            raise ValueError(f"{input.type} does not consist of blocks of {block} by {block}")
        return Type(input.dtype, (batch, height // block, width // block, channels * block**2))

    def evaluate(self, input: Array) -> Array:
        """Split rows and columns, and bring the places within blocks to the channels."""
        batch, height, width, channels = input.shape
        block = self.block_size
        split = input.reshape(batch, height // block, block, width // block, block, channels)
        return split.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height // block, width // block, -1)

    ports: ClassVar = {"input": Observed(), "output": SameAs("input")}
    kernels: ClassVar = INT8_ONLY

    def version(self, node: Node) -> int:
        """int8 since 2."""
        return 2 if node.output.dtype == np.int8 else 1
