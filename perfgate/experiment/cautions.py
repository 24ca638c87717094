"""What weakens or voids a run, read off its blocks by rules that do not look at which arm was hit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from perfgate.experiment.plan import Plan
from perfgate.trials import Arm, Block, Caution, Lane, ReplicaFacts

GENERATOR_LIMIT = 0.8
"""Share of one core above which the load generator counts as the bottleneck."""
_STEAL = 0.05
_PRESSURE = 0.5
_LATE_MS = 2.0
"""Twice what plain sleeping is late by at its 99th percentile on a shared 2-core machine (docs/benchmarks.md)."""
_OVERLOAD = 0.25
_OVERTIME = 1.5


def generator_cpu_share(blocks: Sequence[Block]) -> float:
    """Share of one core that the generator used over all of the load lane; 0 without one."""
    trials = [trial for block in blocks if block.lane is Lane.LOAD for trial in block.trials]
    wall_s = sum(trial.wall_s for trial in trials)
    return sum(trial.driver_cpu_ms for trial in trials) / 1e3 / wall_s if wall_s > 0 else 0.0


def load_cautions(blocks: Sequence[Block], plan: Plan) -> tuple[Caution, ...]:
    """Warn, for open loops, of arrivals sent late and of queues that were still there when the slice was over."""
    trials = [trial for block in blocks if block.lane is Lane.LOAD for trial in block.trials]
    if plan.load.arrivals == "closed" or not trials:
        return ()
    found = []
    lag_ms = np.concatenate([trial.requests.send_lag_ms for trial in trials])
    if lag_ms.size and (late_ms := float(np.quantile(lag_ms, 0.99))) > _LATE_MS:
        worst_ms = float(lag_ms.max())
        message = (
            f"the load generator sent late: 99 % within {late_ms:.3g} ms of the schedule, all within {worst_ms:.3g}"
        )
        found.append(Caution("send lag", message, "give it a core of its own with --driver-cpus; lag is in latency_*"))
    for arm in Arm:
        over_s = [trial.wall_s - plan.turn_s for trial in trials if trial.arm is arm]
        if over_s and (median_s := float(np.median(over_s))) > _OVERLOAD * plan.turn_s:
            message = (
                f"the {arm} did not keep up with {plan.load.rate_rps:g} requests/s: half of its slices of "
                f"{plan.turn_s:.2g} s ended {median_s:.2g} s late or more; under lasting load latency has no bound"
            )
            found.append(Caution("overload", message, "lower rate_rps, or take the latencies as too low"))
    return tuple(found)


def time_cautions(spent_s: float, plan: Plan) -> tuple[Caution, ...]:
    """Warn when measuring took much longer than it was given: each lane visits all replicas once or twice at least."""
    given_s = sum(segment.seconds for segment in plan.segments)
    if spent_s <= _OVERTIME * given_s:
        return ()
    message = f"measuring took {spent_s:.0f} s instead of {given_s:.0f} s: each lane visits every server at least once"
    return (Caution("budget", message, "raise --budget, or lower --replicas"),)


def machine_cautions(blocks: Sequence[Block]) -> tuple[Caution, ...]:
    """Warn of steal time and of CPU pressure beyond what one request at a time can cause; unknown ones are no news."""
    found = []
    steal = _known([block.conditions.steal_share for block in blocks])
    if steal.size and steal.mean() > _STEAL:
        message = f"the hypervisor took {steal.mean():.0%} of the CPU time away (steal)"
        found.append(Caution("steal", message, "use a less shared machine, or allow for wider intervals"))
    pressure = _known([block.conditions.cpu_pressure_share for block in blocks if block.lane is Lane.COST])
    if pressure.size and np.median(pressure) > _PRESSURE:
        message = f"other work kept the CPUs busy: tasks waited {np.median(pressure):.0%} of the time"
        found.append(Caution("cpu pressure", message, "stop the other work, or raise --budget"))
    return tuple(found)


def _known(shares: Sequence[float]) -> NDArray[np.float64]:
    """Leave out what the platform does not tell."""
    every = np.array(shares, np.float64)
    return every[~np.isnan(every)]


def warmup_cautions(facts: Sequence[ReplicaFacts]) -> tuple[Caution, ...]:
    """Warn of replicas whose latency still fell when warm-up had to end."""
    cold = sum(not each.warm for each in facts)
    if not cold:
        return ()
    message = f"{cold} of {len(facts)} servers had not shown a steady latency when warm-up had to end"
    return (Caution("not warm", message, "raise --budget: warm-up may take a third of it"),)
