"""`python -m benchmarks.driver`: requests/s and CPU time per request of perfgate's load engine and other clients."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import psutil
from rich.console import Console

from benchmarks.driver import foreign
from benchmarks.driver.job import Job
from benchmarks.driver.noop_server import KINDS, leanest, noop_server
from benchmarks.driver.report import document, markdown, notes, table
from benchmarks.driver.rounds import OURS, Load, in_a_process, run_rounds

CLIENTS = ("grpc.aio", "k6", "locust", "h2load")
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@click.command()
@click.option("--target", metavar="HOST:PORT", help="A PredictionService.")
@click.option("--serve-noop", is_flag=True, help="Start a no-op server as the target.")
@click.option("--noop", "noop_kind", type=click.Choice(KINDS), help="Its kind; default: the leanest one installed.")
@click.option("--seconds", type=click.FloatRange(min=0.1), default=4.0, show_default=True, help="Per client and load.")
@click.option(
    "--rounds", type=click.IntRange(1), default=4, show_default=True, help="The seconds are divided among them."
)
@click.option("--in-flight", type=click.IntRange(1), multiple=True, help="Closed loop; repeatable.  [default: 8]")
@click.option("--rate", type=click.FloatRange(min=0.1), multiple=True, help="Poisson arrivals per second; repeatable.")
@click.option("--payload", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Serialised request.")
@click.option(
    "--versus", type=click.Choice([*CLIENTS, "all"]), multiple=True, help="Other clients, in turn; repeatable."
)
@click.option("--pin", is_flag=True, help="Clients on the last CPU, a no-op server on the first.")
@click.option("--alone", is_flag=True, help="Clients and no-op server run before all other processes; needs root.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.option("--markdown", "as_markdown", is_flag=True, help="The tables of docs/explanation/benchmarks.md.")
def main(as_json: bool, as_markdown: bool, **options: Any) -> None:  # noqa: ANN401, FBT001 - click's way of passing options
    """Measure perfgate's load engine against any PredictionService.

    Without --payload the request is an empty message, which a real server answers with INVALID_ARGUMENT: such responses
    are counted and timed too, and reported as errors.
    """
    loads, facts = _measure(**options)
    if as_json:
        print(json.dumps(document(loads, facts), indent=2))
        return
    if as_markdown:
        print(markdown(loads))
        return
    console = Console(width=None if Console().is_terminal else 140)
    console.print(table(loads, f"{facts['server']} at {facts['target']}, {facts['payload_bytes']} bytes per request"))
    for note in notes(loads):
        console.print(f"- {note}", highlight=False)


def _measure(  # noqa: PLR0913 - one for each command-line option
    *,
    target: str | None,
    serve_noop: bool,
    noop_kind: str | None,
    seconds: float,
    rounds: int,
    in_flight: tuple[int, ...],
    rate: tuple[float, ...],
    payload: Path | None,
    versus: tuple[str, ...],
    pin: bool,
    alone: bool,
) -> tuple[list[Load], dict[str, Any]]:
    if alone and os.geteuid() != 0:
        raise click.UsageError("--alone needs root")
    client_cpu, server_cpu = _pins() if pin else (-1, -1)
    with _served(target, serve_noop=serve_noop, kind=noop_kind, cpu=server_cpu, alone=alone) as (kind, address, pid):
        path = str(payload.resolve()) if payload else ""
        job = Job("perfgate", address, seconds, payload=path, server_pid=pid, cpu=client_cpu, alone=alone)
        clients = [OURS, *_present(versus, job)]
        closed = in_flight or (() if rate else (8,))
        loads = [run_rounds(replace(job, in_flight=n), clients, rounds, in_a_process) for n in closed]
        loads += [run_rounds(replace(job, rate_rps=r), (OURS,), rounds, in_a_process) for r in rate]
    size = payload.stat().st_size if payload else 0
    return loads, {**_facts(), "server": kind, "target": address, "payload_bytes": size, "pinned": pin, "alone": alone}


def _present(versus: tuple[str, ...], job: Job) -> list[str]:
    """Return the clients to compare with, and report missing ones."""
    chosen = CLIENTS if "all" in versus else tuple(dict.fromkeys(versus))
    why = {client: foreign.missing(client, job) for client in chosen}
    for reason in filter(None, why.values()):
        print(reason, file=sys.stderr)
    return [client for client in chosen if not why[client]]


@contextmanager
def _served(
    target: str | None, *, serve_noop: bool, kind: str | None, cpu: int, alone: bool
) -> Iterator[tuple[str, str, int]]:
    """Yield kind, address and process (0: unknown) of each server."""
    if serve_noop == (target is not None):
        msg = "give either --target or --serve-noop"
        raise click.UsageError(msg)
    if target is not None:
        yield "server", target, _listener(target)
        return
    with noop_server(kind or leanest(), cpu=cpu, alone=alone) as server:
        yield f"no-op {server.kind}", server.address, server.pid


def _listener(target: str) -> int:
    """Return the process that listens there, if it is on this machine and visible to us; else 0."""
    host, _, port = target.rpartition(":")
    if host not in _LOOPBACK or not port.isdigit():
        return 0
    try:
        sockets = psutil.net_connections("tcp")
    except psutil.Error:
        return 0
    found = (s.pid for s in sockets if s.status == psutil.CONN_LISTEN and s.laddr and s.laddr.port == int(port))
    return next(found, None) or 0


def _pins() -> tuple[int, int]:
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        msg = "--pin needs two CPUs"
        raise click.UsageError(msg)
    return cpus[-1], cpus[0]


def _facts() -> dict[str, Any]:
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "hpack": version("hpack"),
        "grpcio": version("grpcio"),
    }


if __name__ == "__main__":
    main()
