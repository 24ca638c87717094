"""What weakens or voids a run, read off its blocks by rules that do not look at which arm was hit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perfgate.trials import Block, Caution, Lane, ReplicaFacts

GENERATOR_LIMIT = 0.8
"""Share of one core above which the load generator counts as the bottleneck."""
_STEAL = 0.05
_PRESSURE = 0.5


def generator_cpu_share(blocks: Sequence[Block]) -> float:
    """Median share of one core that the generator used in the load lane's trials; 0 without any."""
    trials = [trial for block in blocks if block.lane is Lane.LOAD for trial in block.trials]
    return float(np.median([trial.driver_cpu_ms / 1e3 / trial.wall_s for trial in trials])) if trials else 0.0


def machine_cautions(blocks: Sequence[Block]) -> tuple[Caution, ...]:
    """Warn of steal time and of CPU pressure beyond what one request at a time can cause."""
    found = []
    steal = np.nanmean([block.conditions.steal_share for block in blocks] or [0.0])
    if steal > _STEAL:
        message = f"the hypervisor took {steal:.0%} of the CPU time away (steal)"
        found.append(Caution("steal", message, "use a less shared machine, or allow for wider intervals"))
    cost = [b.conditions.cpu_pressure_share for b in blocks if b.lane is Lane.COST]
    known = [share for share in cost if share == share]  # noqa: PLR0124 - NaN where the kernel does not tell
    if known and np.median(known) > _PRESSURE:
        message = f"other work kept the CPUs busy: tasks waited {np.median(known):.0%} of the time"
        found.append(Caution("cpu pressure", message, "stop the other work, or raise --budget"))
    return tuple(found)


def warmup_cautions(facts: Sequence[ReplicaFacts]) -> tuple[Caution, ...]:
    """Warn of replicas whose latency still fell when warm-up had to end."""
    cold = sum(not each.warm for each in facts)
    if not cold:
        return ()
    message = f"{cold} of {len(facts)} servers were still getting faster when warm-up had to end"
    return (Caution("not warm", message, "raise --budget: warm-up may take a third of it"),)
