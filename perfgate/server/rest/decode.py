"""JSON values to arrays, with the rules and messages of TF-Serving's `json_tensor.cc`.

Each conversion exists twice: column by column with numpy, and value by value like TF-Serving, which determines exactly
what is wrong. If the first fails, the second decides.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

import grpc
import numpy as np
from numpy.typing import NDArray

from perfgate.server.rest.text import shown
from perfgate.server.status import StatusError, invalid

Array: TypeAlias = NDArray[Any]
Arrays: TypeAlias = dict[str, Array]
Numbers: TypeAlias = Mapping[str, int]
"""TensorFlow's `DataType` numbers of the inputs by name."""

_MAX_RANK = 64  # numpy's
_INT32, _UINT32, _INT64, _UINT64 = (-(1 << 31), 1 << 31), (0, 1 << 32), (-(1 << 63), 1 << 63), (0, 1 << 64)


@dataclass(frozen=True, slots=True)
class _Type:
    name: str
    """TensorFlow's name."""
    numpy: Any
    span: tuple[int, int] = (0, 0)
    """Integers: the range allowed in JSON; types smaller than int32 wrap, as in TF-Serving."""
    floating: bool = False
    """Floats: values without an exact representation are rounded, those out of range become infinity."""

    @property
    def wide(self) -> Any:
        """A type that holds every value allowed in JSON."""
        if self.floating:
            return np.float64
        if self.numpy is np.bool_:
            return np.bool_
        return np.uint64 if self.span == _UINT64 else np.int64


TYPES = {
    1: _Type("float", np.float32, floating=True),
    2: _Type("double", np.float64, floating=True),
    3: _Type("int32", np.int32, _INT32),
    4: _Type("uint8", np.uint8, _INT32),
    5: _Type("int16", np.int16, _INT32),
    6: _Type("int8", np.int8, _INT32),
    7: _Type("string", object),
    9: _Type("int64", np.int64, _INT64),
    10: _Type("bool", np.bool_),
    22: _Type("uint32", np.uint32, _UINT32),
    23: _Type("uint64", np.uint64, _UINT64),
}
_OTHERS = {8: "complex64", 14: "bfloat16", 17: "uint16", 18: "complex128", 19: "half"}


def read_request(document: Mapping[str, Any], numbers: Numbers) -> tuple[Arrays, bool]:
    """Read the tensors of a predict request, and whether it was in row format."""
    rows, columns = "instances" in document, "inputs" in document
    if rows and columns:
        words = "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
        raise invalid(f"JSON Value: {shown(document)} {words}")
    if rows:
        instances = document["instances"]
        if not isinstance(instances, list):
            raise invalid(f"JSON Value: {shown(document)} Excepting 'instances' to be an list/array")
        if not instances:
            raise invalid(f"JSON Value: {shown(document)} No values in 'instances' array")
        return _from_instances(instances, numbers), True
    if columns:
        return _from_inputs(document["inputs"], numbers), False
    raise invalid("Missing 'inputs' or 'instances' key")


def is_b64(value: Any) -> bool:
    """Return whether a value is `{"b64": "…"}`."""
    return type(value) is dict and len(value) == 1 and isinstance(value.get("b64"), str)


def _is_object(value: Any) -> bool:
    return type(value) is dict and not is_b64(value)


def _from_inputs(value: Any, numbers: Numbers) -> Arrays:
    if not _is_object(value):
        if len(numbers) > 1:
            need = "an object as multiple input tensors required as per tensorinfo_map"
            raise invalid(f"inputs is a plain value/list, but expecting {need}")
        ((name, number),) = numbers.items()
        return {name: to_array(value, number)}
    for name in numbers:
        if name not in value:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
    return {name: to_array(value[name], number) for name, number in numbers.items()}


def _from_instances(instances: list[Any], numbers: Numbers) -> Arrays:
    first = instances[0]
    if type(first) is not dict and len(numbers) > 1:
        need = "list of objects as multiple input tensors required as per tensorinfo_map"
        raise invalid(f"instances is a plain list, but expecting {need}")
    arrays = _columns(instances, numbers)
    return _row_by_row(instances, numbers) if arrays is None else arrays


def _columns(instances: list[Any], numbers: Numbers) -> Arrays | None:
    if _is_object(instances[0]):
        names = numbers.keys()
        if not all(type(row) is dict and row.keys() == names for row in instances):
            return None
        columns = {name: [row[name] for row in instances] for name in numbers}
    elif len(numbers) == 1 and not any(map(_is_object, instances)):
        columns = dict.fromkeys(numbers, instances)
    else:
        return None
    arrays = {}
    for name, column in columns.items():
        array = _quickly(column, numbers[name])
        if array is None:
            return None
        arrays[name] = array
    return arrays


def _row_by_row(instances: list[Any], numbers: Numbers) -> Arrays:
    objects = _is_object(instances[0])
    parts: dict[str, list[Array]] = {}
    for index, row in enumerate(instances):
        if objects and not _is_object(row):
            raise invalid(f"Expecting object but got list at item {index} of input list")
        if not objects and _is_object(row):
            raise invalid(f"Expecting value/list but got object at item {index} of input list")
        for name, value in row.items() if objects else [(next(iter(numbers)), row)]:
            try:
                _add_row(parts, name, value, numbers)
            except StatusError as error:
                key = f" key: {name}" if objects else ""
                words = f"Failed to process element: {index}{key} of 'instances' list."
                raise invalid(f"{words} Error: {error.code.name}: {error}") from error
        if objects and row.keys() != numbers.keys():
            words = f"Failed to process element: {index} of 'instances' list. JSON object: {shown(row)}"
            raise invalid(f"{words} keys must be equal to: {','.join(sorted(numbers))}")
    return {name: np.stack(rows) for name, rows in parts.items()}


def _add_row(parts: dict[str, list[Array]], name: str, value: Any, numbers: Numbers) -> None:
    if name not in numbers:
        raise invalid(f"JSON object: does not have named input: {name}")
    array = _value_by_value(value, numbers[name])
    rows = parts.setdefault(name, [])
    if rows and rows[0].size != array.size:
        raise invalid(f"Expecting tensor size: {rows[0].size} but got: {array.size}")
    if rows and rows[0].shape != array.shape:
        raise invalid(f"Expecting shape {_shape_text(rows[0])} but got: {_shape_text(array)}")
    rows.append(array)


def _shape_text(array: Array) -> str:
    return f"[{','.join(map(str, array.shape))}]"


def to_array(value: Any, number: int) -> Array:
    """Read one tensor of that `DataType`."""
    array = _quickly(value, number)
    return _value_by_value(value, number) if array is None else array


def _shape(value: Any) -> list[int]:
    """Return a tensor's shape from its first elements, like TF-Serving."""
    shape = []
    while type(value) is list:
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return shape


def _quickly(value: Any, number: int) -> Array | None:
    """Read a tensor in steps over all its values; None if anything is unusual."""
    shape, kind = _shape(value), TYPES.get(number)
    if kind is None or len(shape) > _MAX_RANK:
        return None
    flat = value if shape else [value]
    for size in shape[1:]:
        if set(map(type, flat)) != {list} or set(map(len, flat)) != {size}:
            return None
        flat = list(chain.from_iterable(flat))
    if kind.numpy is object:
        array = _strings(flat)
    elif kind.numpy is np.bool_:
        array = np.array(flat, np.bool_) if set(map(type, flat)) <= {bool} else None
    else:
        array = _floats(flat, kind) if kind.floating else _integers(flat, kind)
    return None if array is None else array.reshape(shape)


def _strings(flat: list[Any]) -> Array | None:
    array = np.empty(len(flat), object)
    try:
        array[:] = [value.encode() if type(value) is str else from_b64(value) for value in flat]
    except StatusError:
        return None
    return array


def _floats(flat: list[Any], kind: _Type) -> Array | None:
    types = set(map(type, flat))
    if not types <= {int, float}:
        return None
    try:
        array = np.array(flat, np.float64)
    except OverflowError:
        return None
    with np.errstate(over="ignore"):
        return np.asarray(array.astype(kind.numpy))


def _integers(flat: list[Any], kind: _Type) -> Array | None:
    if not set(map(type, flat)) <= {int}:
        return None
    low, high = kind.span
    try:
        array = np.array(flat, kind.wide)
    except OverflowError:
        return None
    if array.size and not (low <= int(array.min()) and int(array.max()) < high):
        return None
    return array.astype(kind.numpy)


def _value_by_value(value: Any, number: int) -> Array:
    """Read a tensor like TF-Serving's `FillTensorProto`."""
    shape, values = _shape(value), list[Any]()
    if len(shape) > _MAX_RANK:
        raise invalid(f"Tensors of more than {_MAX_RANK} dimensions are not supported")
    _fill(value, 0, shape, number, values)
    array = np.empty(len(values), object)
    array[:] = values
    kind = TYPES.get(number)
    if kind is not None and kind.numpy is not object:
        with np.errstate(over="ignore"):
            array = array.astype(kind.wide).astype(kind.numpy)
    return array.reshape(shape)


def _fill(value: Any, level: int, shape: list[int], number: int, values: list[Any]) -> None:
    rank = len(shape)
    if type(value) is not list:
        if level != rank:
            where = f"found at incorrect level: {level + 1} in the JSON DOM. Expected at level: {rank}"
            raise invalid(f"JSON Value: {shown(value)} {where}")
        values.append(_scalar(value, number))
        return
    if level >= rank:
        raise invalid(f"Encountered list at unexpected level: {level} expected < {rank}")
    if len(value) != shape[level]:
        words = f"Encountered list at unexpected size: {len(value)} at level: {level}"
        raise invalid(f"{words} expected size: {shape[level]}")
    for each in value:
        _fill(each, level + 1, shape, number, values)


def _scalar(value: Any, number: int) -> Any:
    kind = TYPES.get(number)
    if type(value) is dict:
        if kind is None or kind.numpy is not object:
            raise _type_error(value, number)
        return from_b64(value)
    if kind is None:
        words = f"Conversion of JSON Value: {shown(value)} to type: {type_name(number)}"
        raise StatusError(grpc.StatusCode.UNIMPLEMENTED, words)
    if kind.floating:
        return _float(value, number)
    if kind.numpy is object and isinstance(value, str):
        return value.encode()
    if kind.numpy is np.bool_ and isinstance(value, bool):
        return value
    low, high = kind.span
    if type(value) is not int or not low <= value < high:
        raise _type_error(value, number)
    return value


def _float(value: Any, number: int) -> float:
    if type(value) not in {int, float}:
        raise _type_error(value, number)
    try:
        return float(value)
    except OverflowError:
        raise invalid("JSON Parse error: Number too big to be stored in double.") from None


def json_type(value: Any) -> str:
    """Name a value's type like TF-Serving."""
    if isinstance(value, bool):
        return str(value)
    names: dict[type, str] = {type(None): "Null", dict: "Object", list: "Array", str: "String"}
    return names.get(type(value), "Number")


def type_name(number: int) -> str:
    """Name a `DataType` like TensorFlow."""
    return TYPES[number].name if number in TYPES else _OTHERS.get(number, f"unknown dtype enum ({number})")


def _type_error(value: Any, number: int) -> StatusError:
    words = f"JSON Value: {shown(value)} Type: {json_type(value)}"
    return invalid(f"{words} is not of expected type: {type_name(number)}")


def from_b64(value: Any) -> bytes:
    """Decode `{"b64": "…"}`; padding is optional, white space is skipped."""
    if not is_b64(value):
        raise invalid(f"JSON Value: {shown(value)} not formatted correctly for base64 data")
    text = "".join(value["b64"].split())
    bare = text.rstrip("=")
    missing = -len(bare) % 4
    if missing == 3 or len(text) - len(bare) not in {0, missing}:
        raise invalid("Unable to base64 decode")
    try:
        return binascii.a2b_base64(bare + "=" * missing, strict_mode=True)
    except ValueError:
        raise invalid("Unable to base64 decode") from None
