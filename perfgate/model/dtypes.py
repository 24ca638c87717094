"""TensorFlow's data types by number and by name; quantised, resource and reference types are omitted.

Numbers: tensorflow/core/framework/types.proto; value fields: the comments in tensorflow/core/framework/tensor.proto.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DType:
    """One row of the table."""

    name: str
    """TensorFlow's name in lower case; numpy (with `ml_dtypes`) has the same names, except for `string`."""
    number: int
    """In the enum `DataType`."""
    values_field: str
    """The field of TensorProto that holds individual values of this type."""


DTYPES: tuple[DType, ...] = (
    DType("float32", 1, "float_val"),
    DType("float64", 2, "double_val"),
    DType("int32", 3, "int_val"),
    DType("uint8", 4, "int_val"),
    DType("int16", 5, "int_val"),
    DType("int8", 6, "int_val"),
    DType("string", 7, "string_val"),
    DType("complex64", 8, "scomplex_val"),
    DType("int64", 9, "int64_val"),
    DType("bool", 10, "bool_val"),
    DType("bfloat16", 14, "half_val"),
    DType("uint16", 17, "int_val"),
    DType("complex128", 18, "dcomplex_val"),
    DType("float16", 19, "half_val"),
    DType("uint32", 22, "uint32_val"),
    DType("uint64", 23, "uint64_val"),
)

_REFERENCE = 100
BY_NAME: dict[str, DType] = {dtype.name: dtype for dtype in DTYPES}
BY_NUMBER: dict[int, DType] = {dtype.number: dtype for dtype in DTYPES}


def name_of(number: int) -> str:
    """Return the name of a `DataType` number; `dtype 11` and the like for types that the table omits.

    A reference, as in TensorFlow 1, has 100 more than its type (tensorflow/core/framework/types.proto).
    """
    if number - _REFERENCE in BY_NUMBER:
        return f"{BY_NUMBER[number - _REFERENCE].name} (reference)"
    return BY_NUMBER[number].name if number in BY_NUMBER else f"dtype {number}"
