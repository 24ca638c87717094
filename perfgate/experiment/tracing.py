"""Rounds of traced executions: each replica executes the same requests with and without tracing, in random order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from perfgate.experiment.lanes import Bench, place_of, visiting_order
from perfgate.experiment.servers import LiveReplica, of_arm
from perfgate.serving.interface import Traceable, TracedGraph
from perfgate.trials import Arm

TRACED_REPLICAS = 6
"""Most replicas of an arm that are traced (docs/explanation/explain-rates.md has what six of each resolve)."""
ROUNDS = 60
_FEWEST_ROUNDS = _FEWEST_REPLICAS = 2
_FILE, _GRAPH = "steps.pb", "graph.pb"


@dataclass(frozen=True, slots=True)
class TracedVisit:
    """One replica's pair of executions in one round."""

    arm: Arm
    replica: int
    request: int
    """Number of the recorded request."""
    start_s: float
    """Seconds since the run began."""
    own_ms: float
    """Wall time without tracing, minus the time waiting for a CPU."""
    cpu_ms: float
    """CPU time without tracing."""
    traced_ms: float
    """Wall time of the traced execution."""
    run_metadata: bytes


@dataclass(frozen=True, slots=True)
class ExecutedGraph:
    """The graph that an arm's replicas execute."""

    found: TracedGraph
    run_metadata: bytes


def traced_replicas(replicas: Sequence[LiveReplica], most: int = TRACED_REPLICAS) -> tuple[LiveReplica, ...]:
    """Return the replicas that are traced: the first ones started of each arm, if they can be."""
    chosen = tuple(live for arm in Arm for live in of_arm(replicas, arm)[:most])
    return chosen if all(isinstance(live.server, Traceable) and live.server.executes for live in chosen) else ()


def replicas_for(seconds: float, graph_s: float, at_once: int, arms: int = len(Arm)) -> int:
    """Return how many replicas an arm can be warmed up in half of the time, at least 2 and at most six.

    `graph_s`: what the first one takes. TensorFlow optimises the graph anew in each, which takes seconds if it is huge.
    """
    return max(_FEWEST_REPLICAS, min(TRACED_REPLICAS, int(seconds / 2 * at_once / (arms * max(graph_s, 1e-3)))))


def executed_graphs(replicas: Sequence[LiveReplica], directory: Path) -> dict[Arm, ExecutedGraph]:
    """Return each arm's optimised graph, from its first replica."""
    graphs = {}
    for arm in Arm:
        for live in of_arm(replicas, arm)[:1]:
            found = cast("Traceable", live.server).write_graph(directory / _GRAPH)
            graphs[arm] = ExecutedGraph(found, (directory / _GRAPH).read_bytes())
    return graphs


def traced_rounds(
    replicas: Sequence[LiveReplica], requests: Sequence[int], bench: Bench, end_s: float, directory: Path
) -> Iterator[tuple[TracedVisit, ...]]:
    """Yield rounds over all replicas while there is time, at least two, at most `ROUNDS`.

    All replicas get the same request in a round. Which of the two executions comes first alternates, so that neither
    benefits from the other's caches.
    """
    _warm_up(replicas, requests[0], bench, directory)
    index, round_s = 0, 0.0
    while index < _FEWEST_ROUNDS or (index < ROUNDS and bench.now_s() + round_s < end_s):
        began_s, request = bench.now_s(), requests[place_of(index, len(requests), bench.plan.seed)]
        yield tuple(_visit(live, request, index, bench, directory) for live in visiting_order(replicas, bench.rng))
        index, round_s = index + 1, bench.now_s() - began_s


def _warm_up(replicas: Sequence[LiveReplica], request: int, bench: Bench, directory: Path) -> None:
    """Trace each replica once, several at a time: for a new callable, TensorFlow optimises the graph again."""

    def traced(live: LiveReplica) -> None:
        file = directory / f"{live.slot.replica}-{_FILE}"
        cast("Traceable", live.server).trace(request, file, traced_first=True)
        file.unlink()
        bench.between()

    with ThreadPoolExecutor(bench.plan.at_once) as threads:
        list(threads.map(traced, replicas))


def _visit(live: LiveReplica, request: int, index: int, bench: Bench, directory: Path) -> TracedVisit:
    bench.between()
    start_s, file = bench.now_s(), directory / _FILE
    done = cast("Traceable", live.server).trace(request, file, traced_first=index % 2 == 1)
    plain = done.plain
    return TracedVisit(
        live.slot.arm,
        live.slot.replica,
        request,
        start_s,
        plain.wall_ms - plain.waited_ms,
        plain.cpu_ms,
        done.traced_ms,
        file.read_bytes(),
    )
