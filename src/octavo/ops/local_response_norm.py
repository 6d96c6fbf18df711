"""Each channel, divided by a power of the energy of the channels around it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.port import Observed
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._real import require_float32


@operation
class LocalResponseNormalization(Op):
    """`x / (bias + alpha · Σ x²) ^ beta`, the sum being over the channels up to `radius` away."""

    radius: int = 0
    bias: float = 0.0
    alpha: float = 0.0
    beta: float = 0.0

    code: ClassVar = "LOCAL_RESPONSE_NORMALIZATION"

    @lowers("tf.LRN")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow has the same formula."""
        require_float32(source.inputs[0])
        bias, alpha, beta = (source.attr(name, float) for name in ("bias", "alpha", "beta"))
        op = LocalResponseNormalization(source.attr("depth_radius", int), bias, alpha, beta)
        return build(op, source.inputs[0])

    def infer(self, input: Value) -> Type:
        """The input's type."""
        return input.type

    def evaluate(self, input: Array) -> Array:
        """The quotient."""
        around = [(0, 0)] * (input.ndim - 1) + [(self.radius, self.radius)]
        near = np.lib.stride_tricks.sliding_window_view(np.pad(input, around), 2 * self.radius + 1, axis=-1)
        energy = np.square(near).sum(axis=-1)
        result: Array = input / (self.bias + self.alpha * energy) ** input.dtype.type(self.beta)
        return result.astype(input.dtype)

    ports: ClassVar = {"input": Observed(), "output": Observed()}
