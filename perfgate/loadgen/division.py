"""One series divided among the workers of a load generator."""

from __future__ import annotations

from dataclasses import replace

from perfgate.loadgen.interface import ClosedLoop, OpenLoop
from perfgate.trials import Call

Load = ClosedLoop | OpenLoop


def divided(load: Load, workers: int) -> list[Load | None]:
    """Divide a load among workers: arrivals in turn, requests in flight as evenly as possible; None: nothing to do."""
    if isinstance(load, OpenLoop):
        return [
            OpenLoop(instants) if (instants := load.instants_s[worker::workers]).size else None
            for worker in range(workers)
        ]
    used = min(workers, load.in_flight, load.requests or load.in_flight)
    shares: list[Load | None] = []
    for worker in range(workers):
        if worker >= used:
            shares.append(None)
            continue
        requests = None if load.requests is None else len(range(worker, load.requests, used))
        shares.append(replace(load, in_flight=len(range(worker, load.in_flight, used)), requests=requests))
    return shares


def turn_of(calls: tuple[Call, ...], first_call: int, worker: int, workers: int) -> tuple[Call, ...]:
    """Return the calls that a worker cycles through if requests are distributed in turn."""
    return tuple(calls[(first_call + worker + turn * workers) % len(calls)] for turn in range(len(calls)))


def longest_s(load: Load, deadline_s: float) -> float:
    """Return the longest time that a series can take, so that a stopped worker is not waited for indefinitely."""
    if isinstance(load, OpenLoop):
        sending_s = float(load.instants_s[-1]) if load.instants_s.size else 0.0
    elif load.duration_s is not None:
        sending_s = load.duration_s
    else:
        sending_s = (load.requests or 1) * (deadline_s + load.think_time_s + 1)
    return sending_s + deadline_s
