from __future__ import annotations

import time
from dataclasses import fields, replace

import numpy as np

from perfgate.metrics import BY_NAME
from perfgate.stats.estimate import estimate
from perfgate.stats.table import SOURCES, Columns, TrialLog, TrialTable
from perfgate.trials import Arm, Depth, Lane, Memory
from tests.stats.build import block_of, execute_trials, fact, requests, trial
from tests.stats.generator import World, columns, design, logs


def _same(one: Columns, other: Columns) -> bool:
    return all(np.array_equal(getattr(one, f.name), getattr(other, f.name), equal_nan=True) for f in fields(Columns))


def test_a_log_gives_the_same_table_as_all_trials_at_once() -> None:
    trials = execute_trials(5, 3, lambda block, _, number: 1.0 + block + number)
    log, grown = TrialLog([fact(0, Arm.BASELINE)], {Arm.BASELINE: 2.0}), TrialTable.of(trials[:6])
    for block in range(5):
        log.append(block_of(trials[6 * block : 6 * block + 6]))
        assert log.table().columns.block.max() == block
    whole = TrialTable.of(trials)
    assert _same(log.table().columns, whole.columns)
    assert _same(grown.extended(trials[6:]).columns, whole.columns)
    assert log.table().replicas == (fact(0, Arm.BASELINE),)
    assert log.table().sizes_mb == {Arm.BASELINE: 2.0}


def test_each_trial_keeps_its_source_requests_and_memory() -> None:
    memory = Memory(100.0, 120.0, 60.0, 50.0)
    rows = [
        trial(0, Arm.BASELINE, 0, requests([1.0])),
        trial(0, Arm.BASELINE, 0, requests([]), depth=Depth.REQUEST),
        trial(0, Arm.CANDIDATE, 1, requests([2.0, 3.0], [0, 4]), Lane.LOAD, Depth.REQUEST, 5.0, memory),
    ]
    made = TrialTable.of(rows).columns
    assert [SOURCES[i].value for i in made.source] == ["cost/execute", "cost/request", "load/request"]
    assert made.requests.tolist() == [1, 0, 2]
    assert made.service_ms.tolist() == [1.0, 2.0, 3.0]
    assert made.failed.tolist() == [False, False, True]
    assert made.rss_peak_mb[2] == 120.0
    assert np.isnan(made.rss_peak_mb[:2]).all()


def test_an_empty_log_is_an_empty_table() -> None:
    assert TrialLog().table().columns.block.size == 0


def test_forty_thousand_trials_are_estimated_well_within_a_progress_tick() -> None:
    world = World(blocks=1700)
    made = TrialTable(columns(logs(world, 0.0, np.random.default_rng(1)), design(world)[0]))
    assert made.columns.block.size > 40_000

    def cpu_s() -> float:
        unseen = TrialTable(replace(made.columns))  # it is not cached
        began_s = time.process_time()
        assert estimate(BY_NAME["execute_ms"], unseen, 0.01, cross_check=False) is not None
        return time.process_time() - began_s

    assert any(cpu_s() < 0.2 for _ in range(5))
