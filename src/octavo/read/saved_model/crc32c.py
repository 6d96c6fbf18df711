"""CRC-32C (Castagnoli) as the tensor bundle uses it, in numpy.

A CRC is linear over GF(2), so the data is cut into lanes of equal length whose registers advance side by
side, two bytes a step; then neighbours are joined, as register(a + b) = shift(register(a), len(b)) ^ register(b).

Source: RFC 3720 appendix B.4 (polynomial); tensorflow/core/lib/hash/crc32c.h (mask).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Registers = npt.NDArray[np.uint32]

_POLYNOMIAL = 0x82F63B78  # reflected
_ONES = 0xFFFFFFFF
_MASK_DELTA = 0xA282EAD8
_LANES_AT_ONCE = 2048  # 2048 lanes of at most 1 KiB stay in the second-level cache


def crc32c(data: bytes | memoryview | npt.NDArray[np.uint8]) -> int:
    """The CRC-32C of `data`, 0 for no bytes."""
    octets = np.frombuffer(data, np.uint8)
    log_length = int(np.clip(octets.size.bit_length() // 2, 2, 10))
    lanes = -(-octets.size // (1 << log_length))
    if lanes == 0:
        return 0
    padding = (lanes << log_length) - octets.size
    first = np.zeros(1 << log_length, np.uint8)  # leading zeros do not move a register that starts at zero
    first[padding:] = octets[: (1 << log_length) - padding]
    registers = np.empty(lanes, np.uint32)
    registers[:1] = _advance(first[None])
    rest = octets[first.size - padding :].reshape(lanes - 1, 1 << log_length)
    for start in range(0, lanes - 1, _LANES_AT_ONCE):
        registers[1 + start : 1 + start + _LANES_AT_ONCE] = _advance(rest[start : start + _LANES_AT_ONCE])
    return _join(registers, log_length) ^ _initial(octets.size) ^ _ONES


def masked(crc: int) -> int:
    """The form in which TensorFlow stores a CRC, so that a CRC of data holding CRCs stays strong."""
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & _ONES


def _advance(lanes: npt.NDArray[np.uint8]) -> Registers:
    table = _pairs()
    columns = np.ascontiguousarray(lanes.view("<u2").T)
    registers = np.zeros(columns.shape[1], np.uint32)
    for column in columns:
        registers = table[(registers & 0xFFFF) ^ column] ^ (registers >> np.uint32(16))
    return registers


def _join(registers: Registers, log_length: int) -> int:
    while registers.size > 1:
        if registers.size % 2:
            registers = np.concatenate([np.zeros(1, np.uint32), registers])
        registers = _apply(_shift(log_length), registers[::2]) ^ registers[1::2]
        log_length += 1
    return int(registers[0])


def _initial(size: int) -> int:
    """What the all-ones start of the register has become after `size` bytes of zeros."""
    register = np.array([_ONES], np.uint32)
    for bit in range(size.bit_length()):
        if size >> bit & 1:
            register = _apply(_shift(bit), register)
    return int(register[0])


def _apply(operator: Registers, registers: Registers) -> Registers:
    bits = registers[None] >> np.arange(32, dtype=np.uint32)[:, None] & np.uint32(1)
    joined: Registers = np.bitwise_xor.reduce(bits * operator[:, None], axis=0)
    return joined


@cache
def _shift(log_length: int) -> Registers:
    """The images of the 32 one-bit registers after 2**log_length bytes of zeros."""
    if log_length == 0:
        basis = np.uint32(1) << np.arange(32, dtype=np.uint32)
        return _one_byte(basis)
    half = _shift(log_length - 1)
    return _apply(half, half)


@cache
def _bytes() -> Registers:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ (table & np.uint32(1)) * np.uint32(_POLYNOMIAL)
    return table


@cache
def _pairs() -> Registers:
    pair = np.arange(1 << 16, dtype=np.uint32)
    return _one_byte(_one_byte(pair))


def _one_byte(registers: Registers) -> Registers:
    """The registers after one byte of zeros."""
    advanced: Registers = _bytes()[registers & 0xFF] ^ (registers >> np.uint32(8))
    return advanced
