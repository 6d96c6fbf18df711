"""Diagonals of matrices."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, Op, operation
from octavo.ir.port import INT8_AND_INT16, Kernels, Observed, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type

_TYPES = ("float32", "int8", "uint8", "int16", "int32", "int64")
_ZERO = "its kernel writes zeros as they are stored, whatever the zero point"


@operation
class MatrixDiag(Op):
    """[…, n, n]: square matrices with `diagonal` […, n], and zeros elsewhere."""

    code: ClassVar = "MATRIX_DIAG"

    def infer(self, diagonal: Value) -> Type:
        """The last dimension twice."""
        return Type(diagonal.dtype, (*diagonal.shape, diagonal.shape[-1]))

    def evaluate(self, diagonal: Array) -> Array:
        """Zeros around."""
        zero = np.zeros((), diagonal.dtype)
        return np.where(np.eye(diagonal.shape[-1], dtype=bool), diagonal[..., None], zero)

    ports: ClassVar = {"diagonal": Observed(), "output": SameAs("diagonal")}
    kernels: ClassVar = Kernels(int8=_ZERO, int16="")


@operation
class MatrixSetDiag(Op):
    """`input` […, rows, columns] with another main diagonal, […, the lesser of both]."""

    code: ClassVar = "MATRIX_SET_DIAG"

    def infer(self, input: Value, diagonal: Value) -> Type:
        """The input's.

        Raises:
            ValueError: the dtypes differ.
        """
        if input.dtype != diagonal.dtype:
            raise ValueError(f"{diagonal.type} is no diagonal of {input.type}")
        return input.type

    def evaluate(self, input: Array, diagonal: Array) -> Array:
        """A copy."""
        result = input.copy()
        places = np.arange(diagonal.shape[-1])
        result[..., places, places] = diagonal
        return result

    ports: ClassVar = {"input": SameAs("output"), "diagonal": SameAs("output"), "output": Observed()}
    kernels: ClassVar = INT8_AND_INT16


def require_diagonal(value: Value) -> None:
    """Refuse what `matrix_diag.cc` of LiteRT does not move.

    Raises:
        NotLoweredError: the dtype is another.
    """
    if value.dtype.name not in _TYPES:
        raise NotLoweredError(f"LiteRT has no MATRIX_DIAG of {value.dtype.name}")
