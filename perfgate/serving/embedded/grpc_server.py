"""The gRPC face of a served model: PredictionService, ModelService and health on one port."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from perfgate.serving.embedded import inference
from perfgate.serving.embedded.predict import ServedModel
from perfgate.serving.embedded.stages import StageTimes
from perfgate.serving.embedded.status import StatusError

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),  # as TF-Serving: a model's inputs are as large as they are
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),  # a port in use is an error, not a silent sharing
)

_Handler = Callable[[Any], Any]


def _answer(handler: _Handler, request: Any, context: grpc.ServicerContext) -> Any:
    try:
        return handler(request)
    except StatusError as error:
        context.abort(error.code, str(error))


def _answer_timed(handler: Callable[[Any], tuple[Any, StageTimes]], request: Any, context: grpc.ServicerContext) -> Any:
    """Answer with the stage times in trailing metadata; an error has none."""
    response, times = _answer(handler, request, context)
    context.set_trailing_metadata((("server-timing", times.server_timing()),))
    return response


class _PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):  # type: ignore[misc]
    def __init__(self, model: ServedModel) -> None:
        self._model = model

    def Predict(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the protocol's name
        return _answer_timed(self._model.predict, request, context)

    def Classify(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return _answer_timed(partial(inference.classify, self._model), request, context)

    def Regress(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return _answer_timed(partial(inference.regress, self._model), request, context)

    def MultiInference(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return _answer_timed(partial(inference.multi_inference, self._model), request, context)

    def GetModelMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return _answer(self._model.metadata, request, context)


class _ModelService(model_service_pb2_grpc.ModelServiceServicer):  # type: ignore[misc]
    def __init__(self, model: ServedModel) -> None:
        self._model = model

    def GetModelStatus(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return _answer(self._model.status, request, context)


def start(model: ServedModel, host: str, port: int, threads: int) -> tuple[grpc.Server, int]:
    """Serve on `host:port` (0: any free port) and return the server and its port; OSError when the port is taken."""
    server = grpc.server(ThreadPoolExecutor(threads, thread_name_prefix="rpc"), options=_OPTIONS)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_PredictionService(model), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(_ModelService(model), server)
    servicer = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        msg = f"cannot listen on {host}:{port}"
        raise OSError(msg) from error
    server.start()
    for service in ("", "tensorflow.serving.PredictionService", "tensorflow.serving.ModelService"):
        servicer.set(service, health_pb2.HealthCheckResponse.SERVING)
    return server, bound
