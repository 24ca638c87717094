"""An S3 server on loopback: prints its URL, and serves until it is killed. Its buckets are in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    """Connections stay open, as S3's do."""

    def log_request(self, *_: object) -> None:
        """Say nothing of each request."""


def main() -> None:
    served, lock = DomainDispatcherApplication(create_backend_app), threading.Lock()

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with lock:  # S3's conditional writes are atomic; moto checks and then writes, in a thread a connection
            return list(served(environ, start_response))

    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=_Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201 - read by the tests
    server.serve_forever()


if __name__ == "__main__":
    main()
