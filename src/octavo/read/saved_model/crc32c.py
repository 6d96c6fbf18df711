"""CRC-32C (Castagnoli) as the tensor bundle uses it, in numpy.

A CRC is the remainder of the data, a polynomial over GF(2), by a polynomial of 32 bits. One of that polynomial's
multiples has but four terms, x^a + x^b + x^c + 1; so has its square, the square of that, and so on. A stretch of data
may thus be taken off at the front if it is added, by exclusive or, at three places behind: whole arrays at a
time. What is left in the end is short, and its remainder is the sum of those of its bits, from a table.

Source: RFC 3720 appendix B.4 (polynomial); tensorflow/core/lib/hash/crc32c.h (mask).
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

Registers = npt.NDArray[np.uint32]
Octets = npt.NDArray[np.uint8]

_POLYNOMIAL: Final = 0x82F63B78  # reflected
_ONES: Final = 0xFFFFFFFF
_MASK_DELTA: Final = 0xA282EAD8
_SPARSE: Final = (5685, 1362, 426)
"""The exponents of a multiple of the polynomial, whose fourth is 0; found by a search."""
_DOUBLINGS: Final = 5
"""How often it is squared at most, on top of the three times that turn bits into bytes."""
_CHUNK: Final = 1 << 19
"""Bytes folded at a time: they stay in the second-level cache."""


def crc32c(data: bytes | memoryview | Octets) -> int:
    """The CRC-32C of `data`, 0 for no bytes."""
    octets = np.frombuffer(data, np.uint8)
    register = _ONES
    for start in range(0, octets.size, _CHUNK):
        register = _advanced(register, octets[start : start + _CHUNK].copy())
    return register ^ _ONES


def masked(crc: int) -> int:
    """The form in which TensorFlow stores a CRC, so that a CRC of data holding CRCs stays strong."""
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & _ONES


def _advanced(register: int, octets: Octets) -> int:
    """The register after `octets`, which are overwritten. A register acts as if added to the next four bytes."""
    head = octets[:4]
    head ^= np.frombuffer(register.to_bytes(4, "little"), np.uint8)[: head.size]
    bits = np.unpackbits(_folded(octets), bitorder="little")
    table = _remainders(max(bits.size - 1, 0).bit_length())
    return int(np.bitwise_xor.reduce(table[-bits.size :] * bits)) ^ register >> 8 * head.size


def _folded(octets: Octets) -> Octets:
    """A short end of `octets`, changed so that it has the remainder of all."""
    a, b, c = _SPARSE
    for unit in (1 << doubling for doubling in range(_DOUBLINGS, -1, -1)):
        while (size := min((a - b) * unit, octets.size - a * unit)) > 0:
            for behind in (a - b, a - c, a):
                octets[behind * unit : behind * unit + size] ^= octets[:size]
            octets = octets[size:]
    return octets


@cache
def _remainders(log_count: int) -> Registers:
    """The remainder of each bit of a message of 2**log_count bits, the last one at the end."""
    if log_count <= 3:
        return _one_bit_after_another(8)[-(1 << log_count) :]
    later = _remainders(log_count - 1)
    return np.concatenate([_moved(later, log_count - 1), later])


def _one_bit_after_another(count: int) -> Registers:
    registers = [np.uint32(_POLYNOMIAL)]
    while len(registers) < count:
        last = registers[-1]
        registers.append((last >> np.uint32(1)) ^ (last & np.uint32(1)) * np.uint32(_POLYNOMIAL))
    return np.array(registers[::-1])


def _moved(registers: Registers, log_count: int) -> Registers:
    """The registers after 2**log_count bits of zeros, by one table for each of their bytes."""
    tables = _moves(log_count)
    moved: Registers = tables[0][registers & 0xFF]
    for byte in range(1, 4):
        moved ^= tables[byte][(registers >> np.uint32(8 * byte)) & 0xFF]
    return moved


@cache
def _moves(log_count: int) -> Registers:
    """What each byte of a register, of any value, becomes after 2**log_count bits of zeros."""
    if log_count > 0:
        return _moved(_moved(_bytes_of_registers(), log_count - 1), log_count - 1)
    start = _bytes_of_registers()
    moved: Registers = (start >> np.uint32(1)) ^ (start & np.uint32(1)) * np.uint32(_POLYNOMIAL)
    return moved


def _bytes_of_registers() -> Registers:
    """The registers that have one byte only: by its place and value."""
    return np.arange(256, dtype=np.uint32) << (8 * np.arange(4, dtype=np.uint32))[:, None]
