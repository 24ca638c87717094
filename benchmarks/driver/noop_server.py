"""A PredictionService that does nothing: `python -m benchmarks.driver.noop_server --port 8500` until interrupted."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from benchmarks.driver.job import PREDICT, before_all_others

KINDS = ("nghttpd", "frames", "grpc.aio")
"""`frames`: our own, whose responses have the `content-type` that k6 requires."""
_ANSWER_FRAME = b"\x00\x00\x00\x00\x00"
"""An empty PredictResponse in its gRPC frame."""
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class NoopServer:
    """A running server."""

    kind: str
    address: str
    pid: int


def leanest() -> str:
    """Return nghttpd (C++, Debian package nghttp2-server), or our own if it is not installed."""
    return KINDS[0] if shutil.which(KINDS[0]) else KINDS[1]


@contextmanager
def noop_server(kind: str, port: int = 0, cpu: int = -1, *, alone: bool = False) -> Iterator[NoopServer]:
    """Start a server on the loopback address, on any free port for 0, and stop it in the end."""
    port = port or _free_port()
    with TemporaryDirectory() as directory:
        process = subprocess.Popen(_command(kind, port, Path(directory)), cwd=_ROOT)
        try:
            if cpu >= 0:
                os.sched_setaffinity(process.pid, {cpu})
            if alone:
                before_all_others(process.pid)
            _wait_until_open(port, process)
            yield NoopServer(kind, f"127.0.0.1:{port}", process.pid)
        finally:
            process.terminate()
            process.wait()


def _command(kind: str, port: int, directory: Path) -> list[str]:
    """Return the server's command line; nghttpd serves a file as the response, and the status as a constant trailer."""
    if kind != "nghttpd":
        module = "noop_grpc" if kind == "grpc.aio" else "noop_frames"
        return [sys.executable, "-m", f"benchmarks.driver.{module}", str(port)]
    answer = directory / PREDICT.removeprefix("/")
    answer.parent.mkdir()
    answer.write_bytes(_ANSWER_FRAME)
    address = ("--address=127.0.0.1", f"--htdocs={directory}")
    return ["nghttpd", "--no-tls", *address, "--trailer=grpc-status: 0", str(port)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_open(port: int, process: subprocess.Popen[bytes], patience_s: float = 10.0) -> None:
    end_s = time.monotonic() + patience_s
    while time.monotonic() < end_s and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    msg = f"the no-op server did not open port {port}"
    raise click.ClickException(msg)


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), required=True)
@click.option("--kind", type=click.Choice(KINDS), default=None, help="Default: nghttpd where it is installed.")
def main(port: int, kind: str | None) -> None:
    """Answer Predict with an empty message until interrupted."""
    with noop_server(kind or leanest(), port) as server:
        print(f"{server.kind} at {server.address}", flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
