"""Locust's documented use with gRPC: grpcio under gevent, and an interceptor that reports each request.

https://docs.locust.io/en/stable/testing-other-systems.html#grpc
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import grpc
import grpc.experimental.gevent
from locust import User, task

grpc.experimental.gevent.init_gevent()
_MESSAGE = Path(os.environ["PAYLOAD"]).read_bytes() if os.environ.get("PAYLOAD") else b""


class Interceptor(grpc.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]
    """Reports each request's outcome to Locust."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        """Time one call."""
        response, error, size, began_s = None, None, 0, time.perf_counter()
        try:
            response = continuation(details, request)
            size = len(response.result())
        except grpc.RpcError as raised:
            error = raised
        self._environment.events.request.fire(
            request_type="grpc",
            name=details.method,
            response_time=(time.perf_counter() - began_s) * 1000,
            response_length=size,
            response=None,
            context=None,
            exception=error,
        )
        return response


class GrpcUser(User):  # type: ignore[misc]
    """One user, one channel, one request at a time."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        channel = grpc.intercept_channel(grpc.insecure_channel(self.host), Interceptor(environment))
        self._predict = channel.unary_unary("/tensorflow.serving.PredictionService/Predict", None, None)

    @task  # type: ignore[untyped-decorator]
    def ask(self) -> None:
        """Send one request."""
        self._predict(_MESSAGE)
