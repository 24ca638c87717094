"""Cautions about a run's measurement, read from its blocks by rules that ignore which arm was affected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from perfgate import formatting
from perfgate.cautions import CautionKind
from perfgate.experiment.overload import overload_caution
from perfgate.experiment.plan import Plan
from perfgate.experiment.servers import LiveReplica
from perfgate.formatting import with_unit
from perfgate.loadgen.cpu_share import cpu_share
from perfgate.loadgen.load_worker import LoadWorker
from perfgate.loadgen.pacing import PAUSE_AFTER_BREAK_S
from perfgate.trials import Arm, Block, Caution, Lane, ReplicaFacts, Trial

GENERATOR_REMEDY = "give it its own CPUs (driver_cpus), more workers (load.workers) or a lower rate"
GENERATOR_LIMIT = 0.8
"""Share of its core above which a process of the load generator counts as the bottleneck."""
_LAG_LIMIT_MS = 10.0
"""Limit of a turn's 99th percentile: two to three times that of a shared, loaded 2-core machine
(docs/explanation/method.md).
"""
_LAG_FACTOR = 2.0
THROTTLED_LIMIT = 0.01
"""Share of the time, over all CPUs."""
STEAL_LIMIT = 0.05
"""Share of all CPU time."""
PRESSURE_LIMIT = 0.5
"""Share of the wall time in which some task waited for a CPU, with one request at a time: other work, if exceeded."""
_LATE_MS = 2.0
"""Twice the 99th percentile of the lateness of plain sleeping on a shared 2-core machine
(docs/explanation/benchmarks.md).
"""
_CLOCK_LIMIT_MS = 1.0
"""Half of the lateness that counts as late."""
_OVERTIME = 1.5
_COLD_FACTOR = 3.0


def _under_load(blocks: Sequence[Block]) -> list[Trial]:
    return [trial for block in blocks if block.lane is Lane.LOAD for trial in block.trials]


def generator_problem(blocks: Sequence[Block], plan: Plan) -> str | None:
    """Return why the generator, not the server, decided what was measured under load; None if it did not.

    It did if it was busy, or if it lagged so much that most of the typical request's time, or of the slowest 1%'s, was
    its own: medians over all turns, so that occasional hiccups do not void a run.
    """
    share = cpu_share(_under_load(blocks), plan.load.busy_workers)
    if share > GENERATOR_LIMIT:
        return f"the load generator used {formatting.share(share)} of its core: it was the bottleneck, not the server"
    turns = [trial.requests for trial in _under_load(blocks) if trial.requests.status.size]
    if plan.load.arrivals == "closed" or not turns:
        return None
    lag_ms, service_ms = (
        np.median([np.quantile(times, (0.5, 0.99)) for times in kind], axis=0)
        for kind in ([turn.send_lag_ms for turn in turns], [turn.service_ms for turn in turns])
    )
    if not lags(lag_ms, service_ms):
        return None
    return (
        f"the load generator was the bottleneck, not the server: in half of the turns it sent requests "
        f"{with_unit(lag_ms[0], 'ms')} late (median; {with_unit(lag_ms[1], 'ms')} at p99) or more, and the server took "
        f"{with_unit(service_ms[0], 'ms')} ({with_unit(service_ms[1], 'ms')})"
    )


def lags(lag_ms: NDArray[np.float64], service_ms: NDArray[np.float64]) -> bool:
    """Return whether most of the typical request's time, or of the slowest 1 %'s, was the generator's own.

    Both have the median and the 99th percentile.
    """
    late = lag_ms[0] > service_ms[0] or lag_ms[1] > _LAG_FACTOR * service_ms[1]
    return bool(lag_ms[1] > _LAG_LIMIT_MS and late)


def load_cautions(blocks: Sequence[Block], plan: Plan) -> tuple[Caution, ...]:
    """Warn, for open loops, of requests sent late and of growing queues."""
    trials = [trial for trial in _under_load(blocks) if trial.requests.status.size]
    if plan.load.arrivals == "closed" or not trials:
        return ()
    found = []
    lag_ms = np.concatenate([trial.requests.send_lag_ms for trial in trials])
    if (late_ms := float(np.quantile(lag_ms, 0.99))) > _LATE_MS:
        worst_ms = float(lag_ms.max())
        found.append(CautionKind.SEND_LAG.caution(late=with_unit(late_ms, "ms"), worst=with_unit(worst_ms, "ms")))
    overloads = (overload_caution(arm, [t.requests for t in trials if t.arm is arm], plan) for arm in Arm)
    return (*found, *(caution for caution in overloads if caution is not None))


def worker_cautions(workers: Sequence[LoadWorker]) -> tuple[Caution, ...]:
    """Name the load workers on other nodes that began late, or whose clocks are not known well enough."""
    found = []
    for worker in workers:
        if worker.late_series:
            found.append(
                CautionKind.LATE_WORKER.caution(
                    worker=worker.name,
                    late=worker.late_series,
                    series=worker.series,
                    worst=with_unit(worker.late_ms, "ms"),
                )
            )
        if max(worker.clock_uncertainty_ms, worker.clock_moved_ms) > _CLOCK_LIMIT_MS:
            found.append(
                CautionKind.WORKER_CLOCK.caution(
                    worker=worker.name,
                    uncertainty=with_unit(worker.clock_uncertainty_ms, "ms"),
                    moved=with_unit(worker.clock_moved_ms, "ms"),
                )
            )
    return tuple(found)


def time_cautions(spent_s: float, plan: Plan) -> tuple[Caution, ...]:
    """Warn if measuring took much longer than its budget: each lane visits all replicas at least once or twice."""
    given_s = sum(segment.seconds for segment in plan.segments)
    if spent_s <= _OVERTIME * given_s:
        return ()
    long_turns = plan.load.turn_s is not None or plan.trace_s
    fewer = "--replicas, load.turn_s or load.replicas" if long_turns else "--replicas"
    return (
        CautionKind.BUDGET.caution(spent=formatting.duration(spent_s), given=formatting.duration(given_s), fewer=fewer),
    )


def machine_cautions(blocks: Sequence[Block]) -> tuple[Caution, ...]:
    """Warn of steal time, and of CPU pressure that one request at a time cannot cause; unknown values are ignored."""
    found = []
    steal = _known([block.conditions.steal_share for block in blocks])
    if steal.size and steal.mean() > STEAL_LIMIT:
        found.append(CautionKind.STEAL.caution(share=formatting.share(float(steal.mean()))))
    pressure = _known([block.conditions.cpu_pressure_share for block in blocks if block.lane is Lane.COST])
    if pressure.size and np.median(pressure) > PRESSURE_LIMIT:
        found.append(CautionKind.CPU_PRESSURE.caution(share=formatting.share(float(np.median(pressure)))))
    return (*found, *_throttled(blocks))


def _throttled(blocks: Sequence[Block]) -> Iterator[Caution]:
    """Warn of a CPU quota that throttled the servers, as in containers: it looks like a slow model."""
    known = [(block.conditions.throttled_ms / 1e3, block.wall_s) for block in blocks]
    known = [(stopped_s, wall_s) for stopped_s, wall_s in known if np.isfinite(stopped_s)]
    stopped_s, wall_s = (sum(column) for column in zip(*known, strict=True)) if known else (0.0, 0.0)
    if wall_s and stopped_s > THROTTLED_LIMIT * wall_s:
        hit = sum(each > 0 for each, _ in known)
        yield CautionKind.THROTTLED.caution(
            stopped=formatting.duration(stopped_s), wall=formatting.duration(wall_s), hit=hit, blocks=len(known)
        )


def is_disturbed(lane: str, steal_share: float | None, cpu_pressure_share: float | None) -> bool:
    """Return whether other processes disturbed one block: beyond the limits that a caution has for all blocks together.

    Under load the servers and the generator compete for CPUs themselves, so CPU pressure is ignored there.
    """
    stolen = steal_share is not None and steal_share > STEAL_LIMIT
    pressed = lane == Lane.COST and cpu_pressure_share is not None and cpu_pressure_share > PRESSURE_LIMIT
    return stolen or pressed


def _known(shares: Sequence[float]) -> NDArray[np.float64]:
    """Drop values that the platform does not report."""
    every = np.array(shares, np.float64)
    return every[~np.isnan(every)]


def warmup_cautions(facts: Sequence[ReplicaFacts]) -> tuple[Caution, ...]:
    """Warn of replicas whose latency was still falling at the end of warm-up, and of ineffective warm-up requests."""
    found = []
    if cold := sum(not each.warm for each in facts):
        found.append(CautionKind.NOT_WARM.caution(cold=cold, servers=len(facts)))
    found += [
        caution
        for arm in Arm
        if (caution := _replayed_in_vain(arm, [each for each in facts if each.arm is arm and each.replayed]))
        is not None
    ]
    return tuple(found)


def _replayed_in_vain(arm: Arm, facts: Sequence[ReplicaFacts]) -> Caution | None:
    slow = [each for each in facts if each.first_request_ms > _COLD_FACTOR * each.warm_ms]
    if not slow or 2 * len(slow) < len(facts):
        return None
    first_ms = float(np.median([each.first_request_ms for each in slow]))
    warm_ms = float(np.median([each.warm_ms for each in slow]))
    return CautionKind.WARMUP_REQUESTS.caution(
        arm=arm, replayed=slow[0].replayed, first=with_unit(first_ms, "ms"), warm=with_unit(warm_ms, "ms")
    )


def observer_cautions(replicas: Sequence[LiveReplica]) -> tuple[Caution, ...]:
    """Warn of what cannot be measured on servers that perfgate did not start."""
    missing = sorted({what for live in replicas for what in live.observer.missing})
    if not missing:
        return ()
    return (CautionKind.NOT_OBSERVED.caution(missing=" and ".join(missing)),)


def server_cautions(replicas: Sequence[LiveReplica]) -> tuple[Caution, ...]:
    """Warn of servers that use a fallback library: they are slower, all of them alike."""
    reasons = sorted({live.server.substituted for live in replicas} - {""})
    if not reasons:
        return ()
    return (CautionKind.GRPC_SERVER.caution(reasons="; ".join(reasons)),)


def pause_cautions(replicas: Sequence[LiveReplica]) -> tuple[Caution, ...]:
    """Warn of pauses in a closed loop because connections broke: requests that were never sent do not show."""
    pauses = sum(live.driver.pauses for live in replicas)
    if not pauses:
        return ()
    return (CautionKind.BACK_OFF.caution(pauses=pauses, pause=f"{formatting.given(PAUSE_AFTER_BREAK_S * 1e3)} ms"),)
