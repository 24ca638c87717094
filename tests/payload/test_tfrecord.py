from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perfgate.errors import UsageError
from perfgate.payload.tfrecord import framed, masked_crc, read_records


def _read(file: Path, data: bytes) -> list[bytes]:
    file.write_bytes(data)
    return list(read_records(file))


@given(st.lists(st.binary(max_size=50), max_size=5), st.booleans())
@settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_records_come_back(tmp_path: Path, records: list[bytes], compressed: bool) -> None:
    data = b"".join(map(framed, records))
    assert _read(tmp_path / "r", gzip.compress(data) if compressed else data) == records


@pytest.mark.slow
@given(st.lists(st.binary(min_size=1, max_size=30), min_size=1, max_size=3), st.data())
@settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_flipped_bit_and_no_cut_goes_unseen(tmp_path: Path, records: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(map(framed, records))
    ends = [len(b"".join(map(framed, records[:count]))) for count in range(len(records) + 1)]
    cut = data.draw(st.integers(1, len(whole) - 1).filter(lambda place: place not in ends))
    flipped = bytearray(whole)
    flipped[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    for broken in (whole[:cut], bytes(flipped)):
        with pytest.raises(UsageError, match=r"record \d"):
            _read(tmp_path / "r", broken)


def test_the_checksum_is_the_one_of_the_format() -> None:
    crc = 0xE3069283  # for this string: RFC 3720's check value of CRC-32C
    assert masked_crc(b"123456789") == ((crc >> 15 | (crc << 17 & 0xFFFFFFFF)) + 0xA282EAD8) % 2**32


TWO = framed(b"first") + framed(b"second")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (TWO[:-1], "record 2 is truncated"),
        (TWO[:-12], "record 2 is truncated"),
        (TWO[:25], "record 2 is truncated"),
        (TWO[:-5] + b"X" + TWO[-4:], "record 2: the checksum of its data is wrong: it is damaged"),
        (b"X" + TWO[1:], "record 1: the checksum of its length is wrong: not a TFRecord file, or damaged"),
        (b"no records at all", "record 1: the checksum of its length is wrong: not a TFRecord file, or damaged"),
        (gzip.compress(TWO, mtime=0)[:-4], "record 3: its gzip data is truncated or damaged"),
        (gzip.compress(TWO, mtime=0)[:-20], "record 2: its gzip data is truncated or damaged"),
        (gzip.compress(TWO, mtime=0)[:12] + b"XX", "record 1: its gzip data is truncated or damaged"),
        (gzip.compress(TWO[:-1], mtime=0), "record 2 is truncated"),
    ],
)
def test_what_is_broken_is_named_by_its_number(tmp_path: Path, data: bytes, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        _read(tmp_path / "r", data)
    assert caught.value.problem == f"{tmp_path / 'r'}: {problem}"
    assert caught.value.remedy == "write it again with tf.io.TFRecordWriter, plain or gzip"


@pytest.mark.parametrize("compressed", [False, True])
def test_a_length_is_not_believed_before_memory_is_asked_for(tmp_path: Path, compressed: bool) -> None:
    for length, problem in ((2**30, "record 1 is truncated"), (2**62, "record 1 has 4,294,967,296 GiB")):
        header = length.to_bytes(8, "little")
        data = header + masked_crc(header).to_bytes(4, "little") + b"little"
        with pytest.raises(UsageError, match=problem):
            _read(tmp_path / "r", gzip.compress(data) if compressed else data)


def test_no_more_is_read_than_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "r"
    file.write_bytes(framed(b"good") + b"rubbish")
    assert next(iter(read_records(file))) == b"good"


def test_a_plain_length_may_look_like_gzip(tmp_path: Path) -> None:
    record = bytes(0x8B1F)
    assert framed(record).startswith(b"\x1f\x8b")
    assert _read(tmp_path / "r", framed(record)) == [record]


@pytest.mark.parametrize("name", ["gone", "."])
def test_a_file_that_cannot_be_read_is_a_usage_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"cannot be read: (No such file|Is a directory)"):
        list(read_records(tmp_path / name))
