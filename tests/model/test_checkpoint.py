from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from perfgate.errors import InvalidRunError
from perfgate.model.checkpoint import INDEX, SavedTensor, saved_tensors
from perfgate.model.messages import BundleEntryProto

MAGIC = 0xDB4775248B80FB57


def varint(number: int) -> bytes:
    digits = []
    while True:
        number, low = number >> 7, number & 0x7F
        digits.append(low | (0x80 if number else 0))
        if not number:
            return bytes(digits)


def block(entries: Mapping[bytes, bytes]) -> bytes:
    """Write a block of LevelDB's table format with one restart point, and its trailer: no compression, no checksum."""
    written, last = b"", b""
    for key, value in entries.items():
        shared = next((n for n, (a, b) in enumerate(zip(last, key, strict=False)) if a != b), min(len(last), len(key)))
        written += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    return written + struct.pack("<II", 0, 1) + b"\0" * 5


def table(*blocks: Mapping[bytes, bytes]) -> bytes:
    data, handles = b"", {}
    for each in blocks:
        written = block(each)
        handles[list(each)[-1]] = varint(len(data)) + varint(len(written) - 5)
        data += written
    index = block(handles)
    handle = varint(0) + varint(0) + varint(len(data)) + varint(len(index) - 5)
    return data + index + handle.ljust(40, b"\0") + struct.pack("<Q", MAGIC)


def entry(size: int, crc32c: int, *shape: int) -> bytes:
    made = BundleEntryProto(dtype=1, size=size, crc32c=crc32c)
    for each in shape:
        made.shape.dim.add(size=each)
    written: bytes = made.SerializeToString()
    return written


def write(model: Path, data: bytes) -> Path:
    (model / INDEX).parent.mkdir(parents=True)
    (model / INDEX).write_bytes(data)
    return model


def test_tensors_are_read_from_several_blocks(tmp_path: Path) -> None:
    graph = {b"": b"\x08\x01", b"_CHECKPOINTABLE_OBJECT_GRAPH": entry(9, 1)}
    first = {**graph, b"a/kernel": entry(512, 7, 8, 16), b"a/kernel_2": entry(4, 8)}
    model = write(tmp_path, table(first, {b"b/bias": entry(64, 2**32 - 1, 16)}))
    assert saved_tensors(model) == (
        SavedTensor("float32", (8, 16), 7, 512, "a/kernel"),
        SavedTensor("float32", (), 8, 4, "a/kernel_2"),
        SavedTensor("float32", (16,), 2**32 - 1, 64, "b/bias"),
    )


def test_a_model_without_variables_has_none(tmp_path: Path) -> None:
    assert saved_tensors(tmp_path) == ()


WHOLE = table({b"a": entry(4, 1), b"b": entry(4, 2)})


@pytest.mark.parametrize("data", [b"", b"index", WHOLE[:-1], WHOLE[1:], b"\xff" * 40 + WHOLE[-8:], WHOLE[20:]])
def test_a_damaged_index_is_an_error(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InvalidRunError, match="is damaged"):
        saved_tensors(write(tmp_path, data))


def test_compression_which_tensorflow_does_not_use_is_not_guessed(tmp_path: Path) -> None:
    entries = {b"a": entry(4, 1)}
    data = bytearray(table(entries))
    data[len(block(entries)) - 5] = 1
    with pytest.raises(InvalidRunError, match="is damaged"):
        saved_tensors(write(tmp_path, bytes(data)))


@pytest.mark.live
@pytest.mark.slow
def test_tensorflow_wrote_what_is_read(tmp_path: Path) -> None:
    program = """
import json, sys, tensorflow as tf
values = {f"v{number}": tf.Variable(tf.random.normal([number, 3])) for number in range(1, 300)}
prefix = tf.train.Checkpoint(**values).write(sys.argv[1])
print(json.dumps({key: shape for key, shape in tf.train.list_variables(prefix)}))
"""
    (tmp_path / "variables").mkdir()
    command = [sys.executable, "-c", program, str(tmp_path / "variables" / "variables")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    expected = {
        k: v for k, v in json.loads(done.stdout.splitlines()[-1]).items() if k != "_CHECKPOINTABLE_OBJECT_GRAPH"
    }
    found = saved_tensors(tmp_path)
    assert {each.key: list(each.shape) for each in found if each.dtype == "float32"} == {
        key: shape for key, shape in expected.items() if key.startswith("v")
    }
    assert {each.key for each in found} == expected.keys()
    assert len({each.crc32c for each in found}) == len(found)
