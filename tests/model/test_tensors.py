from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate.model.dtypes import BY_NAME, DTYPES, name_of
from perfgate.model.messages import Proto, TensorProto
from perfgate.model.tensors import Array, decode, encode, numpy_dtype

_SHAPES = st.lists(st.integers(0, 3), max_size=4).map(tuple)


@st.composite
def _arrays(draw: st.DrawFn) -> tuple[str, Array]:
    dtype, shape = draw(st.sampled_from([row.name for row in DTYPES])), draw(_SHAPES)
    size = math.prod(shape)
    if dtype == "string":
        values = draw(st.lists(st.binary(max_size=4), min_size=size, max_size=size))
        array = np.empty(size, object)
        array[:] = values
        return dtype, array.reshape(shape)
    if dtype == "bool":
        return dtype, np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)), bool).reshape(shape)
    size_bytes = size * numpy_dtype(dtype).itemsize
    raw = draw(st.binary(min_size=size_bytes, max_size=size_bytes))  # every bit pattern, NaN and infinities too
    return dtype, np.frombuffer(raw, numpy_dtype(dtype)).reshape(shape)


@pytest.mark.slow
@given(_arrays())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_every_array_comes_back_bit_by_bit(case: tuple[str, Array]) -> None:
    dtype, array = case
    back = decode(TensorProto.FromString(encode(array, dtype).SerializeToString()))
    assert (back.dtype, back.shape) == (numpy_dtype(dtype), array.shape)
    if dtype == "string":
        assert back.tolist() == array.tolist()
    else:
        assert back.tobytes() == array.tobytes()


def test_numbers_are_little_endian_content_and_strings_values() -> None:
    numbers = encode(np.array([[1, 256]]), "int16")
    assert numbers.tensor_content == b"\x01\x00\x00\x01"
    assert [dim.size for dim in numbers.tensor_shape.dim] == [1, 2]
    strings = encode(np.array([b"a", b""], object), "string")
    assert (list(strings.string_val), strings.tensor_content) == ([b"a", b""], b"")


def test_a_scalar_has_a_shape() -> None:
    assert encode(np.array(1.5), "float32").HasField("tensor_shape")


@pytest.mark.parametrize(
    ("proto", "expected"),
    [
        (TensorProto(dtype=1, float_val=[1.5, 2.5]), np.array([1.5, 2.5, 2.5], np.float32)),
        (TensorProto(dtype=4, int_val=[255, 0, 1]), np.array([255, 0, 1], np.uint8)),
        (TensorProto(dtype=4, int_val=[-1]), np.array([255, 255, 255], np.uint8)),
        (TensorProto(dtype=9), np.zeros(3, np.int64)),
        (TensorProto(dtype=7), np.array([b"", b"", b""], object)),
        (TensorProto(dtype=14, half_val=[0x3F80, 0xC000]), np.array([1, -2, -2], ml_dtypes.bfloat16)),
        (TensorProto(dtype=19, half_val=[0x3C00]), np.array([1, 1, 1], np.float16)),
        (TensorProto(dtype=8, scomplex_val=[1, 2, 3, 4]), np.array([1 + 2j, 3 + 4j, 3 + 4j], np.complex64)),
    ],
)
def test_values_one_by_one_are_read_as_tensorflow_reads_them(proto: Proto, expected: Array) -> None:
    proto.tensor_shape.dim.add(size=3)
    np.testing.assert_array_equal(decode(proto), expected, strict=True)


@pytest.mark.parametrize(
    ("proto", "sizes", "problem"),
    [
        (TensorProto(dtype=20), [1], "data type 20"),
        (TensorProto(dtype=1), [-1], "not fully known"),
        (TensorProto(dtype=1, tensor_shape={"unknown_rank": True}), [], "not fully known"),
        (TensorProto(dtype=1, float_val=[1, 2]), [1], "2 values do not fit"),
        (TensorProto(dtype=1, float_val=[1]), [0], "1 values do not fit"),
        (TensorProto(dtype=1, tensor_content=b"12345678"), [3], "reshape"),
        (TensorProto(dtype=1, tensor_content=b"123"), [1], "buffer size"),
        (TensorProto(dtype=7, tensor_content=b"123"), [1], "OBJECT"),
        (TensorProto(dtype=8, scomplex_val=[1, 2, 3]), [2], "divisor"),
    ],
)
def test_what_is_no_tensor_is_a_value_error(proto: Proto, sizes: list[int], problem: str) -> None:
    for size in sizes:
        proto.tensor_shape.dim.add(size=size)
    with pytest.raises(ValueError, match=problem):
        decode(proto)


def test_names_and_numbers_are_distinct() -> None:
    assert len(BY_NAME) == len(DTYPES) == len({row.number for row in DTYPES})
    assert [name_of(number) for number in (1, 19, 11, 101, 109, 111)] == [
        "float32",
        "float16",
        "dtype 11",
        "float32 (reference)",
        "int64 (reference)",
        "dtype 111",
    ]
    with pytest.raises(KeyError):
        numpy_dtype("half")
