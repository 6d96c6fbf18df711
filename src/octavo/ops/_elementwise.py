"""What operations on single elements have in common: dtypes, broadcasting, symbolic dimensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from octavo.ir.build import Builder, Operand
from octavo.ir.dim import UndecidedError
from octavo.ir.graph import Node, Value
from octavo.ir.op import NotLoweredError, Op, operation
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._broadcast import broadcast

FLOAT = ("float32",)
FLOAT_INT32 = ("float32", "int32")
FLOAT_INT = ("float32", "int32", "int64")


@operation
class Elementwise(Op):
    """`output[i] = compute(inputs[i]…)`; the inputs have one dtype, and stretch to one shape."""

    elementwise: ClassVar = True
    compute: ClassVar[Callable[..., Any]]
    """The function of whole arrays."""
    dtypes: ClassVar[tuple[str, ...]] = FLOAT
    """What the LiteRT kernel computes, apart from quantized numbers."""
    result: ClassVar[str] = ""
    """The dtype of the output when it is not that of the inputs."""
    versions: ClassVar[Mapping[str, int]] = {}
    """The least schema version by the dtype of the first input; 1 for the others (`op_version.cc` of LiteRT)."""

    def infer(self, *inputs: Value) -> Type:
        """The broadcast shape.

        Raises:
            ValueError: dtypes differ, or the shapes do not broadcast.
        """
        dtypes = {value.dtype for value in inputs}
        if len(dtypes) > 1:
            raise ValueError(f"the dtypes of {', '.join(map(repr, inputs))} differ")
        dtype = np.dtype(self.result) if self.result else inputs[0].dtype
        return Type(dtype, broadcast(*(value.shape for value in inputs)))

    def evaluate(self, *inputs: Array) -> Array:
        """The function; infinities and NaN come without a warning, as they do in a kernel."""
        if any(array.dtype == object for array in inputs):
            return np.asarray(type(self).compute(*map(whole, inputs)))
        with np.errstate(all="ignore"):
            return np.asarray(type(self).compute(*inputs), dtype=self.result or inputs[0].dtype)

    def version(self, node: Node) -> int:
        """By the dtype of the first input."""
        first = node.inputs[0]
        assert first is not None
        return self.versions.get(first.dtype.name, 1)


def emit(build: Builder, op: Op, *operands: Operand) -> Value:
    """The output of a new node, or a constant when it is known.

    Raises:
        NotLoweredError: LiteRT has no kernel for the dtype. Shape arithmetic may have any: it does not run.
    """
    value = build(op, *operands)
    dtypes = getattr(op, "dtypes", ())
    if value.producer is None or value.dims is not None:
        return value
    for operand in value.producer.inputs:
        if operand is not None and operand.dtype.name not in dtypes:
            raise NotLoweredError(f"LiteRT has no {op.code} for {operand.dtype.name}")
    return value


def like(value: Value, number: float) -> Array:
    """The number as a scalar of the value's dtype."""
    return np.array(number, value.dtype)


def whole(array: Array) -> Array:
    """The array as exact integers, for arithmetic with dimensions.

    Raises:
        UndecidedError: a number is not whole: a dimension times it is nothing that a `Dim` can hold.
    """
    if array.dtype.kind == "f":
        if not np.array_equal(array, np.trunc(array)):
            raise UndecidedError("a dimension meets a number that is not whole")
        return array.astype(np.int64).astype(object)
    return array.astype(object)


def lesser(one: Any, other: Any) -> Any:
    """The smaller of two dimensions.

    Raises:
        UndecidedError: which one it is differs from run to run.
    """
    try:
        return min(one, other)
    except UndecidedError:
        return min(other, one)


def greater(one: Any, other: Any) -> Any:
    """The greater of two dimensions.

    Raises:
        UndecidedError: which one it is differs from run to run.
    """
    return one + other - lesser(one, other)


def exact_quotient(dividend: Any, divisor: Any) -> Any:
    """The quotient of two dimensions that leaves no rest.

    Raises:
        UndecidedError: it leaves one, or whether it does is known only at run time.
    """
    quotient = dividend // divisor
    if quotient * divisor != dividend:
        raise UndecidedError(f"{dividend} is not known to be a multiple of {divisor}")
    return quotient
