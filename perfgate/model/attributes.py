"""Attributes of an operation as text: what may change its work, without names, devices and hints."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

from perfgate.model.dtypes import name_of
from perfgate.model.messages import Proto

_LEFT_OUT = {
    "allowed_devices", "client_terminated", "config", "config_proto", "container", "debug_name", "executor_type",
    "frame_name", "recv_device", "send_device", "send_device_incarnation", "shared_name", "tensor_name", "value",
    "experimental_debug_info", "seed", "seed2",
}  # fmt: skip
_VARIABLES = {"VarHandleOp", "VariableV2", "Variable"}
_WITH_BITS = ("float", "bfloat", "int", "uint", "complex")
_MOST_ELEMENTS = 64
"""Up to this size the content of a constant that is not floating point is compared: axes, shapes, patterns."""
_KINDS_COMPARED = ("int", "uint", "bool", "string")
_NUMBERS = re.compile(r"\d+")
_BITS = re.compile(r"\d+$")

Shape: TypeAlias = tuple[int, ...] | None
"""-1 for an unknown dimension; None if the rank is unknown."""


@dataclass(frozen=True, slots=True)
class TensorFacts:
    """A constant or variable."""

    dtype: str
    shape: Shape
    size_bytes: int
    """0 if unknown."""
    is_variable: bool = False
    content: str = ""
    """Digest of a small constant that is not floating point; empty otherwise: weights of two versions differ."""


def attributes_of(node: Proto) -> tuple[tuple[str, str], ...]:
    """Return the attributes that may change a node's work, sorted by name."""
    kept = [each for each in node.attr.items() if each[0] not in _LEFT_OUT and each[0][:1] != "_"]
    return tuple(sorted([(name, _text(value)) for name, value in kept]))


def _text(value: Proto) -> str:
    kind = value.WhichOneof("choice")
    if kind is None:
        return ""
    return _list_text(value.list) if kind == "list" else _TEXTS.get(kind, str)(getattr(value, kind))


def _list_text(given: Proto) -> str:
    texts = (
        *(each.decode(errors="replace") for each in given.s),
        *map(str, (*given.i, *given.f, *given.b)),
        *map(name_of, given.type),
        *(shape_text(_shape(each)) for each in given.shape),
        *(_facts_text(_facts(each)) for each in given.tensor),
        *(function_name(each.name) for each in given.func),
    )
    return f"[{', '.join(texts)}]"


def function_name(name: str) -> str:
    """Return a function's name without the numbers that each export chooses anew."""
    return _NUMBERS.sub("", name).strip("_")


def shape_text(shape: Shape) -> str:
    """Write a shape as `[8, ?]`; `?` for one of unknown rank."""
    return "?" if shape is None else f"[{', '.join('?' if size < 0 else str(size) for size in shape)}]"


def _shape(shape: Proto) -> Shape:
    return None if shape.unknown_rank else tuple([dim.size for dim in shape.dim])  # a list is faster than a generator


def output_shapes(node: Proto) -> tuple[Shape, ...]:
    """Return the shapes of a node's outputs that the exporter wrote beside it (`as_graph_def(add_shapes=True)`)."""
    if "_output_shapes" in node.attr:
        return tuple(_shape(each) for each in node.attr["_output_shapes"].list.shape)
    return (_shape(node.attr["shape"].shape),) if "shape" in node.attr else ()


def _facts_text(facts: TensorFacts) -> str:
    return f"{facts.dtype}{shape_text(facts.shape)}{facts.content}"


def tensor_of(node: Proto) -> TensorFacts | None:
    """Describe a constant or a variable; None for other operations."""
    if node.op in _VARIABLES:
        dtype, shape = node.attr["dtype"].type, _shape(node.attr["shape"].shape)
        return TensorFacts(name_of(dtype), shape, _size_bytes(dtype, shape), is_variable=True)
    return _facts(node.attr["value"].tensor) if node.op == "Const" else None


def _facts(tensor: Proto) -> TensorFacts:
    shape = _shape(tensor.tensor_shape)
    dtype, count = name_of(tensor.dtype), prod(shape or ())
    size = sum(map(len, tensor.string_val)) if dtype == "string" else _size_bytes(tensor.dtype, shape)
    compared = count <= _MOST_ELEMENTS and dtype.startswith(_KINDS_COMPARED)
    return TensorFacts(dtype, shape, size, content=_digest(tensor) if compared else "")


def _digest(tensor: Proto) -> str:
    values = (tensor.tensor_content, *tensor.int_val, *tensor.int64_val, *tensor.bool_val, *tensor.string_val)
    return hashlib.sha256(repr((*values, *tensor.uint32_val, *tensor.uint64_val)).encode()).hexdigest()[:8]


def _size_bytes(dtype: int, shape: Shape) -> int:
    known = shape is not None and all(size >= 0 for size in shape)
    return prod(shape or ()) * bytes_of(name_of(dtype)) if known else 0


def bytes_of(dtype: str) -> int:
    """Return the size of one element; 0 for strings, and for types that only a handle stands for."""
    if dtype == "bool":
        return 1
    bits = _BITS.search(dtype)
    known = bits is not None and dtype[: bits.start()] in _WITH_BITS
    return max(1, int(bits[0]) // 8) if bits and known else 0


_TEXTS: dict[str, Callable[[Any], str]] = {
    "s": lambda text: str(text.decode(errors="replace")),
    "type": name_of,
    "shape": lambda shape: shape_text(_shape(shape)),
    "func": lambda function: function_name(function.name),
    "tensor": lambda tensor: _facts_text(_facts(tensor)),
}
"""By the kind of an attribute's value; the others are numbers and truth values."""
