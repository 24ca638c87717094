"""The metric `changed_ops_ms`: rounds of traced executions as blocks of trials."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from perfgate.errors import InvalidRunError
from perfgate.experiment.lanes import Bench
from perfgate.experiment.servers import LiveReplica
from perfgate.experiment.tracing import TracedVisit
from perfgate.explain.steps import Floats
from perfgate.explain.traces import Compared, Trace
from perfgate.metrics import BY_NAME
from perfgate.pipeline.trace import TracedRun, trace
from perfgate.trials import Arm, Block, Conditions, Depth, Lane, Requests, State, Trial

METRIC = BY_NAME["changed_ops_ms"]
_LEAST_MS = 1e-6
_MOST_MADS = 3.0
"""Median absolute deviations, two standard deviations, from which an execution counts as interrupted."""
PASSING_S = 4.0
"""Most time for a run in which nothing failed."""


class OpsLane:
    """Traces the servers of a run after everything else."""

    def __init__(self) -> None:
        self.traced: TracedRun | None = None
        self.problem = ""

    def profile(self, replicas: Sequence[LiveReplica], bench: Bench, directory: Path, seconds: float) -> None:
        """Trace the servers of a model that is measured alone; one that cannot be traced spoils no run."""
        try:
            self.traced = trace(replicas, bench, lambda _: seconds, directory)
        except InvalidRunError as error:
            self.problem = error.in_a_line

    def take(  # noqa: PLR0913 - what a lane needs
        self,
        replicas: Sequence[LiveReplica],
        bench: Bench,
        directory: Path,
        append: Callable[[Block], None],
        most_s: float,
        *,
        failing: bool,
        asked: bool = False,
    ) -> None:
        """Trace where the graphs differ, or where something failed; a server that cannot be traced spoils no run.

        `asked`: the scenario names the metric, which is then measured where nothing differs too: as no change at all.
        """
        count = itertools.count()

        def counts(compared: Compared) -> bool:
            return asked or bool(compared.differs.any())

        def seconds(compared: Compared) -> float:
            return most_s if failing else min(most_s, PASSING_S) * counts(compared)

        def record(found: Trace, visits: Sequence[TracedVisit]) -> None:
            conditions = bench.machine.conditions()
            bench.machine.start()
            if counts(found.compared):
                append(block_of(next(count), visits, found.rows[-len(visits) :], found.compared, conditions))

        bench.machine.start()
        try:
            self.traced = trace(replicas, bench, seconds, directory, record)
        except InvalidRunError as error:
            self.problem = error.in_a_line


def block_of(
    index: int, visits: Sequence[TracedVisit], unit_ms: Sequence[Floats], compared: Compared, conditions: Conditions
) -> Block:
    """Make one round's block: the execution time with all operations that are the same in both versions held equal.

    The time of a trial is what its own changed operations took, plus what the execution takes without them: the
    median over the baseline's visits of the round, the same for all. So the ratio of both arms is the change of
    the execution time by the operations that were added, removed or changed, and nothing else. What the ratio inherits
    from that median's error is added to the baseline's trials, where its sum is nearly 0 and its spread counts.
    """
    differs = compared.differs
    changed_ms = np.array([row[differs].sum() for row in unit_ms])
    is_baseline = np.array([visit.arm is Arm.BASELINE for visit in visits])
    others_ms = np.array([visit.own_ms for visit in visits]) - changed_ms
    common_ms = max(float(np.median(others_ms[is_baseline])), _LEAST_MS)
    before_ms, after_ms = (float(np.median(changed_ms[side])) for side in (is_baseline, ~is_baseline))
    inherited = is_baseline * (after_ms - before_ms) / (common_ms + after_ms)
    apart_ms = others_ms - common_ms
    most_ms = _MOST_MADS * float(np.median(np.abs(apart_ms[is_baseline])))
    service_ms = common_ms + changed_ms + inherited * np.clip(apart_ms, -most_ms, most_ms)
    trials = tuple(_trial(index, visit, ms) for visit, ms in zip(visits, service_ms.tolist(), strict=True))
    start_s = min(visit.start_s for visit in visits)
    wall_s = sum(visit.own_ms + visit.traced_ms for visit in visits) / 1e3
    return Block(Lane.COST, Depth.OPS, index, start_s, wall_s, trials, conditions)


def _trial(index: int, visit: TracedVisit, service_ms: float) -> Trial:
    times = np.array([service_ms])
    requests = Requests(np.zeros(1), np.array([visit.traced_ms]), times, np.zeros(1), np.zeros(1, np.int8))
    return Trial(
        lane=Lane.COST,
        depth=Depth.OPS,
        state=State.COLD,
        block=index,
        arm=visit.arm,
        replica=visit.replica,
        start_s=visit.start_s,
        wall_s=visit.traced_ms / 1e3,
        requests=requests,
        cpu_ms=visit.cpu_ms,
        driver_cpu_ms=0.0,
        payload=visit.request,
    )
