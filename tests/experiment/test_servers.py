from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest

from perfgate.errors import InvalidRunError
from perfgate.experiment.fake import fake_world
from perfgate.experiment.plan import make_plan
from perfgate.experiment.servers import ArmSetup, Servers
from perfgate.loadgen.fake import FakeDriver
from perfgate.loadgen.interface import Reply
from perfgate.scenario.schema import Scenario, Server
from perfgate.serving.fake import FakeLauncher, FakeReplica
from perfgate.serving.interface import ReplicaSpec
from perfgate.trials import Arm, Call, ReplicaFacts

BOTH = (Arm.BASELINE, Arm.CANDIDATE)
Meet = Callable[[], object]


@dataclass(slots=True)
class _Launcher(FakeLauncher):
    """Records its requests, and shows the caller which servers start together."""

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
    world = fake_world(launcher=lambda _: launcher, at_once=at_once)
    plan = make_plan(Scenario(), BOTH, seed=4, replicas=4, at_once=at_once)
    with Servers(plan, _setups(server or Server()), world) as servers:
        counted: list[int] = []
        servers.start(counted.append)
        facts = servers.warm_up(lambda _: None)
    assert counted == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [(each.replica, each.arm) for each in facts] == [(slot.replica, slot.arm) for slot in plan.slots]
    return facts, launcher


@dataclass(slots=True)
class _Picky(FakeDriver):
    """Refuses some requests, like a server."""

    refused: dict[bytes, Reply] = field(default_factory=dict)
    asked: list[bytes] = field(default_factory=list)

    def call(self, call: Call) -> Reply:
        self.asked.append(call.body)
        return self.refused.get(call.body, Reply(0, "", b""))


def _servers(driver: FakeDriver, by_columns: tuple[Call, ...] = (), at_once: int = 1) -> Servers:
    columns = (lambda: by_columns) if by_columns else None
    setups = {arm: replace(each, by_columns=columns) for arm, each in _setups(Server()).items()}
    world = fake_world(
        launcher=lambda _: _Launcher(0, {arm.value: 2.0 for arm in BOTH}), driver=lambda *_: driver, at_once=at_once
    )
    return Servers(make_plan(Scenario(), BOTH, seed=4, replicas=4, at_once=at_once), setups, world)


@pytest.mark.parametrize(
    ("free_mib", "remedy"),
    [(10_000.0, None), (430.0, None), (400.0, "--replicas 3"), (130.0, "a machine with more memory")],
)
def test_memory_is_reckoned_by_what_the_first_servers_take(free_mib: float, remedy: str | None) -> None:
    servers = _servers(FakeDriver((2.0,)), at_once=2)  # 300 MiB each, a fifth private, and a tenth more at the peak
    servers._world = replace(servers._world, available_mib=lambda: free_mib)
    started: list[int] = []
    with servers:
        if remedy is None:
            servers.start(started.append)
            assert started[-1] == 8
            return
        with pytest.raises(InvalidRunError, match="6 more servers need") as caught:
            servers.start(started.append)
    assert remedy in caught.value.remedy
    assert started[-1] == 2


@pytest.mark.parametrize("at_once", [1, 2])
def test_what_cannot_be_answered_in_rows_is_asked_in_columns_of_both_arms(at_once: int) -> None:
    driver = _Picky(refused={b"x": Reply(3, "Tensor name: t has no shape information ", b"")})
    with _servers(driver, (Call(b"columns"),), at_once) as servers:
        servers.start(lambda _: None)
        assert {live.calls for live in servers.replicas} == {(Call(b"columns"),)}
    assert driver.asked.count(b"x") <= at_once  # asked once, not for each server


def test_what_can_be_answered_in_rows_stays_in_rows() -> None:
    driver = _Picky()
    with _servers(driver, (Call(b"columns"),)) as servers:
        servers.start(lambda _: None)
        assert {live.calls for live in servers.replicas} == {(Call(b"x"),)}
    assert set(driver.asked) == {b"x"}


@pytest.mark.parametrize(
    ("answer", "says", "remedy"),
    [
        (Reply(4, "no answer within the deadline", b""), "DEADLINE_EXCEEDED: no answer within", "load.deadline_s"),
        (Reply(9, "Table not initialized.\n\t[[{{node q}}]]", b""), "FAILED_PRECONDITION: Table", "initialises it"),
        (Reply(3, "Could not parse example input, value: 'x'", b""), "INVALID_ARGUMENT", '"examples"'),
        (Reply(13, "a" * 900 + "\0 at last", b""), "INTERNAL: aaa", "server's log"),
    ],
)
def test_a_first_request_that_fails_says_its_status_and_the_remedy_that_fits(
    answer: Reply, says: str, remedy: str
) -> None:
    refused = {b"x": answer, b"columns": answer}
    with _servers(_Picky(refused=refused), (Call(b"columns"),)) as servers, pytest.raises(InvalidRunError) as caught:
        servers.start(lambda _: None)
    assert says in caught.value.problem
    assert remedy in caught.value.remedy
    assert caught.value.problem.isprintable()
    assert len(caught.value.problem) < 400


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


def test_after_one_that_could_not_be_warmed_the_others_get_the_usual_time() -> None:
    drivers: list[FakeDriver] = []

    def compiles(*_: object) -> FakeDriver:
        drivers.append(FakeDriver([*[400.0, 1.0] * 200]))
        return drivers[-1]

    servers = _servers(FakeDriver())
    setups = {
        arm: replace(each, calls=tuple(Call(str(number).encode()) for number in range(200)))
        for arm, each in _setups(Server()).items()
    }
    world = replace(servers._world, driver=compiles, clock=lambda: sum(each.now_s for each in drivers))
    with Servers(servers._plan, setups, world) as started:
        started.start(lambda _: None)
        facts = started.warm_up(lambda _: None)
    assert all(fact.cold_requests for fact in facts)
    seconds = [fact.warmup_s for fact in facts]
    assert seconds[0] > servers._plan.first_calls_limit_s
    assert max(seconds[1:]) < 5 * servers._plan.warmup_limit_s  # a few requests at a time
