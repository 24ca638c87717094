"""One REST request to one response, as a plain function without sockets.

As in TF-Serving's `http_rest_api_handler.cc`; statuses follow the table in its `http_server.cc`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import json_format
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    regression_pb2,
)

from perfgate.server import inference
from perfgate.server.predict import DEFAULT_SIGNATURE, ServedModel
from perfgate.server.rest import decode, encode, examples, paths, text
from perfgate.server.rest.paths import Route
from perfgate.server.stages import StageTimes
from perfgate.server.status import StatusError, invalid

_HTTP = {
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.UNAUTHENTICATED: 401,
}
"""Others (UNKNOWN, INTERNAL, DATA_LOSS) are 500."""

_NO_SUCH_PAGE = (
    b"<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"  # libevent's
)


@dataclass(frozen=True, slots=True)
class RestAnswer:
    """An HTTP response."""

    status: int
    body: bytes
    kind: str = "application/json"
    """Content type."""
    headers: dict[str, str] = field(default_factory=dict)


def answer(served: ServedModel, method: str, path: str, body: bytes) -> RestAnswer:
    """Answer one request; every outcome is a response."""
    if not paths.is_ours(path):
        return RestAnswer(404, _NO_SUCH_PAGE, "text/html")
    try:
        route = paths.parse(method, path)
        return _HANDLERS[route.method](served, route, body)
    except StatusError as error:
        return failure(_HTTP.get(error.code, 500), str(error))
    except MemoryError:
        return failure(_HTTP[grpc.StatusCode.RESOURCE_EXHAUSTED], "out of memory")
    except Exception as error:  # noqa: BLE001 - a bug must not leave a client without a response
        return failure(500, f"{type(error).__name__}: {error}")


def failure(status: int, message: str) -> RestAnswer:
    """Return an error response."""
    return RestAnswer(status, text.dump({"error": message}))


def _timed(body: bytes, times: StageTimes) -> RestAnswer:
    return RestAnswer(200, body, headers={"server-timing": times.server_timing()})


def _signature_name(document: dict[str, Any]) -> str:
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        words = "not formatted correctly. 'signature_name' key must be a string value."
        raise invalid(f"JSON Value: {text.shown(document)} {words}")
    return name


def _predict(served: ServedModel, route: Route, body: bytes) -> RestAnswer:
    document = text.parse(body)
    key = _signature_name(document) or DEFAULT_SIGNATURE
    spec = model_pb2.ModelSpec()
    route.fill(spec)
    served.check_spec(spec)
    if key not in served.servable.signatures:
        raise invalid(f'Serving signature name: "{key}" not found in signature def')
    infos = served.servable.signatures[key].inputs
    if not infos:
        raise invalid(f"Failed to get input map for signature: {_signature_name(document) or 'DEFAULT'}")
    arrays, in_rows = decode.read_request(document, {name: infos[name].dtype for name in sorted(infos)})
    endpoint = served.servable.endpoint(key)
    if missing := [name for name in endpoint.inputs if name not in arrays]:
        raise invalid(f"input size does not match signature. Missing but required: {{{','.join(missing)}}}.")
    outputs, times = served.execute(endpoint, [arrays[name] for name in endpoint.inputs])
    executed_ns = time.perf_counter_ns()
    named = dict(zip(endpoint.outputs, outputs, strict=True))
    written = encode.write_rows(named) if in_rows else encode.write_columns(named)
    return _timed(written, times.encoded((time.perf_counter_ns() - executed_ns) / 1e6))


def _infer(request: Any, run: Callable[..., tuple[Any, StageTimes]], write: Callable[[Any], bytes]) -> Any:
    def handle(served: ServedModel, route: Route, body: bytes) -> RestAnswer:
        document, message = text.parse(body), request()
        route.fill(message.model_spec)
        message.model_spec.signature_name = _signature_name(document)
        examples.fill_input(document, message.input)
        response, times = run(served, message)
        executed_ns = time.perf_counter_ns()
        written = write(response.result)
        return _timed(written, times.encoded(times.encode_ms + (time.perf_counter_ns() - executed_ns) / 1e6))

    return handle


def _status(served: ServedModel, route: Route, _body: bytes) -> RestAnswer:
    request = get_model_status_pb2.GetModelStatusRequest()
    route.fill(request.model_spec)
    return RestAnswer(200, _json(served.status(request)).encode())


def _metadata(served: ServedModel, route: Route, _body: bytes) -> RestAnswer:
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    route.fill(request.model_spec)
    response = served.metadata(request)
    definitions = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(definitions)
    spec, signatures = _json(response.model_spec), _json(definitions)
    return RestAnswer(200, f'{{\n"model_spec":{spec},\n"metadata": {{"signature_def": {signatures}}}\n}}\n'.encode())


def _json(message: Any) -> str:
    written: str = json_format.MessageToJson(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True, indent=1
    )
    return written


_HANDLERS: dict[str, Callable[[ServedModel, Route, bytes], RestAnswer]] = {
    "predict": _predict,
    "classify": _infer(classification_pb2.ClassificationRequest, inference.classify, examples.write_classifications),
    "regress": _infer(regression_pb2.RegressionRequest, inference.regress, examples.write_regressions),
    "status": _status,
    "metadata": _metadata,
}
