"""`tf.train.Example` messages, parsed by hand: https://protobuf.dev/programming-guides/encoding.

Example {1: Features}, Features {1: map from string to Feature}, Feature {1: BytesList, 2: FloatList, 3: Int64List};
each list has its numbers as field 1, packed or one by one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from octavo.ir.source import Array

Feature = Array | list[bytes]
"""Real numbers as float32, whole numbers as int64, or texts."""


def parse_example(message: bytes) -> dict[str, Feature]:
    """The features by name.

    Raises:
        ValueError: this is no such message.
    """
    found: dict[str, Feature] = {}
    for number, features in _fields(message):
        if number == 1 and isinstance(features, bytes):
            for _, entry in _fields(features):
                parts = dict(_fields(_text(entry)))
                found[_text(parts.get(1, b"")).decode()] = _feature(_text(parts.get(2, b"")))
    return found


def _feature(message: bytes) -> Feature:
    for kind, content in _fields(message):
        entries = [entry for number, entry in _fields(_text(content)) if number == 1]
        if kind == 1:
            return [_text(entry) for entry in entries]
        if kind == 2:
            return np.concatenate([np.frombuffer(_text(entry), "<f4") for entry in entries] or [np.empty(0, "<f4")])
        if kind == 3:
            numbers = [n for entry in entries for n in ([entry] if isinstance(entry, int) else _varints(entry))]
            return np.array(numbers, np.uint64).astype(np.int64)
    return []


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Each field: its number, and its bytes, or the number if it is a varint."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        match key & 7:
            case 0:
                value, place = _varint(message, place)
                yield key >> 3, value
                continue
            case 1:
                length = 8
            case 2:
                length, place = _varint(message, place)
            case 5:
                length = 4
            case kind:
                raise ValueError(f"a field of the unknown kind {kind}")
        if place + length > len(message):
            raise ValueError("a field is longer than the message")
        yield key >> 3, message[place : place + length]
        place += length


def _varints(content: bytes) -> Iterator[int]:
    place = 0
    while place < len(content):
        value, place = _varint(content, place)
        yield value


def _varint(content: bytes, place: int) -> tuple[int, int]:
    """The number at `place`, and the place after it."""
    value = shift = 0
    while place < len(content) and shift < 64:
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (2**64 - 1), place
        shift += 7
    raise ValueError("a number without an end")


def _text(value: bytes | int) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where a message was due")  # noqa: TRY004  # the message is at fault, not a type
    return value


def records(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The records of a TFRecord file, each with its place: length, checksum of it, content, checksum.

    Raises:
        ValueError: a length contradicts its checksum (this is no TFRecord file), or a record is cut.
    """
    place = 0
    while place < len(content):
        if place + 12 > len(content):
            raise ValueError(f"the record at byte {place} is cut")
        header = content[place : place + 8]
        length, checksum = struct.unpack("<QI", content[place : place + 12])
        if checksum != _masked(header):
            raise ValueError(f"at byte {place} is no record: its length contradicts the checksum")
        if place + 16 + length > len(content):
            raise ValueError(f"the record at byte {place} has {length} bytes, and the file ends before")
        yield place, content[place + 12 : place + 12 + length]
        place += 16 + length


def _masked(header: bytes) -> int:
    """CRC-32C, rotated and shifted as TFRecord has it."""
    crc = 0xFFFFFFFF
    for byte in header:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
