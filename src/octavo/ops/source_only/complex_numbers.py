"""Functions of complex numbers."""

from __future__ import annotations

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers
from octavo.ops._complex import COMPLEX, is_zero, joined, parts
from octavo.ops._elementwise import emit
from octavo.ops._real import require_float32
from octavo.ops.atan2 import Atan2
from octavo.ops.binary import Add, Div, Mul, Sub
from octavo.ops.broadcast_to import stretch
from octavo.ops.spectrum import ComplexAbs
from octavo.ops.unary import Cos, Exp, Neg, Sin, Sqrt


@lowers("tf.Complex")
def complex_of(source: Source, build: Builder) -> Value:
    """Two parts as one."""
    require_float32(*source.inputs)
    return joined(build, *source.inputs)


@lowers("tf.Real")
def real(source: Source, build: Builder) -> Value:
    """The real part."""
    return _parts(source, build)[0]


@lowers("tf.Imag")
def imag(source: Source, build: Builder) -> Value:
    """The imaginary part."""
    return _parts(source, build)[1]


@lowers("tf.Conj")
def conjugate(source: Source, build: Builder) -> Value:
    """The imaginary part with the other sign; real numbers as they are."""
    (value,) = source.inputs
    if value.dtype.kind != "c":
        return value
    a, b = _parts(source, build)
    return joined(build, a, build(Neg(), b))


@lowers("tf.ComplexAbs")
def magnitude(source: Source, build: Builder) -> Value:
    """The root of the sum of squares."""
    (value,) = source.inputs
    if value.producer is not None and value.producer.op.code == "RFFT2D":
        return build(ComplexAbs(), value)
    a, b = _parts(source, build)
    return build(Sqrt(), build(Add(), build(Mul(), a, a), build(Mul(), b, b)))


@lowers("tf.Angle")
def angle(source: Source, build: Builder) -> Value:
    """The angle of the point (real, imag)."""
    a, b = parts(build, source.inputs[0])
    return build(Atan2(), stretch(build, b, a), stretch(build, a, b))


@lowers("tf.ConjugateTranspose")
def conjugate_transpose(source: Source, build: Builder) -> Value:
    """Each part with its dimensions in another order."""
    from octavo.ops.transpose import transpose

    value, order = source.inputs[0], source.const(1, "permutation").tolist()
    if value.dtype != COMPLEX:
        return transpose(build, value, order)
    a, b = (transpose(build, part, order) for part in _parts(source, build))
    return joined(build, a, build(Neg(), b))


def exponential(build: Builder, value: Value) -> Value:
    """E to the power of complex numbers."""
    a, b = parts(build, value)
    size = build(Exp(), a)
    return joined(build, build(Mul(), size, build(Cos(), b)), build(Mul(), size, build(Sin(), b)))


def square(build: Builder, value: Value) -> Value:
    """Complex numbers times themselves."""
    a, b = parts(build, value)
    real = build(Sub(), build(Mul(), a, a), build(Mul(), b, b))
    return joined(build, real, build(Mul(), build(Mul(), a, b), np.float32(2)))


def quotient(build: Builder, dividend: Value, divisor: Value) -> Value:
    """One complex number by another."""
    (a, b), (c, d) = parts(build, dividend), parts(build, divisor)
    if is_zero(d):
        return joined(build, emit(build, Div(), a, c), emit(build, Div(), b, c))
    size = build(Add(), build(Mul(), c, c), build(Mul(), d, d))
    first = build(Add(), build(Mul(), a, c), build(Mul(), b, d))
    second = build(Sub(), build(Mul(), b, c), build(Mul(), a, d))
    return joined(build, build(Div(), first, size), build(Div(), second, size))


def _parts(source: Source, build: Builder) -> tuple[Value, Value]:
    (value, *_) = source.inputs
    if value.dtype != np.complex64:
        raise NotLoweredError(f"LiteRT has no complex numbers of {value.dtype.itemsize * 8} bits")
    return parts(build, value)
