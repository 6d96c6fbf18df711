"""What LiteRT can do with complex numbers: the Fourier transform of real ones, and their parts."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.graph import Value
from octavo.ir.op import Op, operation
from octavo.ir.port import Observed, Plain
from octavo.ir.source import Array
from octavo.ir.type import Type

_COMPLEX = np.dtype(np.complex64)


@operation
class Rfft2d(Op):
    """The half of the transform of the last two dimensions, cut or filled up to `fft_length`: powers of two."""

    code: ClassVar = "RFFT2D"

    def infer(self, input: Value, fft_length: Value) -> Type:
        """[…, rows, columns / 2 + 1].

        Raises:
            ValueError: the lengths are unknown, or no powers of two.
        """
        if fft_length.const is None or any(int(n) & (int(n) - 1) for n in fft_length.const):
            raise ValueError("the lengths of a transform must be known powers of two")
        rows, columns = (int(n) for n in fft_length.const)
        return Type(_COMPLEX, (*input.shape[:-2], rows, columns // 2 + 1))

    def evaluate(self, input: Array, fft_length: Array) -> Array:
        """In double precision."""
        return np.fft.rfft2(input, tuple(int(n) for n in fft_length)).astype(np.complex64)

    ports: ClassVar = {"input": Observed(), "fft_length": Plain(), "output": Plain()}


class _Part(Op):
    """A real number of each complex one."""

    def infer(self, input: Value) -> Type:
        """float32.

        Raises:
            ValueError: the numbers are not complex.
        """
        if input.dtype != _COMPLEX:
            raise ValueError(f"{input.type} has no complex numbers")
        return Type(np.dtype(np.float32), input.shape)

    ports: ClassVar = {"input": Plain(), "output": Observed()}


@operation
class Real(_Part):
    """The real part."""

    code: ClassVar = "REAL"

    def evaluate(self, input: Array) -> Array:
        """The real part."""
        return np.real(input)


@operation
class Imag(_Part):
    """The imaginary part."""

    code: ClassVar = "IMAG"

    def evaluate(self, input: Array) -> Array:
        """The imaginary part."""
        return np.imag(input)


@operation
class ComplexAbs(_Part):
    """The distance from zero."""

    code: ClassVar = "COMPLEX_ABS"

    def evaluate(self, input: Array) -> Array:
        """The distance."""
        return np.abs(input)
