"""TFRecord files, plain or gzip: consecutive records, each with its checksums.

The format is that of https://www.tensorflow.org/tutorials/load_data/tfrecord: length (uint64), masked CRC-32C of the
length (uint32), data, masked CRC-32C of the data (uint32), all little-endian.
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import BinaryIO

import google_crc32c

from perfgate.errors import UsageError
from perfgate.formatting import with_unit

_HEADER = struct.Struct("<QI")
_CHECKSUM = struct.Struct("<I")
_GZIP_MAGIC = b"\x1f\x8b"
_LARGEST_RECORD_BYTES = (1 << 31) - 1  # a record holds a message: https://protobuf.dev/programming-guides/proto-limits/
_REMEDY = "write it again with tf.io.TFRecordWriter, plain or gzip"


def read_records(file: Path) -> Iterator[bytes]:
    """Yield one record after the other, reading no more of the file than needed.

    UsageError, naming the file and the record by its number from 1, if it is damaged, truncated or unreadable.
    """
    number = 1
    try:
        with _opened(file) as stream:
            for number in count(1):
                header = stream.read(_HEADER.size)
                if not header:
                    return
                yield _record(stream, header, _remaining(stream), f"{file}: record {number}")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UsageError(f"{file}: record {number}: its gzip data is truncated or damaged", _REMEDY) from error
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}", "check the path") from error


def masked_crc(data: bytes) -> int:
    """Return the checksum as stored in the file."""
    crc: int = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def framed(data: bytes) -> bytes:
    """Return one record in the file's format."""
    length = len(data).to_bytes(8, "little")
    return length + _CHECKSUM.pack(masked_crc(length)) + data + _CHECKSUM.pack(masked_crc(data))


def _opened(file: Path) -> BinaryIO | gzip.GzipFile:
    """Tell gzip from a plain record whose length begins with gzip's magic number: that length has a valid checksum."""
    with file.open("rb") as stream:
        header = stream.read(_HEADER.size)
    plain = len(header) == _HEADER.size and masked_crc(header[:8]) == _HEADER.unpack(header)[1]
    return gzip.open(file) if header.startswith(_GZIP_MAGIC) and not plain else file.open("rb")


def _remaining(stream: BinaryIO | gzip.GzipFile) -> int:
    """Return how much data can follow, so that a wrong length is found before memory is allocated."""
    if isinstance(stream, gzip.GzipFile):
        return _LARGEST_RECORD_BYTES
    return os.fstat(stream.fileno()).st_size - stream.tell()


def _record(stream: BinaryIO | gzip.GzipFile, header: bytes, remaining: int, where: str) -> bytes:
    if len(header) < _HEADER.size:
        raise UsageError(f"{where} is truncated", _REMEDY)
    length, checksum = _HEADER.unpack(header)
    if masked_crc(header[:8]) != checksum:
        raise UsageError(f"{where}: the checksum of its length is wrong: not a TFRecord file, or damaged", _REMEDY)
    if length > _LARGEST_RECORD_BYTES:
        raise UsageError(
            f"{where} has {with_unit(length / 2**30, 'GiB')}, but a request can have at most 2 GiB", "remove it"
        )
    data = stream.read(length) if length <= remaining else b""
    footer = stream.read(_CHECKSUM.size)
    if len(data) < length or len(footer) < _CHECKSUM.size:
        raise UsageError(f"{where} is truncated", _REMEDY)
    if masked_crc(data) != _CHECKSUM.unpack(footer)[0]:
        raise UsageError(f"{where}: the checksum of its data is wrong: it is damaged", _REMEDY)
    return data
