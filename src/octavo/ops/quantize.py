"""Reals to integers, integers to reals, and integers from one scale to another."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, operation
from octavo.ir.port import INT8_AND_INT16, Observed
from octavo.ir.source import Array
from octavo.ir.type import Quantization, Type


@operation
class Quantize(Op):
    """Integers for real numbers, on the scale that the output's `quant` holds.

    The scale is a fact of the values, not of the operation, so `evaluate` cannot know it: see `quantized`.
    """

    code: ClassVar = "QUANTIZE"

    def infer(self, input: Value) -> Type:
        """The input's shape. The dtype is the writer's choice: int8 here."""
        return Type(np.dtype(np.int8), input.shape)

    def known(self, *inputs: Value | None) -> None:  # noqa: ARG002  # see the class
        """Nothing: the scale is out of reach."""
        return

    ports: ClassVar = {"input": Observed(), "output": Observed()}
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """int16 2, a scale per channel 3, int4 4 (`op_version.cc` of LiteRT)."""
        output = node.output
        if "int4" in {output.dtype.name, *(v.dtype.name for v in node.inputs if v is not None)}:
            return 4
        if output.quant is not None and output.quant.axis is not None:
            return 3
        return 2 if output.dtype == np.int16 else 1


@operation
class Dequantize(Op):
    """Real numbers for integers on the scale that the input's `quant` holds, or for float16.

    A constant stays as small as it is: the runtime computes this once, when it loads the model.
    """

    code: ClassVar = "DEQUANTIZE"

    def infer(self, input: Value) -> Type:
        """float32 of the input's shape."""
        return Type(np.dtype(np.float32), input.shape)

    def evaluate(self, input: Array) -> Array:
        """The numbers of float16, which have no scale. For integers see `dequantized`.

        Raises:
            NotImplementedError: the input holds integers.
        """
        if input.dtype != np.float16:
            raise NotImplementedError("the scale is a fact of the value, not of DEQUANTIZE")
        return input.astype(np.float32)

    def known(self, *inputs: Value | None) -> None:  # noqa: ARG002  # see the class
        """Nothing: folding would undo what storing small numbers gains."""
        return

    @property
    def only_widens(self) -> bool:
        """Yes."""
        return True

    ports: ClassVar = {"input": Observed(), "output": Observed()}
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """int8 2, int16 and float16 3, a scale per channel 5, int4 6, int2 7 (`op_version.cc` of LiteRT)."""
        (input,) = node.inputs
        assert input is not None
        if input.dtype == np.int8 and input.quant is not None and input.quant.axis is not None:
            return 5
        return {"int8": 2, "int16": 3, "float16": 3, "int4": 6, "int2": 7}.get(input.dtype.name, 1)


def quantized(array: Array, quant: Quantization, dtype: np.dtype[Any]) -> Array:
    """The integers of `dtype` nearest to the real numbers, saturated; halves go away from zero, as in the kernel."""
    scale, zero_point = _spread(quant, array.ndim)
    scaled = array / scale
    rounded = np.trunc(scaled + np.copysign(np.float32(0.5), scaled)) + zero_point
    bits = {"int4": 4, "int2": 2}.get(dtype.name) or 8 * dtype.itemsize
    low, high = (0, 2**bits - 1) if dtype.kind == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    integers: Array = np.clip(rounded, low, high).astype(np.int64).astype(dtype)
    return integers


def dequantized(array: Array, quant: Quantization) -> Array:
    """The real numbers (float32) that the integers stand for."""
    scale, zero_point = _spread(quant, array.ndim)
    result: Array = ((array.astype(np.int64) - zero_point) * scale).astype(np.float32)
    return result


def _spread(quant: Quantization, rank: int) -> tuple[Array, Array]:
    """Scale and zero point, shaped to meet an array of this rank."""
    if quant.axis is None:
        return quant.scale, quant.zero_point
    shape = [-1 if axis == quant.axis else 1 for axis in range(rank)]
    return quant.scale.reshape(shape), quant.zero_point.reshape(shape)
