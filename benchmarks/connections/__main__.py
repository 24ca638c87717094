"""`python -m benchmarks.connections`: the client's cost of a request, by perfgate's connections and by libraries."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any
from unittest.mock import patch

import click

from benchmarks.connections.answers import PROTOCOLS, SIZES, frame, grpc_answer, rest_answer
from benchmarks.connections.own_http1 import OwnHttp1Connection
from benchmarks.connections.with_ngh2 import Ngh2Connection
from perfgate.loadgen import transports
from perfgate.loadgen.connection import Outcomes, Request
from perfgate.loadgen.engine import Engine, GrpcDriver, RestDriver
from perfgate.loadgen.http1 import Http1Connection
from perfgate.loadgen.http2 import Http2Connection
from perfgate.loadgen.interface import ClosedLoop
from perfgate.loadgen.wire import Remote
from perfgate.trials import Call

_PIECE_BYTES = 64 << 10
_REQUEST = Request("/tensorflow.serving.PredictionService/Predict", b"\0\0\0\0\0")
_HEAD = "| response | own CPU µs/request | library | own requests/s | requests/s, library / own | CPU, library / own |"
_CALL = Call(b'{"instances": [[1.0]]}')


def makers(protocol: str) -> tuple[type[Any], type[Any]]:
    """Return our own connection and the library's."""
    if protocol == "rest":
        return OwnHttp1Connection, Http1Connection
    return Http2Connection, Ngh2Connection


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of one request."""

    wall_us: float
    cpu_us: float


@contextmanager
def serving(protocol: str, size: int, cpu: int | None) -> Iterator[str]:
    """Serve answers of one size on one CPU; yield the address."""
    command = [sys.executable, "-m", "benchmarks.connections.answers", protocol, str(size)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            if cpu is not None:
                os.sched_setaffinity(process.pid, {cpu})
            port = process.stdout.readline().strip() if process.stdout else ""
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()


def _timed(work: Callable[[], int]) -> Cost:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    count = work()
    return Cost((time.perf_counter() - wall_s) / count * 1e6, (time.process_time() - cpu_s) / count * 1e6)


class _Nowhere:
    """A substitute for a socket."""

    open, unsent = True, b""

    def send(self, pieces: Sequence[bytes]) -> None:
        """Discard the bytes."""

    def close(self) -> None:
        """Do nothing."""


def parsing(protocol: str, make: type[Any], address: str, size: int, seconds: float) -> Cost:
    """Write requests without sending them, and read responses as they would come from the socket."""
    outcomes = Outcomes()
    connection = make(Remote(address), outcomes, [])
    connection.wire.close()
    connection.wire = _Nowhere()
    pieces = _pieces(rest_answer(size))

    def work() -> int:
        number, end_s = 0, time.perf_counter() + seconds
        while number % 16 or time.perf_counter() < end_s:
            connection.send(number, _REQUEST)
            connection.flush()
            for piece in pieces if protocol == "rest" else _pieces(grpc_answer(size, 1 + 2 * number)):
                connection._understand(piece)  # noqa: SLF001 - the part that is measured
            number += 1
        return number

    if protocol == "grpc":
        connection._understand(frame(4, 0, 0, b""))  # noqa: SLF001 - the server's settings come first
    found = _timed(work)
    if outcomes.others or not outcomes.good:
        raise SystemExit(f"{make.__name__}: {outcomes.others[:1]}")
    return found


def _pieces(data: bytes) -> list[bytes]:
    return [data[at : at + _PIECE_BYTES] for at in range(0, len(data), _PIECE_BYTES)]


def driving(protocol: str, make: type[Any], address: str, in_flight: int, seconds: float) -> Cost:
    """Drive the engine against a server on another CPU."""
    name = "Http1Connection" if protocol == "rest" else "Http2Connection"
    with patch.object(transports, name, make):
        driver: Engine = RestDriver(address, connections=in_flight) if protocol == "rest" else GrpcDriver(address)
        with driver:

            def work() -> int:
                done = driver.drive((_CALL,), ClosedLoop(in_flight, duration_s=seconds))
                if done.status.any():
                    raise SystemExit(f"{make.__name__}: status {set(done.status.tolist())}")
                return int(done.status.size)

            driver.drive((_CALL,), ClosedLoop(in_flight, requests=50))
            return _timed(work)


def _row(what: str, rounds: Sequence[tuple[Cost, Cost]]) -> str:
    ours, theirs = zip(*rounds, strict=True)
    cells = [what, *(f"{median(each.cpu_us for each in side):.1f}" for side in (ours, theirs))]
    cells.append(_spread([1e6 / each.wall_us for each in ours], "{:,.0f}"))
    cells.append(_spread([a.wall_us / b.wall_us for a, b in rounds]))
    cells.append(_spread([b.cpu_us / a.cpu_us for a, b in rounds]))
    return f"| {' | '.join(cells)} |"


def _spread(values: Sequence[float], form: str = "{:.2f}") -> str:
    middle, low, high = (form.format(each) for each in (median(values), min(values), max(values)))
    return f"{middle} [{low} to {high}]"


@click.command()
@click.option("--protocol", type=click.Choice(PROTOCOLS), multiple=True, help="Repeatable.  [default: both]")
@click.option("--rounds", type=click.IntRange(1), default=9, show_default=True)
@click.option("--seconds", type=click.FloatRange(0.05), default=0.5, show_default=True, help="Per side and round.")
def main(protocol: tuple[str, ...], rounds: int, seconds: float) -> None:
    """Measure both sides in turn; prints the library's requests/s and CPU time relative to ours, medians and ranges."""
    cpus = sorted(os.sched_getaffinity(0))
    server_cpu = cpus[-1] if len(cpus) > 1 else None
    os.sched_setaffinity(0, cpus[:1])
    for name in protocol or PROTOCOLS:
        ours, theirs = makers(name)
        print(f"\n{ours.__name__} and {theirs.__name__}, {rounds} rounds; load average {os.getloadavg()[0]:.1f}\n")
        print(_HEAD)
        print("|---|--:|--:|--:|--:|--:|")
        for size in SIZES:
            with serving(name, size, server_cpu) as address:
                for what, measure in _cases(name, address, size, seconds).items():
                    row = _row(f"{size:,} bytes, {what}", [(measure(ours), measure(theirs)) for _ in range(rounds)])
                    print(row, flush=True)


def _cases(protocol: str, address: str, size: int, seconds: float) -> dict[str, Callable[[type[Any]], Cost]]:
    return {
        "without sockets": lambda make: parsing(protocol, make, address, size, seconds),
        "1 in flight": lambda make: driving(protocol, make, address, 1, seconds),
        "8 in flight": lambda make: driving(protocol, make, address, 8, seconds),
    }


if __name__ == "__main__":
    main()
