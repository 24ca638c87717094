"""A model's recorded warm-up requests, replayed while it loads, like TF-Serving's `saved_model_warmup_util.cc`.

`assets.extra/tf_serving_warmup_requests` is a TFRecord file of `PredictionLog`s. If one cannot be read or answered,
loading fails, as there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from perfgate.server import inference
from perfgate.server.predict import ServedModel
from perfgate.server.status import BY_NUMBER, StatusError, invalid
from perfgate.server.tensorflow_parts import errors, tf_record_iterator

REQUESTS_FILE = "assets.extra/tf_serving_warmup_requests"
MAX_RECORDS = 1000


def replay(served: ServedModel, model: Path) -> int:
    """Answer the recorded requests once each, and count them; StatusError, naming the request, if that fails."""
    file = model / REQUESTS_FILE
    if not file.exists():
        return 0
    count = 0
    try:
        for record in tf_record_iterator(str(file)):
            count += 1
            _answer(served, _parsed(record, file), f"warm-up request {count} of {file}")
            if count > MAX_RECORDS:
                raise invalid(f"Number of warmup records exceeds the maximum ({MAX_RECORDS}) at {file}")
    except errors.DataLossError as error:
        words = f"{error.message}. Please verify your warmup data is in TFRecord format."
        raise StatusError(grpc.StatusCode.DATA_LOSS, words) from error
    except errors.OpError as error:
        raise StatusError(BY_NUMBER[error.error_code], error.message) from error
    return count


def _parsed(record: bytes, file: Path) -> Any:
    try:
        return prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError as error:
        raise invalid(f"Failed to parse warmup record: {record[:40]!r} from {file}") from error


def _answer(served: ServedModel, log: Any, what: str) -> None:
    """Answer a request, whatever model it names; a record without a request does nothing."""
    kind = log.WhichOneof("log_type")
    if kind is None:
        return
    if kind not in _METHODS:
        raise StatusError(grpc.StatusCode.UNIMPLEMENTED, f"{what}: Unsupported log_type for warmup: {kind}")
    request = getattr(log, kind).request
    for one in request.tasks if kind == "multi_inference_log" else [request]:
        one.model_spec.name = served.name
        one.model_spec.ClearField("version")
        one.model_spec.ClearField("version_label")
    try:
        _METHODS[kind](served, request)
    except StatusError as error:
        raise StatusError(error.code, f"{what}: {error}") from error


_METHODS = {
    "predict_log": ServedModel.predict,
    "classify_log": inference.classify,
    "regress_log": inference.regress,
    "multi_inference_log": inference.multi_inference,
}
