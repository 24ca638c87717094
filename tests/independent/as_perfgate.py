"""The same run in perfgate's form: trials and facts of the replicas."""

from __future__ import annotations

from dataclasses import replace

from perfgate.metrics import Source
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, ReplicaFacts
from tests.independent.effect import Design
from tests.independent.requests_mean import Floats, Visits
from tests.stats.generator import columns


def trial_table(visits: Visits, who: Design, shares: Floats) -> TrialTable:
    """Convert the single run of `visits`; CPU time is the execution's time."""
    (times,) = visits.logs
    rows = zip(who.arm.tolist(), who.parent.tolist(), who.position.tolist(), strict=True)
    known = tuple(
        ReplicaFacts(i, (Arm.BASELINE, Arm.CANDIDATE)[arm], parent, int(place), 100 + i, 0.5, 20.0, 10, 0.1, warm=True)
        for i, (arm, parent, place) in enumerate(rows)
    )
    made = columns(times, who.arm == 1, Source.EXECUTE, payload=visits.payload)
    return TrialTable(replace(made, cpu_ms=made.service_ms), known, shares=tuple(shares.tolist()))
