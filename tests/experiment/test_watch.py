from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from perfgate.experiment.plan import Slot
from perfgate.experiment.servers import LiveReplica
from perfgate.experiment.timeline import ThreadTime
from perfgate.experiment.watch import LoadWatch
from perfgate.loadgen.fake import FakeDriver
from perfgate.observe.fake import FakeProcessAccounts, FakeSampler, FakeSeries
from perfgate.serving.fake import FakeReplica
from perfgate.trials import Arm


def _live(pid: int, arm: Arm) -> LiveReplica:
    server = FakeReplica(pid, 1.0, np.random.default_rng(pid))
    observer = FakeProcessAccounts(lambda: 0.0)
    return LiveReplica(Slot(pid, arm, 0, pid), server, FakeDriver(), observer, (), (), 1.0)


def _watch(used_ms: Iterator[dict[str, float]], *replicas: LiveReplica) -> LoadWatch:
    return LoadWatch(replicas, FakeSampler, lambda _: next(used_ms), began_s=-2.0)


def test_threads_are_summed_over_an_arms_servers_and_the_busiest_comes_first() -> None:
    used = iter([{"tf": 5.0, "rpc": 1.0}, {"tf": 7.0}, {"tf": 11.0, "rpc": 2.0, "new": 1.0}, {"tf": 9.0}])
    with _watch(used, _live(1, Arm.CANDIDATE), _live(2, Arm.CANDIDATE)) as watch:
        pass
    assert watch.threads == (
        ThreadTime("candidate", "tf", 8.0, 0.8),
        ThreadTime("candidate", "rpc", 1.0, 0.1),
        ThreadTime("candidate", "new", 1.0, 0.1),
    )


def test_the_timeline_names_replicas_and_counts_from_the_beginning_of_the_run() -> None:
    with _watch(iter([{}] * 4), _live(7, Arm.BASELINE), _live(9, Arm.CANDIDATE)) as watch:
        pass
    timeline = watch.timeline
    assert timeline.time_s == (2.0, 2.0, 3.0, 3.0)
    assert timeline.arm == ("baseline", "candidate") * 2
    assert timeline.replica == (7, 9, 7, 9)
    assert timeline.cpu_ms[-1] - timeline.cpu_ms[0] == pytest.approx(500.0)
    assert timeline.cost_share == pytest.approx(0.004)


class _LongSampler(FakeSampler):
    def series(self) -> FakeSeries:
        instants, pids = np.repeat(np.arange(4000.0), 2), np.tile([7, 9], 4000)
        return FakeSeries(instants, pids, instants, instants)


def test_a_long_series_is_thinned_by_whole_instants() -> None:
    replicas = (_live(7, Arm.BASELINE), _live(9, Arm.CANDIDATE))
    with LoadWatch(replicas, _LongSampler, lambda _: {}, began_s=0.0) as watch:
        pass
    assert len(watch.timeline.time_s) == 4000
    assert watch.timeline.time_s[:4] == (0.0, 0.0, 2.0, 2.0)
    assert {each.thread for each in watch.threads} == set()


def test_a_server_of_both_arms_is_reported_for_both() -> None:
    one, same = _live(7, Arm.BASELINE), replace(_live(7, Arm.CANDIDATE), slot=Slot(8, Arm.CANDIDATE, 0, 1))
    with _watch(iter([{"rpc": 1.0}, {"rpc": 3.0}]), one, same) as watch:
        pass
    assert watch.timeline.replica[:2] == (7, 8)
    assert watch.timeline.arm[:2] == ("baseline", "candidate")
    assert [(each.arm, each.cpu_ms) for each in watch.threads] == [("baseline", 2.0), ("candidate", 2.0)]
