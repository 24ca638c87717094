"""The same methods on `grpc.server`, the fallback where the server over nghttp2 does not work.

A request costs about twice as much (docs/explanation/serving.md, "Where ngh2 does not work"), and its waiting for a CPU
is known only for the thread that ran it: gRPC's own thread, which reads requests and wakes that one, cannot be
measured.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeAlias

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from perfgate.server.rpc.interface import Answer, Method, Status
from perfgate.server.rpc.limits import MAX_RPCS
from perfgate.server.status import BY_NUMBER
from perfgate.serving.run_delay import RunDelay

MAX_MESSAGE_BYTES = 256 << 20
"""As in `rpc/wire.py`, which cannot be imported here."""
_MAX_WORDS_BYTES = 2000
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),  # a port in use is an error, instead of being shared silently
)

_Runner: TypeAlias = Callable[[Method, int, bytes, grpc.ServicerContext], bytes]


class GrpcioServer:
    """Serves methods by their paths, with limited concurrency, and answers health checks."""

    def __init__(self, host: str, port: int, methods: Mapping[bytes, Method], at_once: int) -> None:
        """Listen on `host:port` (0: any free port); OSError if that fails."""
        self._delay, self._waited_ns = RunDelay(), 0
        pool = ThreadPoolExecutor(at_once, thread_name_prefix="rpc")
        self._server = grpc.server(pool, options=_OPTIONS, maximum_concurrent_rpcs=MAX_RPCS)
        self._health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._server.add_generic_rpc_handlers((_Methods(methods, self._run),))
        try:
            self._port = self._server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        except RuntimeError as error:
            raise OSError(f"cannot listen on {host}:{port}") from error
        for service in ("", *{path.decode().split("/")[1] for path in methods}):
            self._health.set(service, health_pb2.HealthCheckResponse.SERVING)

    @property
    def port(self) -> int:
        """The port."""
        return self._port

    def start(self) -> None:
        """Begin serving."""
        self._server.start()

    def stop(self) -> None:
        """Stop serving, without waiting for requests in progress."""
        self._server.stop(None)

    def take_waited_ns(self) -> int:
        """Return how long the last answer's thread waited for a CPU while it ran; once."""
        waited_ns, self._waited_ns = self._waited_ns, 0
        return waited_ns

    def _run(self, method: Method, arrived_ns: int, body: bytes, context: grpc.ServicerContext) -> bytes:
        begun = self._delay.begin()
        answer = _outcome(method, body)
        if answer.times is not None:
            times = answer.times.waited((begun.wall_ns - arrived_ns) / 1e6)
            context.set_trailing_metadata((("server-timing", times.server_timing()),))
        self._waited_ns = self._delay.since(begun)
        if answer.status:
            words = answer.words.encode()[:_MAX_WORDS_BYTES].decode(errors="ignore")
            context.abort(BY_NUMBER[answer.status], words)
        return answer.body


class _Methods(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic only in the stubs
    """Looks methods up; Python's first contact with a request, and so the instant of its arrival."""

    def __init__(self, methods: Mapping[bytes, Method], run: _Runner) -> None:
        self._methods, self._run = methods, run

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        """Return the handler of one request; None if there is no such method."""
        method = self._methods.get(handler_call_details.method.encode())
        if method is None:
            return None
        return grpc.unary_unary_rpc_method_handler(partial(self._run, method, time.perf_counter_ns()))


def _outcome(method: Method, body: bytes) -> Answer:
    try:
        return method(body)
    except MemoryError:
        return Answer(status=Status.RESOURCE_EXHAUSTED, words="Out of memory")
    except Exception as error:  # noqa: BLE001 - a bug in a method must not end the server
        traceback.print_exc(file=sys.stderr)
        return Answer(status=Status.INTERNAL, words=f"{type(error).__name__}: {error}")
