"""Requests from a JSON file, each in the form of TF-Serving's REST API.

Forms: https://www.tensorflow.org/tfx/serving/api_rest; conversions to types follow `json_tensor.cc` there.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from perfgate.errors import UsageError
from perfgate.model.interface import Model, Signature
from perfgate.model.tensors import Array
from perfgate.payload.json_values import NotFittingError, array_of, example_of, is_base64
from perfgate.payload.requests import (
    METHOD_OF,
    check_names,
    example_signature,
    examples_call,
    predict_call,
    predict_signature,
    prefixed_errors,
)
from perfgate.scenario.schema import Payload
from perfgate.trials import Call, Method

_Stream: TypeAlias = BinaryIO | gzip.GzipFile
_LARGEST_TEXT_BYTES = 1 << 30
_GZIP_MAGIC = b"\x1f\x8b"
_FORMS = 'a request is {"instances": [...]} or {"inputs": ...}, for classify and regress {"examples": [...]}'


def json_calls(file: Path, model: Model, spec: Payload, model_name: str) -> Iterator[Call]:
    """Read the first `spec.distinct` requests: one object, an array of objects, or one object a line; optionally gzip.

    UsageError, naming file and request, for invalid JSON, or a request that does not fit the signature.
    """
    method = METHOD_OF[spec.method]
    for where, request in islice(_requests(file), spec.distinct):
        if not isinstance(request, dict):
            raise UsageError(f"{where} is not an object", _FORMS)
        key = request.get("signature_name", spec.signature)
        if not isinstance(key, str):
            raise UsageError(f"{where}: signature_name is not a string", _FORMS)
        with prefixed_errors(where):
            predict = predict_signature(model, key) if method is Method.PREDICT else None
            signature = predict or example_signature(model, key, method)
        try:
            if predict:
                call = predict_call(predict, _arrays(request, predict, where), model_name, where)
            else:
                call = _of_examples(request, method, signature, model_name, where)
        except NotFittingError as error:
            raise UsageError(f"{where}: {error}", "`perfgate inspect` shows the inputs") from error
        yield call


def _requests(file: Path) -> Iterator[tuple[str, Any]]:
    """Return each request with its location; of many lines, only the requested number is read."""
    try:
        with _opened(file) as stream:
            number, line = _first_line(stream, file)
            try:
                found = json.loads(line.decode())
            except (ValueError, RecursionError):
                found = None
            if isinstance(found, dict):
                yield f"{file}: line {number}", found
                yield from _lines(stream, number + 1, file)
                return
            rest = stream.read(_LARGEST_TEXT_BYTES + 1)
            if found is None or rest.strip():  # a document of several lines
                found = _parsed(_bounded(b"\n" * (number - 1) + line + rest, str(file)), str(file))
            yield from _of_document(found, file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UsageError(f"{file}: its gzip data is truncated or damaged", "compress the file again") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}", "check the path") from error


def _opened(file: Path) -> _Stream:
    with file.open("rb") as stream:
        compressed = stream.read(2) == _GZIP_MAGIC  # which is not the beginning of JSON
    return gzip.open(file) if compressed else file.open("rb")


def _first_line(stream: _Stream, file: Path) -> tuple[int, bytes]:
    for number in range(1, _LARGEST_TEXT_BYTES):
        line = _bounded(stream.readline(_LARGEST_TEXT_BYTES + 1), f"{file}: line {number}")
        if not line:
            raise UsageError(f"{file} is empty: it contains no requests", _FORMS)
        if line.strip():
            return number, line
    raise UsageError(f"{file} is empty: it contains no requests", _FORMS)


def _lines(stream: _Stream, number: int, file: Path) -> Iterator[tuple[str, Any]]:
    while line := stream.readline(_LARGEST_TEXT_BYTES + 1):
        where = f"{file}: line {number}"
        if line.strip():
            yield where, _parsed(_bounded(line, where), where)
        number += 1


def _of_document(document: Any, file: Path) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any JSON
    if not isinstance(document, list):
        yield str(file), document
        return
    if not document:
        raise UsageError(f"{file} is empty: it contains no requests", _FORMS)
    for number, request in enumerate(document, start=1):
        yield f"{file}: request {number}", request


def _bounded(text: bytes, where: str) -> bytes:
    if len(text) > _LARGEST_TEXT_BYTES:
        raise UsageError(f"{where} is longer than 1 GiB", "write one request per line")
    return text


def _parsed(text: bytes, where: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(text.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}" if b"\n" in text.strip() else f"column {error.colno}"
        raise UsageError(f"{where}: invalid JSON at {place}: {error.msg}", _FORMS) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{where}: not UTF-8 at byte {error.start}", 'write bytes as {"b64": "..."}') from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: invalid JSON: {error}", _FORMS) from error


def _arrays(request: dict[str, Any], signature: Signature, where: str) -> dict[str, Array]:
    if ("instances" in request) == ("inputs" in request):
        given = "both instances and inputs" if "inputs" in request else "neither instances nor inputs"
        raise UsageError(f"{where} has {given}", _FORMS)
    values = (
        _by_row(request["instances"], signature, where)
        if "instances" in request
        else _by_column(request["inputs"], signature, where)
    )
    check_names(values, signature, where)
    return {tensor.name: array_of(values[tensor.name], tensor) for tensor in signature.inputs}


def _by_row(rows: Any, signature: Signature, where: str) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    if not isinstance(rows, list) or not rows:
        raise UsageError(f"{where}: instances is not an array of rows", _FORMS)
    if not _is_named(rows[0]):
        return {_only(signature, where, "instances"): rows}
    names = list(rows[0])
    for number, row in enumerate(rows, start=1):
        if not _is_named(row):
            raise UsageError(f"{where}: row {number} is not an object, but row 1 is", _FORMS)
        check_names(row, signature, f"{where}: row {number}")
    return {name: [row[name] for row in rows] for name in names}


def _by_column(columns: Any, signature: Signature, where: str) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return columns if _is_named(columns) else {_only(signature, where, "inputs"): columns}


def _is_named(value: Any) -> bool:  # noqa: ANN401 - any JSON
    return isinstance(value, dict) and not is_base64(value)


def _only(signature: Signature, where: str, key: str) -> str:
    if len(signature.inputs) != 1:
        names = ", ".join(tensor.name for tensor in signature.inputs)
        raise UsageError(f"{where}: {key} has no input names, but signature {signature.key} takes {names}", _FORMS)
    return signature.inputs[0].name


def _of_examples(request: dict[str, Any], method: Method, signature: Signature, model_name: str, where: str) -> Call:
    rows = request.get("examples")
    if not isinstance(rows, list) or not rows:
        raise UsageError(f"{where} has no examples", _FORMS)
    examples = []
    for number, row in enumerate(rows, start=1):
        try:
            examples.append(example_of(row))
        except NotFittingError as error:
            raise NotFittingError(f"example {number}: {error}") from error
    context = example_of(request["context"]) if "context" in request else None
    return examples_call(method, signature.key, examples, context, model_name, where)
