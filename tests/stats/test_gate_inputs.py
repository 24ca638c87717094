from __future__ import annotations

import numpy as np
import pytest

from perfgate.metrics import BY_NAME
from perfgate.stats.gate_inputs import typical_of, with_typical
from perfgate.stats.replicate import replicates
from perfgate.stats.summarise import summarise
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm
from tests.stats.build import load_trials
from tests.stats.generator import World, table


def test_each_arm_has_what_the_gate_compares_and_where_it_was_measured() -> None:
    rows = table(World(replicas=3), 0.1, np.random.default_rng(1))
    found = {(summary.metric, summary.arm): summary.typical for summary in with_typical(summarise(rows), rows)}
    compared = replicates(BY_NAME["execute_ms"], rows)
    assert compared is not None
    for arm, wanted in zip(Arm, (compared.typical[:3], compared.typical[3:]), strict=True):
        typical = found["execute_ms", arm]
        assert typical is not None
        assert typical.replicas == tuple(wanted)
        assert (typical.source, typical.state) == ("cost/execute", "cold")
    assert found["model_size_mb", Arm.CANDIDATE] is None
    assert found["load_time_s", Arm.CANDIDATE] == typical_of(BY_NAME["load_time_s"], Arm.CANDIDATE, rows)


def test_an_arm_alone_has_the_same_numbers_as_beside_another() -> None:
    both = load_trials(3, lambda _, number: [1.0 + number, 1.2 + number], blocks=3)
    alone = [row for row in both if row.arm is Arm.CANDIDATE]
    name = BY_NAME["latency_p50_ms"]
    one, other = (typical_of(name, Arm.CANDIDATE, TrialTable.of(rows)) for rows in (both, alone))
    assert one is not None
    assert other is not None
    assert other.replicas == pytest.approx(one.replicas)
    assert typical_of(name, Arm.BASELINE, TrialTable.of(alone)) is None


def test_a_percentile_without_enough_requests_has_none() -> None:
    rows = TrialTable.of(load_trials(3, lambda *_: [1.0] * 500))
    (p99,) = [s for s in with_typical(summarise(rows), rows) if (s.metric, s.arm) == ("latency_p99_ms", "baseline")]
    assert p99.value == 1.0, "described from 299 requests on"
    assert p99.typical is None, "compared from 2,000 of each replica on"
