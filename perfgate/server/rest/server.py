"""The REST API on its own port: aiohttp in one thread, the models' work in others."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial

from aiohttp import web

from perfgate.server.listening import listen
from perfgate.server.predict import ServedModel
from perfgate.server.rest import api

MAX_BODY_BYTES = 256 << 20
"""Limit of a request, decompressed, as over gRPC."""
MAX_HELD_BYTES = 512 << 20
"""Limit of all requests that are being read or answered."""
LARGE_BYTES = 16 << 20
"""Larger bodies are answered one at a time: as Python values they take up to twenty times as much memory."""

_KEEPALIVE_S = 3600.0


def start(served: ServedModel, host: str, port: int, threads: int) -> int:
    """Serve on `host:port` (0: any free port) and return the port; OSError if it is taken."""
    listener = listen(host, port, " (REST)")  # from here on clients can connect, and wait for the loop
    server = _Server(served, listener, threads)
    threading.Thread(target=server.run, name="rest", daemon=True).start()
    return int(listener.getsockname()[1])


class _Server:
    def __init__(self, served: ServedModel, listener: socket.socket, threads: int) -> None:
        self._served, self._listener = served, listener
        self._held_bytes = 0
        self._large = asyncio.Lock()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="rest")

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        server = web.Server(self._handle, access_log=None, keepalive_timeout=_KEEPALIVE_S)
        await asyncio.get_running_loop().create_server(server, sock=self._listener)
        await asyncio.Event().wait()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        done = await self._answer(request)
        return web.Response(status=done.status, body=done.body, headers={**done.headers, "Content-Type": done.kind})

    async def _answer(self, request: web.BaseRequest) -> api.RestAnswer:
        if (request.content_length or 0) > MAX_BODY_BYTES:
            return _too_large()
        pieces: list[bytes] = []
        try:
            if refusal := await self._read(request, pieces):
                return refusal
            async with self._large if sum(map(len, pieces)) > LARGE_BYTES else nullcontext():
                work = partial(api.answer, self._served, request.method, request.rel_url.raw_path, b"".join(pieces))
                return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except (web.RequestPayloadError, ValueError) as error:
            return api.failure(400, f"Cannot read the request body: {error}")
        finally:
            self._held_bytes -= sum(map(len, pieces))

    async def _read(self, request: web.BaseRequest, pieces: list[bytes]) -> api.RestAnswer | None:
        """Read the decompressed body, or return why that failed."""
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        size = 0
        async for piece in request.content.iter_any():
            pieces.append(piece)
            size += len(piece)
            self._held_bytes += len(piece)
            if size > MAX_BODY_BYTES:
                return _too_large()
            if self._held_bytes > MAX_HELD_BYTES:
                return api.failure(429, "Too many bytes of requests at a time")
        return None


def _too_large() -> api.RestAnswer:
    return api.failure(413, f"The request body is larger than {MAX_BODY_BYTES >> 20} MiB")
