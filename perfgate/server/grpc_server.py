"""The gRPC API of a served model: PredictionService, ModelService and health on one port."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    predict_pb2,
    regression_pb2,
)

from perfgate.server import inference, rpc_check
from perfgate.server.listening import listen
from perfgate.server.predict import ServedModel
from perfgate.server.rpc.interface import Answer, Method, Status
from perfgate.server.status import StatusError

with suppress(Exception):  # `start` reports why, and serves without it
    import perfgate.server.rpc.server  # noqa: F401 - imported once, for all servers forked from this process

_PREDICTION, _MODEL = "tensorflow.serving.PredictionService", "tensorflow.serving.ModelService"
_HEALTH = "grpc.health.v1.Health"
_SERVING = health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING).SerializeToString()
_UNKNOWN = health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVICE_UNKNOWN).SerializeToString()
_NOT_FOUND = 5


class GrpcServer(Protocol):
    """A running server, of either kind."""

    @property
    def port(self) -> int:
        """The port."""

    def take_waited_ns(self) -> int:
        """Return how long the last answer waited for a CPU; once."""

    def stop(self) -> None:
        """Stop serving."""


def _method(message: Any, handler: Callable[[Any], Any]) -> Method:
    """Make a method of a handler that answers messages, and turn StatusErrors into its errors."""
    parse = message.FromString

    def method(body: bytes) -> Answer:
        try:
            request = parse(body)
        except DecodeError:
            return Answer(status=Status.INTERNAL, words=f"The request is no {message.DESCRIPTOR.full_name}")
        try:
            answered = handler(request)
        except StatusError as error:
            return Answer(status=error.code.value[0], words=str(error))
        response, times = answered if isinstance(answered, tuple) else (answered, None)
        return Answer(response.SerializeToString(), times=times)

    return method


def _health(*, watch: bool) -> Method:
    services = {"", _PREDICTION, _MODEL}

    def method(body: bytes) -> Answer:
        try:
            service = health_pb2.HealthCheckRequest.FromString(body).service
        except DecodeError:
            return Answer(status=Status.INTERNAL, words="The request is no HealthCheckRequest")
        if service not in services and not watch:
            return Answer(status=_NOT_FOUND)
        return Answer(_SERVING if service in services else _UNKNOWN, stays_open=watch)

    return method


def methods(model: ServedModel) -> dict[bytes, Method]:
    """Return the model's methods by their paths; all others are UNIMPLEMENTED."""
    handled: dict[str, tuple[Any, Callable[[Any], Any]]] = {
        f"{_PREDICTION}/Predict": (predict_pb2.PredictRequest, model.predict),
        f"{_PREDICTION}/Classify": (classification_pb2.ClassificationRequest, partial(inference.classify, model)),
        f"{_PREDICTION}/Regress": (regression_pb2.RegressionRequest, partial(inference.regress, model)),
        f"{_PREDICTION}/MultiInference": (
            inference_pb2.MultiInferenceRequest,
            partial(inference.multi_inference, model),
        ),
        f"{_PREDICTION}/GetModelMetadata": (get_model_metadata_pb2.GetModelMetadataRequest, model.metadata),
        f"{_MODEL}/GetModelStatus": (get_model_status_pb2.GetModelStatusRequest, model.status),
    }
    return {f"/{path}".encode(): _method(*each) for path, each in handled.items()}


def _health_methods() -> dict[bytes, Method]:
    return {f"/{_HEALTH}/{name}".encode(): _health(watch=name == "Watch") for name in ("Check", "Watch")}


def start(model: ServedModel, host: str, port: int, at_once: int) -> tuple[GrpcServer, str]:
    """Serve on `host:port` (0: any free port), so many requests at a time; OSError when the port is taken.

    Returns the server, and in one line why it is `grpc.server`; empty if it is the one over nghttp2.
    """
    problem = rpc_check.why_not()
    if problem:
        from perfgate.server import grpcio_server  # noqa: PLC0415 - only where it is needed

        sys.stderr.write(f"ngh2 does not work, serving with grpc.server: {problem}\n")
        substitute = grpcio_server.GrpcioServer(host, port, methods(model), at_once)
        substitute.start()
        return substitute, problem
    from perfgate.server.rpc.server import RpcServer  # noqa: PLC0415 - only where it works

    server = RpcServer(listen(host, port), methods(model) | _health_methods(), at_once)
    server.start()
    return server, ""
