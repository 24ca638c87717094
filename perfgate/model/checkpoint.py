"""The tensors of a checkpoint by its index: their checksums say whether weights differ, without reading them.

The index is a sorted table of strings, uncompressed: tensorflow/core/lib/io/table_format.txt (LevelDB's format, without
its filters) and tensorflow/core/util/tensor_bundle/tensor_bundle.cc (BundleWriter::Finish).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError

from perfgate.errors import InvalidRunError
from perfgate.model.dtypes import BY_NUMBER
from perfgate.model.messages import BundleEntryProto

INDEX = Path("variables", "variables.index")
_FOOTER_BYTES = 48
_MAGIC = 0xDB4775248B80FB57
_UNCOMPRESSED = 0
_OBJECT_GRAPH = b"_CHECKPOINTABLE_OBJECT_GRAPH"
"""The names of the objects, not a weight: tensorflow/python/checkpoint/trackable base.py."""


@dataclass(frozen=True, slots=True, order=True)
class SavedTensor:
    """A variable in a checkpoint."""

    dtype: str
    shape: tuple[int, ...]
    crc32c: int
    """Of its bytes, masked as in LevelDB's log format."""
    size_bytes: int
    key: str
    """A path of attributes, or the variable's name in TensorFlow 1."""


def saved_tensors(model: Path) -> tuple[SavedTensor, ...]:
    """Read the index of a SavedModel's variables, in order of keys; none if it has no variables.

    InvalidRunError if it is damaged.
    """
    file = model / INDEX
    if not file.is_file():
        return ()
    try:
        return tuple(
            _tensor(key, value) for key, value in _entries(file.read_bytes()) if key not in {b"", _OBJECT_GRAPH}
        )
    except (DecodeError, struct.error, IndexError, ValueError) as error:
        raise InvalidRunError(f"{file} is damaged, it does not parse", "export the model again") from error


def _tensor(key: bytes, value: bytes) -> SavedTensor:
    entry = BundleEntryProto.FromString(value)
    dtype = BY_NUMBER[entry.dtype].name if entry.dtype in BY_NUMBER else f"dtype {entry.dtype}"
    shape = tuple(dim.size for dim in entry.shape.dim)
    return SavedTensor(dtype, shape, entry.crc32c, entry.size, key.decode(errors="replace"))


def _entries(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    footer = table[-_FOOTER_BYTES:]
    if struct.unpack("<Q", footer[-8:])[0] != _MAGIC:
        raise ValueError("no table")
    at = _skip_handle(footer, 0)  # of the meta index, which is empty
    for _, handle in _block(table, footer, at):
        yield from _block(table, handle, 0)


def _skip_handle(data: bytes, at: int) -> int:
    return _varint(data, _varint(data, at)[1])[1]


def _block(table: bytes, handle: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the entries of a block: each key has a number of bytes in common with the one before it."""
    start, at = _varint(handle, at)
    length, _ = _varint(handle, at)
    block = table[start : start + length]
    if table[start + length] != _UNCOMPRESSED:
        raise ValueError("compressed")
    end = len(block) - 4 * (struct.unpack("<I", block[-4:])[0] + 1)
    key, at = b"", 0
    while at < end:
        shared, at = _varint(block, at)
        own, at = _varint(block, at)
        size, at = _varint(block, at)
        key = key[:shared] + block[at : at + own]
        yield key, block[at + own : at + own + size]
        at += own + size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number in base 128, the lowest digit first, and where it ends."""
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if byte < 0x80:
            return number, at
