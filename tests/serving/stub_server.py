"""A server that answers TF-Serving's REST pages about one model, and starts quickly.

`stub_server.py PORT NAME [--state STATE] [--error TEXT] [--after SECONDS] [--child] [--stubborn] [--die EXIT_CODE]`
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

SIGNATURE_DEF = {
    "serving_default": {
        "inputs": {
            "x": {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}},
            "s": {"dtype": "DT_STRING", "tensor_shape": {"dim": [], "unknown_rank": True}, "name": "s:0"},
        },
        "outputs": {"y": {"dtype": "DT_INT64", "tensor_shape": {"dim": [{"size": "3"}], "unknown_rank": False}}},
        "method_name": "tensorflow/serving/predict",
    }
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("name")
    parser.add_argument("--state", default="AVAILABLE")
    parser.add_argument("--error", default="")
    parser.add_argument("--after", type=float, default=0.0)
    parser.add_argument("--child", action="store_true")
    parser.add_argument("--stubborn", action="store_true")
    parser.add_argument("--die", type=int)
    parser.add_argument("--version", default="1")
    return parser.parse_args()


def page(given: argparse.Namespace, path: str) -> tuple[int, dict[str, Any]]:
    model = f"/v1/models/{given.name}"
    if path == model:
        status = {"error_code": "OK" if not given.error else "NOT_FOUND", "error_message": given.error}
        return 200, {"model_version_status": [{"version": given.version, "state": given.state, "status": status}]}
    if path == f"{model}/metadata":
        spec = {"name": given.name, "signature_name": "", "version": given.version}
        return 200, {"model_spec": spec, "metadata": {"signature_def": {"signature_def": SIGNATURE_DEF}}}
    return 404, {"error": f"Could not find any versions of model {path.rpartition('/')[2]}"}


def main() -> None:
    given = arguments()
    sys.stdout.write(f"mode {os.environ['MODE']}\n" if "MODE" in os.environ else "")
    sys.stdout.flush()
    if given.die is not None:
        sys.stderr.write("first words\nValueError: the last words\n")
        raise SystemExit(given.die)
    if given.stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if given.child and not os.fork():
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
    time.sleep(given.after)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, said = page(given, self.path)
            body = json.dumps(said).encode()
            self.send_response(code)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    HTTPServer(("127.0.0.1", given.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
