"""A REST server without a model, for tests: requests tell it what to do. Prints its port, then serves.

`rest_server.py [CERTIFICATE KEY]`: over TLS.
"""

import json
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._say(200, {"path": self.path})

    def do_POST(self) -> None:
        """`fail`: that HTTP status; `sleep`: that delay; `headers`: those sent; `timing`: that line; else an echo."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "fail" in request:
            self._say(request["fail"], {"error": f"failed on {self.path}"})
            return
        time.sleep(request.get("sleep", 0))
        answer = {name.lower(): value for name, value in self.headers.items()} if "headers" in request else request
        self._say(200, {**answer, "path": self.path}, request.get("timing", ""))

    def _say(self, status: int, answer: dict[str, object], timing: str = "") -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if timing:
            self.send_header("Server-Timing", timing)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the library
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True


def main() -> None:
    """Serve until killed."""
    server = Server(("127.0.0.1", 0), Handler)
    if len(sys.argv) > 1:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
