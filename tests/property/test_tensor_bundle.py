"""The tensor bundle's encodings, for any keys, numbers and bytes."""

from __future__ import annotations

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.errors import Unreadable, Unsupported
from octavo.read.saved_model import ordered_code
from octavo.read.saved_model.crc32c import crc32c
from octavo.read.saved_model.table import entries, read_table
from octavo.read.saved_model.table import varint as read_varint
from saved_models import block, table, varint

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
KEYS = st.binary(max_size=24) | st.text("ab/", max_size=40).map(str.encode)  # the latter share long beginnings
TABLES = st.dictionaries(KEYS, st.binary(max_size=200), min_size=1, max_size=40)


@given(st.integers(0, (1 << 64) - 1), st.binary(max_size=3))
def test_a_varint_is_read_back_and_ends_where_it_ends(number, rest):
    assert read_varint(varint(number) + rest, 0) == (number, len(varint(number)))


@given(st.integers(0, (1 << 64) - 1))
def test_a_varint_cut_short_is_damage(number):
    with pytest.raises(ValueError, match="does not end"):
        read_varint(varint(number)[:-1], 0)


@given(TABLES, st.integers(1, 5))
def test_a_block_gives_back_its_entries(pairs, restart_every):
    rows = sorted(pairs.items())
    assert list(entries(block(rows, restart_every=restart_every))) == rows


@given(TABLES, st.integers(1, 7))
def test_a_table_gives_back_its_entries_in_order(pairs, per_block):
    assert list(read_table(table(pairs, per_block=per_block), where="here")) == sorted(pairs.items())


@given(TABLES, st.data())
def test_a_table_cut_short_is_unreadable(pairs, data):
    file = table(pairs)
    cut = data.draw(st.integers(0, len(file) - 1))
    with pytest.raises(Unreadable):
        list(read_table(file[:cut], where="here"))


@given(st.binary(max_size=300))
def test_any_bytes_before_a_footer_fail_with_a_typed_error(junk):
    magic = table({b"k": b"v"})[-8:]
    with contextlib.suppress(Unreadable, Unsupported):
        list(read_table(junk + magic, where="here"))


@given(st.binary(max_size=100))
def test_any_bytes_as_a_block_give_entries_or_damage(junk):
    with contextlib.suppress(ValueError):
        assert all(isinstance(key, bytes) for key, _ in entries(junk))


@given(INT64, INT64)
def test_signed_numbers_sort_as_their_codes(a, b):
    assert (a < b) == (ordered_code.signed(a) < ordered_code.signed(b))


@given(st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 64) - 1))
def test_unsigned_numbers_sort_as_their_codes(a, b):
    assert (a < b) == (ordered_code.unsigned(a) < ordered_code.unsigned(b))


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_text_sorts_as_its_code(a, b):
    assert (a < b) == (ordered_code.text(a) < ordered_code.text(b))


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_no_code_of_a_text_begins_another(a, b):
    assert a == b or not ordered_code.text(b).startswith(ordered_code.text(a))


@given(INT64)
def test_the_leading_bits_of_a_signed_code_count_its_bytes(number):
    code = ordered_code.signed(number)
    bits = "".join(f"{octet:08b}" for octet in code)
    first = bits[0]
    assert len(bits) - len(bits.lstrip(first)) == len(code)
    assert first == ("1" if number >= 0 else "0")


@given(st.binary(max_size=3000))
def test_a_checksum_is_the_bitwise_one(data):
    assert crc32c(data) == _bit_by_bit(data)


@given(st.sampled_from([*range(1, 40), 180, 400, 512, 1100]), st.integers(0, 1 << 32))
def test_a_checksum_of_much_data_folds_as_a_crc_must(kilobytes, seed):
    data = np.random.default_rng(seed).integers(0, 256, kilobytes * 1024 + seed % 7, np.uint8)
    end = struct.pack("<I", crc32c(data))
    assert crc32c(data.tobytes() + end) == 0x48674BC7  # the residue: a message followed by its own CRC-32C


def _bit_by_bit(data: bytes) -> int:
    register = 0xFFFFFFFF
    for octet in data:
        register ^= octet
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF
