from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest

from perfgate.experiment.fleet import ArmSetup, Fleet, Makers
from perfgate.experiment.plan import make_plan
from perfgate.load.fake import FakeDriver
from perfgate.observe.fake import FakeProcessAccounts
from perfgate.scenario.schema import Scenario, Server
from perfgate.serving.fake import FakeLauncher, FakeReplica
from perfgate.serving.interface import ReplicaSpec
from perfgate.trials import Arm, Call, ReplicaFacts

BOTH = (Arm.BASELINE, Arm.CANDIDATE)
Meet = Callable[[], object]


@dataclass(slots=True)
class _Launcher(FakeLauncher):
    """Remembers what it was asked for, and lets the caller see who starts beside whom."""

    meet: Meet = lambda: None
    specs: list[ReplicaSpec] = field(default_factory=list)

    def start(self, spec: ReplicaSpec) -> FakeReplica:
        self.meet()
        self.specs.append(spec)
        return FakeLauncher.start(self, spec)


def _setups(server: Server) -> dict[Arm, ArmSetup]:
    calls = (Call(b"x"),)
    return {
        arm: ArmSetup(
            ReplicaSpec(f"{arm} server", Path(arm), (), "", server),
            calls,
            (0,),
        )
        for arm in BOTH
    }


def _started(
    at_once: int, meet: Meet = lambda: None, server: Server | None = None
) -> tuple[tuple[ReplicaFacts, ...], _Launcher]:
    launcher = _Launcher(0, {arm.value: 2.0 for arm in BOTH}, meet=meet)
    makers = Makers(
        launcher=lambda _: launcher,
        driver=lambda *_: FakeDriver((2.0,)),
        observer=lambda _: FakeProcessAccounts(lambda: 0.0),
        clock=lambda: 0.0,
        at_once=at_once,
    )
    plan = make_plan(Scenario(), BOTH, seed=4, replicas=4, at_once=at_once)
    with Fleet(plan, _setups(server or Server()), makers) as fleet:
        counted: list[int] = []
        fleet.start(counted.append)
        facts = fleet.warm_up(lambda _: None)
    assert counted == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [(each.replica, each.arm) for each in facts] == [(slot.replica, slot.arm) for slot in plan.slots]
    return facts, launcher


def test_one_of_each_arm_starts_side_by_side_where_there_are_cpus_for_it() -> None:
    both = Barrier(2)
    _, launcher = _started(2, lambda: both.wait(10))
    labels = [spec.label for spec in launcher.specs]
    assert all({*labels[first : first + 2]} == {"baseline server", "candidate server"} for first in range(0, 8, 2))


def test_on_one_cpu_they_start_one_after_the_other() -> None:
    both = Barrier(2)
    with pytest.raises(BrokenBarrierError):
        _started(1, lambda: both.wait(0.02))


def test_more_cpus_start_no_more_than_a_pair() -> None:
    three = Barrier(3)
    with pytest.raises(BrokenBarrierError):
        _started(8, lambda: three.wait(0.02))


def test_each_replica_draws_a_layout_of_its_own_unless_the_scenario_says_no() -> None:
    _, launcher = _started(1)
    assert [spec.layout for spec in launcher.specs] == [(4, replica) for replica in range(8)]
    _, launcher = _started(1, server=Server(random_layout=False))
    assert {spec.layout for spec in launcher.specs} == {None}
