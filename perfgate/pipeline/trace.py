"""Tracing the replicas of a run: rounds of executions whose operations are timed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from perfgate.experiment.lanes import Bench
from perfgate.experiment.servers import LiveReplica
from perfgate.experiment.tracing import (
    TracedVisit,
    executed_graphs,
    replicas_for,
    traced_replicas,
    traced_rounds,
)
from perfgate.explain.steps import Steps, read_steps
from perfgate.explain.tensors import Tensors, read_tensors
from perfgate.explain.traces import Compared, Trace, compare_graphs
from perfgate.trials import Arm, Memory

Round = tuple[TracedVisit, ...]


@dataclass(frozen=True, slots=True)
class TracedRun:
    """What tracing found."""

    trace: Trace
    tensors: Mapping[Arm, Tensors]
    steps: Mapping[Arm, Steps]
    """One execution of each version."""
    memory: tuple[tuple[Arm, Memory], ...]
    """Of each server, before the first traced execution."""
    seconds: float
    requests: int
    """Recorded requests that could be traced."""
    left_out: int
    """Recorded requests with other inputs or outputs in the graph, which were not traced."""


def trace(
    replicas: Sequence[LiveReplica],
    bench: Bench,
    seconds: Callable[[Compared], float],
    directory: Path,
    on_round: Callable[[Trace, Round], None] = lambda _trace, _round: None,
) -> TracedRun | None:
    """Trace both arms for as long as `seconds` wants, given their graphs; not at all if that is 0.

    One arm alone is compared with itself. None if these servers cannot be traced, or the arms share no request.
    """
    began_s, chosen = bench.now_s(), traced_replicas(replicas)
    if not chosen:
        return None
    memory = tuple((live.slot.arm, live.observer.memory()) for live in replicas)
    measured = executed_graphs(chosen, directory)
    executed = {arm: measured.get(arm) or next(iter(measured.values())) for arm in Arm}
    requests = sorted(set.intersection(*(set(each.found.requests) for each in executed.values())))
    if not requests:
        return None
    graph_s = (bench.now_s() - began_s) / len(measured)
    found = Trace(compare_graphs(executed))
    wanted_s = seconds(found.compared)
    chosen = traced_replicas(replicas, replicas_for(wanted_s, graph_s, bench.plan.at_once, len(measured)))
    for visits in traced_rounds(chosen, requests, bench, began_s + wanted_s, directory) if wanted_s else ():
        for visit in visits:
            found.add(visit)
        on_round(found, visits)
    tensors = {arm: read_tensors(each.run_metadata) for arm, each in executed.items()}
    left_out = max(each.found.left_out for each in executed.values())
    steps = {arm: read_steps(each.run_metadata) for arm, each in executed.items()}
    return TracedRun(found, tensors, steps, memory, bench.now_s() - began_s, len(requests), left_out)
