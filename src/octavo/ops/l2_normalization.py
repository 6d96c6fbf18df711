"""Vectors at length one."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, operation
from octavo.ir.port import INT8_ONLY, Fixed, Grid, Observed
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._activation import activate
from octavo.schema.enums import Activation

LEAST_LENGTH = 1e-6
"""The kernel divides by this much at least."""


@operation
class L2Normalization(Op):
    """Each vector along the last dimension, divided by its Euclidean length."""

    fused_activation_function: Activation = Activation.NONE

    code: ClassVar = "L2_NORMALIZATION"

    def infer(self, input: Value) -> Type:
        """The input's type."""
        return input.type

    def evaluate(self, input: Array) -> Array:
        """The quotient."""
        length = np.sqrt(np.square(input).sum(axis=-1, keepdims=True))
        return activate(input / np.maximum(length, input.dtype.type(LEAST_LENGTH)), self.fused_activation_function)

    ports: ClassVar = {"input": Observed(), "output": Fixed(int8=Grid(1 / 128, 0))}
    kernels: ClassVar = INT8_ONLY

    def version(self, node: Node) -> int:
        """int8 since 2."""
        return 2 if node.output.dtype == np.int8 else 1
