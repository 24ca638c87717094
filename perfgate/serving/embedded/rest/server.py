"""The REST API on a port of its own: aiohttp in one thread, the models' work in others."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from aiohttp import web

from perfgate.serving.embedded.predict import ServedModel
from perfgate.serving.embedded.rest import api

MAX_BODY_BYTES = 64 << 20
"""Of a request, decompressed; as Python values a body takes up to twenty times as much. gRPC has no such bound."""


def start(served: ServedModel, host: str, port: int, threads: int) -> int:
    """Serve on `host:port` (0: any free port) and return the port; OSError when it is taken."""
    listener = _listen(host, port)
    started: threading.Event = threading.Event()
    server = _Server(served, listener, threads, started)
    threading.Thread(target=server.run, name="rest", daemon=True).start()
    started.wait()
    return int(listener.getsockname()[1])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise OSError(f"cannot listen on {host}:{port} (REST)") from error


class _Server:
    def __init__(self, served: ServedModel, listener: socket.socket, threads: int, started: threading.Event) -> None:
        self._served, self._listener, self._started = served, listener, started
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="rest")

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()

        def request_of(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
            return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY_BYTES)

        server = web.Server(self._handle, request_factory=request_of, access_log=None, keepalive_timeout=3600)
        await loop.create_server(server, sock=self._listener)
        self._started.set()
        await asyncio.Event().wait()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        done = await self._answer(request)
        return web.Response(status=done.status, body=done.body, headers={**done.headers, "Content-Type": done.kind})

    async def _answer(self, request: web.BaseRequest) -> api.Answer:
        try:
            if (request.content_length or 0) > MAX_BODY_BYTES:
                return _too_large()
            if request.headers.get("Expect", "").lower() == "100-continue":
                await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                request.writer.output_size = 0
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _too_large()
        except web.RequestPayloadError as error:
            return api.failure(400, f"Cannot read the request body: {error}")
        work = partial(api.answer, self._served, request.method, request.rel_url.raw_path, body)
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def _too_large() -> api.Answer:
    return api.failure(413, f"The request body is larger than {MAX_BODY_BYTES >> 20} MiB; gRPC takes larger ones")
