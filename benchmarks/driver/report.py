"""Results of the rounds, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import grpc
from rich.table import Table

from benchmarks.driver.job import Finding
from benchmarks.driver.rounds import Load, Spread, others, ratio_per_cpu, ratio_rps, spread

_STATUS_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}
_SATURATED = 0.9
_COLUMNS = ("load", "client", "requests/s", "CPU µs/request", "p50 ms", "p99 ms", "client CPU", "server CPU", "errors")


def document(loads: Sequence[Load], facts: dict[str, Any]) -> dict[str, Any]:
    """Return the results as one JSON document."""
    return {**facts, "loads": [_load(load) for load in loads], "notes": notes(loads)}


def table(loads: Sequence[Load], title: str) -> Table:
    """Return the table: medians over the rounds, the range of requests/s in brackets."""
    shown = Table(*_COLUMNS, title=title, title_justify="left")
    for column in shown.columns[2:]:
        column.justify = "right"
    for load in loads:
        for client, rounds in load.rounds.items():
            shown.add_row(_name(load), client, *_cells(rounds))
    return shown


def markdown(loads: Sequence[Load]) -> str:
    """Return the tables of docs/explanation/benchmarks.md: the clients, then perfgate's ratios to the others."""
    lines = [
        "| in flight | client | requests/s | CPU µs/request | p50 ms | p99 ms | client CPU | server CPU | errors |"
    ]
    lines.append("|--:|---|" + "--:|" * 7)
    for load in loads:
        lines += [
            f"| {_short(load)} | {client} | {' | '.join(_cells(rounds))} |" for client, rounds in load.rounds.items()
        ]
    lines += ["", "| in flight | perfgate relative to | requests/s | requests per second of CPU time |"]
    lines.append("|--:|---|--:|--:|")
    for load in loads:
        lines += [
            f"| {_short(load)} | {other} | {_range(ratio_rps(load, other), '.2f')}"
            f" | {_range(ratio_per_cpu(load, other), '.2f')} |"
            for other in others(load)
        ]
    return "\n".join(lines)


def _short(load: Load) -> str:
    return f"{load.rate_rps:g}/s" if load.rate_rps else str(load.in_flight)


def notes(loads: Sequence[Load]) -> list[str]:
    """Return remarks on the numbers: ratios, send lag, the bottleneck, errors."""
    said: list[str] = []
    for load in loads:
        said += [
            f"{_name(load)}: perfgate sends {_range(ratio_rps(load, other), '.2f')} times the requests/s of {other},"
            f" and {_range(ratio_per_cpu(load, other), '.2f')} times as many per second of CPU time"
            for other in others(load)
        ]
        for client, rounds in load.rounds.items():
            said += [f"{_name(load)}, {client}: {note}" for note in _notes_of(rounds, waits=_waits(load))]
    return said


def _waits(load: Load) -> bool:
    """Return whether client and server have to wait for each other, or for the clock."""
    return load.in_flight == 1 or load.rate_rps > 0


def _notes_of(rounds: Sequence[Finding], *, waits: bool) -> list[str]:
    said: list[str] = []
    lags = [(found.send_lag_p50_us, found.send_lag_p99_us) for found in rounds]
    if (p50 := _spread([lag[0] for lag in lags])) and (p99 := _spread([lag[1] for lag in lags])):
        said.append(f"send lag p50 {_range(p50, '.0f')} µs, p99 {_range(p99, '.0f')} µs")
    server = _spread([found.server_cpu_share for found in rounds])
    if server and server.median > _SATURATED:
        said.append(f"the server used {server.median:.0%} of a core: it may be the limit, not the client")
    client = spread([found.cpu_share for found in rounds])
    if server and not waits and max(client.median, server.median) < _SATURATED:
        said.append(
            "neither side had a core to itself: other processes were running, so compare CPU time, not requests/s"
        )
    errors = Counter[str]()
    for found in rounds:
        errors.update(found.errors)
    total = sum(found.requests for found in rounds)
    for code, count in errors.items():
        words = f": {rounds[-1].error_message}" if rounds[-1].error_message else ""
        said.append(f"{count} of {total} requests answered {_STATUS_NAMES.get(int(code), code)}{words}")
    return said


def _cells(rounds: Sequence[Finding]) -> tuple[str, ...]:
    server = _spread([found.server_cpu_share for found in rounds])
    return (
        _range(spread([found.rps for found in rounds]), ",.0f"),
        f"{spread([found.cpu_us_per_request for found in rounds]).median:.1f}",
        _median([found.p50_ms for found in rounds]),
        _median([found.p99_ms for found in rounds]),
        f"{spread([found.cpu_share for found in rounds]).median:.0%}",
        "?" if server is None else f"{server.median:.0%}",
        f"{sum(sum(found.errors.values()) for found in rounds):,}",
    )


def _median(values: Sequence[float | None]) -> str:
    over = _spread(values)
    return "?" if over is None else f"{over.median:.3f}"


def _load(load: Load) -> dict[str, Any]:
    return {
        "in_flight": None if load.rate_rps else load.in_flight,
        "rate_rps": load.rate_rps or None,
        "ratio_rps": {other: asdict(ratio_rps(load, other)) for other in others(load)},
        "ratio_requests_per_cpu_second": {other: asdict(ratio_per_cpu(load, other)) for other in others(load)},
        "clients": {client: _client(rounds) for client, rounds in load.rounds.items()},
    }


def _client(rounds: Sequence[Finding]) -> dict[str, Any]:
    numbers = ("rps", "cpu_us_per_request", "cpu_share", "server_cpu_share", "p50_ms", "p99_ms")
    lags = ("send_lag_p50_us", "send_lag_p99_us")
    columns = {name: _spread([getattr(found, name) for found in rounds]) for name in (*numbers, *lags)}
    return {
        **{name: None if over is None else asdict(over) for name, over in columns.items()},
        "requests": sum(found.requests for found in rounds),
        "errors": sum(sum(found.errors.values()) for found in rounds),
        "rounds": [asdict(found) for found in rounds],
    }


def _spread(values: Sequence[float | None]) -> Spread | None:
    known = [value for value in values if value is not None]
    return spread(known) if known else None


def _range(over: Spread, form: str) -> str:
    return f"{over.median:{form}} [{over.min:{form}} to {over.max:{form}}]"


def _name(load: Load) -> str:
    return f"{load.rate_rps:g}/s Poisson" if load.rate_rps else f"{load.in_flight} in flight"
