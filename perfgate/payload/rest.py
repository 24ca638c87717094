"""The same requests as JSON bodies, for TF-Serving's REST API (https://www.tensorflow.org/tfx/serving/api_rest)."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from perfgate.errors import UsageError
from perfgate.model.dtypes import name_of
from perfgate.model.messages import ClassificationRequest, PredictRequest, Proto, RegressionRequest
from perfgate.model.tensors import Array, decode
from perfgate.payload.interface import RecordedPayload
from perfgate.payload.record import payload_digest
from perfgate.trials import Call, Method

_TYPES = {"float32", "float64", "int8", "uint8", "int16", "int32", "uint32", "int64", "uint64", "bool", "string"}
"""Types that TF-Serving's `json_tensor.cc` reads."""
_EXAMPLES = {Method.CLASSIFY: ClassificationRequest, Method.REGRESS: RegressionRequest}
_AT_A_TIME = 1 << 20
"""Floats that are written at a time; each needs 128 bytes in between."""
_WORDS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def rest_form(payload: RecordedPayload, *, by_rows: bool = True) -> RecordedPayload:
    """Write each request's body as JSON: by rows if its inputs share their first dimension, else by columns.

    `by_rows` False: always by columns, for a model whose outputs are not one a row.

    Strings that are not UTF-8, and those of inputs and features named `…_bytes`, become `{"b64": …}`; an output filter,
    which REST does not have, is omitted. The digest is that of these bodies. UsageError for what REST cannot express.
    """
    calls = tuple(replace(call, body=_body(call, by_rows=by_rows)) for call in payload.calls)
    return replace(payload, calls=calls, digest=payload_digest(calls, payload.order))


def _body(call: Call, *, by_rows: bool) -> bytes:
    if call.method is Method.PREDICT:
        return _predict(PredictRequest.FromString(call.body), by_rows=by_rows).encode()
    if call.method in _EXAMPLES:
        return _examples(_EXAMPLES[call.method].FromString(call.body)).encode()
    raise UsageError(f"{call.method} cannot be sent over REST", 'set target.protocol = "grpc"')


def _predict(request: Proto, *, by_rows: bool) -> str:
    names = sorted(request.inputs)
    for name in names:
        if (dtype := name_of(request.inputs[name].dtype)) not in _TYPES:
            raise UsageError(f"input {name} is {dtype}, which REST cannot represent", 'set target.protocol = "grpc"')
    arrays = {name: decode(request.inputs[name]) for name in names}
    lengths = {array.shape[:1] for array in arrays.values()}
    head = f'{{"signature_name": {json.dumps(request.model_spec.signature_name)}, '
    if (
        not by_rows or len(lengths) != 1 or not lengths.pop() > (0,)
    ):  # scalars have (), and TF-Serving rejects empty `instances`
        columns = {name: _nested(array, name, ())[0] for name, array in arrays.items()}
        if len(columns) == 1:  # a single input needs no name, which might be misread, as `b64` would be
            return f'{head}"inputs": {columns[names[0]]}}}'
        return f'{head}"inputs": {{{", ".join(f"{json.dumps(name)}: {text}" for name, text in columns.items())}}}}}'
    rows = [_nested(array, name, array.shape[:1]) for name, array in arrays.items()]
    if len(names) > 1:
        keys = [json.dumps(name) for name in names]
        merged = (
            f"{{{', '.join(f'{key}: {value}' for key, value in zip(keys, row, strict=True))}}}"
            for row in zip(*rows, strict=True)
        )
        return f'{head}"instances": [{", ".join(merged)}]}}'
    return f'{head}"instances": [{", ".join(rows[0])}]}}'


def _nested(array: Array, name: str, outer: tuple[int, ...]) -> list[str]:
    """Write the lists that an array holds below its `outer` dimensions, one after the other."""
    texts = _texts(array, name)
    for axis in range(array.ndim - 1, len(outer) - 1, -1):
        size, lists = array.shape[axis], math.prod(array.shape[:axis])
        texts = [f"[{', '.join(texts[index * size : (index + 1) * size])}]" for index in range(lists)]
    return texts


def _texts(array: Array, name: str) -> list[str]:
    """Write each number with as few digits as restore it, floats with a point or an exponent."""
    flat = array.ravel()
    if array.dtype.kind == "O":
        return [_string(value, name) for value in flat.tolist()]
    if array.dtype.kind == "b":
        return ["true" if value else "false" for value in flat.tolist()]
    if array.dtype.kind in "iu":
        return list(map(str, flat.tolist()))
    parts = np.array_split(flat, range(_AT_A_TIME, len(flat), _AT_A_TIME))
    texts = list(chain.from_iterable(part.astype("U32").tolist() for part in parts))
    return texts if np.isfinite(flat).all() else [_WORDS.get(text, text) for text in texts]


def _string(value: bytes, name: str) -> str:
    if not name.endswith("_bytes"):
        try:
            return json.dumps(value.decode(), ensure_ascii=False)
        except UnicodeDecodeError:
            pass
    return f'{{"b64": "{base64.b64encode(value).decode()}"}}'


def _examples(request: Proto) -> str:
    given = getattr(request.input, request.input.WhichOneof("choice"))
    parts = [f'"signature_name": {json.dumps(request.model_spec.signature_name)}']
    if request.input.WhichOneof("choice") == "example_list_with_context":
        parts.append(f'"context": {_example(given.context)}')
    parts.append(f'"examples": [{", ".join(map(_example, given.examples))}]')
    return f"{{{', '.join(parts)}}}"


def _example(example: Proto) -> str:
    features = example.features.feature
    return f"{{{', '.join(f'{json.dumps(name)}: {_feature(features[name], name)}' for name in sorted(features))}}}"


def _feature(feature: Proto, name: str) -> str:
    kind = feature.WhichOneof("choice")
    if kind is None:
        return "[]"
    values: Sequence[bytes] | Sequence[float] = getattr(feature, kind).value
    return f"[{', '.join(_feature_texts(kind, values, name))}]"


def _feature_texts(kind: str, values: Iterable[bytes] | Iterable[float], name: str) -> list[str]:
    dtype = {"bytes_list": object, "float_list": np.float32, "int64_list": np.int64}[kind]
    return _texts(np.array(list(values), dtype), name)
