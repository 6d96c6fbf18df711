"""Elements in reverse order."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Node, Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Kernels, Observed, Plain, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type


@operation
class ReverseV2(Op):
    """Every dimension in `axis`, a vector, in reverse; the kernel wants neighbouring dimensions."""

    code: ClassVar = "REVERSE_V2"
    moves: ClassVar = True
    symbolic: ClassVar = True

    @lowers("tf.ReverseV2")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """One node for each run of neighbouring dimensions."""
        value = source.inputs[0]
        if value.dtype.name not in ("float32", "bool", "int8", "uint8", "int16", "int32", "int64"):
            raise NotLoweredError(f"LiteRT has no REVERSE_V2 for {value.dtype.name}")
        axes = sorted(int(axis) % value.rank for axis in source.const(1, "axes"))
        breaks = np.flatnonzero(np.diff(axes) > 1) + 1
        for group in np.split(np.array(axes, np.int32), breaks):
            value = build(ReverseV2(), value, group) if group.size else value
        return value

    def infer(self, input: Value, axis: Value) -> Type:
        """The input's.

        Raises:
            ValueError: the axes are unknown.
        """
        if axis.const is None:
            raise ValueError("the axes must be known before the model runs")
        return input.type

    def evaluate(self, input: Array, axis: Array) -> Array:
        """A view."""
        return np.flip(input, tuple(axis.tolist()))

    ports: ClassVar = {"input": Observed(), "axis": Plain(), "output": SameAs("input")}
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """Bool 2, int8 3 (`op_version.cc` of LiteRT)."""
        return {"bool": 2, "int8": 3}.get(node.output.dtype.name, 1)


@operation
class ReverseSequence(Op):
    """The first `seq_lengths[b]` elements along `seq_dim` in reverse, for each index b of `batch_dim`."""

    seq_dim: int = 0
    batch_dim: int = 0

    code: ClassVar = "REVERSE_SEQUENCE"
    moves: ClassVar = True

    @lowers("tf.ReverseSequence")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        op = ReverseSequence(seq_dim=source.attr("seq_dim", int), batch_dim=source.attr("batch_dim", int))
        return build(op, *source.inputs)

    def infer(self, input: Value, seq_lengths: Value) -> Type:
        """The input's.

        Raises:
            ValueError: the lengths are no vector.
        """
        if seq_lengths.rank != 1:
            raise ValueError(f"the lengths should be a vector, not {seq_lengths.type}")
        return input.type

    def evaluate(self, input: Array, seq_lengths: Array) -> Array:
        """Each element is taken from where it stands."""
        places = np.arange(input.shape[self.seq_dim])
        lengths = seq_lengths.astype(np.int64)[:, None]
        taken = np.where(places < lengths, lengths - 1 - places, places)
        order = np.moveaxis(np.moveaxis(input, self.batch_dim, 0), self.seq_dim + (self.seq_dim < self.batch_dim), 1)
        index = taken.reshape(*taken.shape, *[1] * (input.ndim - 2))
        result = np.take_along_axis(order, index, axis=1)
        return np.moveaxis(np.moveaxis(result, 1, self.seq_dim + (self.seq_dim < self.batch_dim)), 0, self.batch_dim)

    ports: ClassVar = {"input": Observed(), "seq_lengths": Plain(), "output": SameAs("input")}
    kernels: ClassVar = Kernels(int8="the LiteRT kernel rejects int8", int16="")
