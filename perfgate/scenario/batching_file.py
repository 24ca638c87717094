"""TF-Serving's batching file: `BatchingParameters` of its `session_bundle_config.proto` as text.

The file for `tensorflow_model_server --batching_parameters_file`. Missing settings have TF-Serving's defaults, which
are also those of `Batching`, except `num_batch_threads`: there it is the number of CPUs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pool, message_factory, text_format
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto
from pydantic import ValidationError

from perfgate.errors import UsageError
from perfgate.protocols.descriptors import field
from perfgate.scenario.schema import Batching, Server

_PACKAGE = "perfgate.batching"
_FIELDS = (  # name, kind, number
    ("max_batch_size", "Int64Value", 1),
    ("batch_timeout_micros", "Int64Value", 2),
    ("max_enqueued_batches", "Int64Value", 3),
    ("num_batch_threads", "Int64Value", 4),
    ("thread_pool_name", "StringValue", 5),
    ("allowed_batch_sizes", "int64", 6),
    ("pad_variable_length_inputs", "bool", 7),
    ("enable_large_batch_splitting", "BoolValue", 8),
    ("max_execution_batch_size", "Int64Value", 9),
)
_EXAMPLE = "for example: max_batch_size { value: 128 } batch_timeout_micros { value: 1000 }"


def _message_class() -> Any:  # noqa: ANN401 - made at run time
    wrappers = [
        DescriptorProto(name=name, field=[field(_PACKAGE, kind, "value", 1)])
        for name, kind in (("Int64Value", "int64"), ("StringValue", "string"), ("BoolValue", "bool"))
    ]
    fields = [
        field(_PACKAGE, kind, name, number, repeated=name == "allowed_batch_sizes") for name, kind, number in _FIELDS
    ]
    parameters = DescriptorProto(name="BatchingParameters", field=fields)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(
        FileDescriptorProto(
            name="perfgate/batching.proto", package=_PACKAGE, syntax="proto3", message_type=[*wrappers, parameters]
        )
    )
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.BatchingParameters"))


_PARAMETERS = _message_class()


def batching_of(server: Server) -> Batching | None:
    """Return a server's batching, read from its file if it names one; UsageError as in `read_batching_file`."""
    if server.batching_parameters_file is None:
        return server.batching
    return read_batching_file(Path(server.batching_parameters_file))


def read_batching_file(file: Path) -> Batching:
    """Read the file; UsageError, in one line, for an unreadable file, unknown fields and invalid values."""
    try:
        message = text_format.Parse(file.read_text(encoding="utf-8"), _PARAMETERS())
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror or error}", "check the path") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: not a text file", _EXAMPLE) from error
    except text_format.ParseError as error:
        raise UsageError(f"{file}: {_said(error)}", _EXAMPLE) from error
    try:
        return Batching.model_validate({"num_batch_threads": os.cpu_count() or 1, **_given(message)})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][:1])
        what = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{file}: {where + ': ' if where else ''}{what}", _EXAMPLE) from error


def batching_text(batching: Batching) -> str:
    """Write the file: all numbers, as TF-Serving's default of `num_batch_threads` is another, and what is not usual."""
    return "".join(_lines(batching))


def _lines(batching: Batching) -> Iterator[str]:
    usual = Batching().model_dump()
    values = batching.model_dump()
    for name, kind, _ in _FIELDS:
        value = values.get(name)
        if value is None or (kind != "Int64Value" and value == usual[name]):
            continue
        if name == "allowed_batch_sizes":
            yield from (f"{name}: {size}\n" for size in value)
        else:
            text = str(value).lower()
            yield f"{name}: {text}\n" if kind == "bool" else f"{name} {{ value: {text} }}\n"


def _given(message: Any) -> dict[str, Any]:  # noqa: ANN401 - made at run time
    """Collect the file's settings, without the name of the threads, which is only for TF-Serving's own statistics."""
    given: dict[str, Any] = {}
    for name, kind, _ in _FIELDS:
        value = getattr(message, name)
        if kind in {"Int64Value", "BoolValue"} and message.HasField(name):
            given[name] = value.value
        elif name == "allowed_batch_sizes":
            given[name] = tuple(value)
        elif kind == "bool":
            given[name] = value
    return given


def _said(error: text_format.ParseError) -> str:
    """Rephrase the parser's error without the name of a message that exists only in this module."""
    text = " ".join(str(error).split()).replace(f'Message type "{_PACKAGE}.BatchingParameters"', "BatchingParameters")
    place, line = error.GetLine(), f"line {error.GetLine()}"
    text = text.split(" : ", 1)[-1] if place else text
    return f"{line}: {text}" if place else text
