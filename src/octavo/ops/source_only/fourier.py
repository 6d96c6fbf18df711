"""Fourier transforms: short ones as products with a constant matrix, long ones by RFFT2D.

RFFT2D knows real numbers and powers of two, in float only. Measured on one core, a product is as fast up to a few
hundred points, and its matrix of 2 · n · (n / 2 + 1) numbers is still small; at 1,024 points it takes three times as
long, at 2,048 forty times.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.dim import Dim
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers
from octavo.ir.source import Array
from octavo.ops._complex import COMPLEX, is_zero, joined, parts
from octavo.ops._elementwise import emit, like
from octavo.ops._real import require_float32
from octavo.ops.batch_matmul import matmul
from octavo.ops.binary import Add, Div, FloorMod, Mul, Sub
from octavo.ops.cast import cast
from octavo.ops.concatenation import concatenate
from octavo.ops.gather import Gather
from octavo.ops.pad import pad
from octavo.ops.range import counted
from octavo.ops.reshape import reshape
from octavo.ops.shape import runtime_dims
from octavo.ops.slice import Slice
from octavo.ops.spectrum import Imag, Real, Rfft2d
from octavo.ops.transpose import transpose
from octavo.ops.unary import Cos, Sin

SHORT = 256
"""Up to so many points a product with a matrix is used."""
LONGEST = 4096
"""Up to so many points it is used where the number of points is no power of two."""

Parts = tuple[Value, Value]
"""The real and the imaginary parts of complex numbers."""


@lowers("tf.RFFT", "tf.RFFT2D", "tf.RFFT3D")
def rfft(source: Source, build: Builder) -> Value:
    """The last dimension as real numbers, of which half the spectrum says all; then the others."""
    value, lengths = source.inputs[0], source.const(1, "length").tolist()
    require_float32(value)
    rank = len(lengths)
    for axis, length in enumerate(lengths):
        value = _sized(build, value, value.rank - rank + axis, length)
    if rank == 2 and all(_is_power(n) for n in lengths) and max(lengths) > SHORT:
        return build(Rfft2d(), value, np.array(lengths, np.int32))
    found = half_spectrum(build, value, lengths[-1])
    for axis in range(value.rank - rank, value.rank - 1):
        found = _along(build, found, axis, lambda p, n: _transformed(build, p, n, -1))
    return joined(build, *found)


@lowers("tf.IRFFT", "tf.IRFFT2D", "tf.IRFFT3D")
def irfft(source: Source, build: Builder) -> Value:
    """All dimensions but the last first, so that real numbers are left to find."""
    value, lengths = source.inputs[0], source.const(1, "length").tolist()
    _require_complex(value)
    rank = len(lengths)
    wanted = [*lengths[:-1], lengths[-1] // 2 + 1]
    found = parts(build, value)
    for axis, length in enumerate(wanted):
        found = _both(found, lambda p, a=axis, n=length: _sized(build, p, p.rank - rank + a, n))
    for axis in range(value.rank - rank, value.rank - 1):
        found = _along(build, found, axis, lambda p, n: _transformed(build, p, n, 1))
    return _real_again(build, found, lengths[-1])


@lowers("tf.FFT", "tf.FFT2D", "tf.FFT3D", "tf.IFFT", "tf.IFFT2D", "tf.IFFT3D")
def fft(source: Source, build: Builder) -> Value:
    """One dimension after the other."""
    (value,) = source.inputs
    _require_complex(value)
    name = source.node.op
    rank = int(name[-2]) if name.endswith("D") else 1
    found = parts(build, value)
    for axis in range(value.rank - rank, value.rank):
        found = _along(build, found, axis, lambda p, n: _transformed(build, p, n, 1 if name[0] == "I" else -1))
    return joined(build, *found)


def half_spectrum(build: Builder, value: Value, length: int) -> Parts:
    """The first `length // 2 + 1` numbers of the transform of the last dimension, which is real and `length` long."""
    count = length // 2 + 1
    if length > SHORT and _is_power(length):
        lines = reshape(build, value, [*value.shape[:-1], 1, length])
        spectrum = build(Rfft2d(), lines, np.array([1, length], np.int32))
        flat = [*value.shape[:-1], count]
        return reshape(build, build(Real(), spectrum), flat), reshape(build, build(Imag(), spectrum), flat)
    turns = _turns(length, -1)[:, :count]
    return _split(build, matmul(build, value, build.const(np.hstack([turns.real, turns.imag]).astype(np.float32))))


def _transformed(build: Builder, found: Parts, length: Dim, sign: int) -> Parts:
    """The transform of the last dimension (`sign` −1), or its inverse (1)."""
    real, imag = found
    if not isinstance(length, int):
        return _of_any_length(build, found, length, sign)
    if length > SHORT and _is_power(length):
        return _by_halves(build, found, length, sign)
    turns = _turns(length, sign) / (length if sign > 0 else 1)
    upper = np.hstack([turns.real, turns.imag]).astype(np.float32)
    if is_zero(imag):
        return _split(build, matmul(build, real, build.const(upper)))
    lower = np.hstack([-turns.imag, turns.real]).astype(np.float32)
    both = concatenate(build, [real, imag], real.rank - 1)
    return _split(build, matmul(build, both, build.const(np.vstack([upper, lower]))))


def _of_any_length(build: Builder, found: Parts, length: Dim, sign: int) -> Parts:
    """The transform over as many points as there are at run time: a product with cosines and sines made then."""
    real, imag = found
    places = counted(build, length, real)
    count = reshape(build, runtime_dims(build, [length], real), [])
    product = emit(build, Mul(), reshape(build, places, [length, 1]), reshape(build, places, [1, length]))
    turns = cast(build, emit(build, FloorMod(), product, count), real.dtype)
    points = cast(build, count, real.dtype)
    angles = emit(build, Mul(), emit(build, Div(), turns, points), like(turns, sign * 2 * np.pi))
    cosines, sines = emit(build, Cos(), angles), emit(build, Sin(), angles)
    if sign > 0:
        cosines, sines = (emit(build, Div(), part, points) for part in (cosines, sines))
    both = matmul(build, real, cosines), matmul(build, real, sines)
    if is_zero(imag):
        return both
    return (
        emit(build, Sub(), both[0], matmul(build, imag, sines)),
        emit(build, Add(), both[1], matmul(build, imag, cosines)),
    )


def _by_halves(build: Builder, found: Parts, length: int, sign: int) -> Parts:
    """The spectra of both parts, each of which is real; the inverse is the transform with the parts exchanged."""
    first, second = found if sign < 0 else found[::-1]
    a, b = _whole(build, half_spectrum(build, first, length), length)
    if not is_zero(second):
        c, d = _whole(build, half_spectrum(build, second, length), length)
        a, b = build(Sub(), a, d), build(Add(), b, c)
    if sign < 0:
        return a, b
    factor = np.float32(1 / length)
    return build(Mul(), b, factor), build(Mul(), a, factor)


def _whole(build: Builder, half: Parts, length: int) -> Parts:
    """The spectrum of real numbers, whose second half mirrors the first with the other sign of the imaginary part."""
    places = np.concatenate([np.arange(length // 2 + 1), np.arange((length - 1) // 2, 0, -1)]).astype(np.int32)
    signs = np.sign(length - 2 * np.arange(length)).astype(np.float32)
    signs[0] = 0  # whatever stands there and in the middle is no part of a real number's spectrum
    real, imag = _both(half, lambda part: build(Gather(axis=part.rank - 1), part, places))
    return real, build(Mul(), imag, signs)


def _real_again(build: Builder, half: Parts, length: int) -> Value:
    """The real numbers whose spectrum begins with `half`."""
    real, imag = half
    if length > SHORT and _is_power(length):
        # g = real + imag of the whole spectrum: its even part has the cosines and its odd part the sines of
        # x = (Re G + Im G) / n
        total = build(Add(), *_whole(build, half, length))
        turned = _whole(build, half_spectrum(build, total, length), length)
        return build(Mul(), build(Add(), *turned), np.float32(1 / length))
    count = length // 2 + 1
    weight = np.where((np.arange(count) == 0) | (2 * np.arange(count) == length), 1, 2)[:, None] / length
    turns = _turns(length, 1)[:count] * weight
    matrix = np.vstack([turns.real, -turns.imag]).astype(np.float32)
    return matmul(build, concatenate(build, [real, imag], real.rank - 1), build.const(matrix))


def _along(build: Builder, found: Parts, axis: int, function: Callable[[Parts, Dim], Parts]) -> Parts:
    """The function of the dimension `axis`, as the last one."""
    rank = found[0].rank
    length = found[0].shape[axis]
    order = [*(at for at in range(rank) if at != axis), axis]
    moved = _both(found, lambda part: transpose(build, part, order))
    return _both(function(moved, length), lambda part: transpose(build, part, np.argsort(order).tolist()))


def _sized(build: Builder, value: Value, axis: int, length: int) -> Value:
    """The dimension cut, or filled up with zeros behind, to `length`."""
    size = _known(value.shape[axis])
    if size < length:
        return pad(build, value, [(0, length - size if at == axis else 0) for at in range(value.rank)])
    if size == length:
        return value
    sizes = np.where(np.arange(value.rank) == axis, length, -1).astype(np.int32)
    return build(Slice(), value, np.zeros(value.rank, np.int32), sizes)


def _split(build: Builder, both: Value) -> Parts:
    """The first and the second half of the last dimension."""
    count = _known(both.shape[-1]) // 2
    lead = [0] * (both.rank - 1)
    size = np.array([*[-1] * len(lead), count], np.int32)
    first, second = (build(Slice(), both, np.array([*lead, at], np.int32), size) for at in (0, count))
    return first, second


def _both(found: Parts, function: Callable[..., Value]) -> Parts:
    return function(found[0]), function(found[1])


def _turns(length: int, sign: int) -> Array:
    """[length, length]: e to the power of `sign` · 2πi · row · column / length, exact to float64."""
    if length > LONGEST:
        raise NotLoweredError(f"a transform of {length} points, which is no power of two, would need a huge matrix")
    product: Any = np.outer(np.arange(length), np.arange(length)) % length
    result: Array = np.exp(sign * 2j * np.pi * product / length)
    return result


def _is_power(length: int) -> bool:
    return length > 0 and length & (length - 1) == 0


def _known(dim: object) -> int:
    if not isinstance(dim, int):
        raise NotLoweredError("the number of points must be known before the model runs")
    return dim


def _require_complex(value: Value) -> None:
    if value.dtype != COMPLEX:
        raise NotLoweredError(f"LiteRT has no complex numbers of {value.dtype.itemsize * 8} bits")
