"""Tracing the replicas of a run: rounds of executions whose operations are timed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from perfgate.experiment.fleet import LiveReplica
from perfgate.experiment.lanes import Bench
from perfgate.experiment.tracing import TracedVisit, executed_graphs, traced_replicas, traced_rounds
from perfgate.explain.traces import Trace, compare_graphs
from perfgate.trials import Arm

Round = tuple[TracedVisit, ...]


def trace(
    replicas: Sequence[LiveReplica],
    bench: Bench,
    seconds: float,
    directory: Path,
    on_round: Callable[[Trace, Round], None] = lambda _trace, _visits: None,
) -> Trace | None:
    """Trace both arms for some time; None if these servers cannot be traced, or the arms share no request."""
    began_s, chosen = bench.now_s(), traced_replicas(replicas)
    if not chosen:
        return None
    executed = executed_graphs(chosen, directory)
    shared = [set(each.found.requests) for each in executed.values()]
    requests = sorted(set.intersection(*shared))
    if len(executed) < len(Arm) or not requests:
        return None
    found = Trace(compare_graphs(executed))
    for visits in traced_rounds(chosen, requests, bench, began_s + seconds, directory):
        for visit in visits:
            found.add(visit)
        on_round(found, visits)
    return found
