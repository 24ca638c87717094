from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from perfgate.cautions import CautionKind
from perfgate.experiment.cautions import (
    generator_problem,
    is_disturbed,
    load_cautions,
    machine_cautions,
    observer_cautions,
    pause_cautions,
    server_cautions,
    time_cautions,
    warmup_cautions,
    worker_cautions,
)
from perfgate.experiment.lanes import traffic_of
from perfgate.experiment.plan import Plan, Segment, Slot, make_plan
from perfgate.experiment.servers import LiveReplica
from perfgate.formatting import with_unit
from perfgate.loadgen.fake import FakeDriver
from perfgate.loadgen.load_worker import LoadWorker
from perfgate.observe.fake import FakeProcessAccounts
from perfgate.scenario.schema import Load, Scenario
from perfgate.serving.fake import FakeReplica
from perfgate.trials import Arm, Block, Call, Conditions, Depth, Lane, ReplicaFacts, Requests, State, Trial


def _plan(load: Load) -> Plan:
    return make_plan(Scenario(load=load), tuple(Arm), seed=1, replicas=4)


PLAN = _plan(Load(arrivals="poisson", rate_rps=100))


def _trial(arm: Arm, wall_s: float, driver_cpu_ms: float = 1.0, lag_ms: Sequence[float] = (0.1,)) -> Trial:
    lag = np.array(lag_ms)
    requests = Requests(lag, lag, lag, lag, np.zeros(lag.size, np.int8))
    return Trial(Lane.LOAD, Depth.REQUEST, State.UNDER_LOAD, 0, arm, 0, 0.0, wall_s, requests, 1.0, driver_cpu_ms)


def _block(
    *trials: Trial, lane: Lane = Lane.LOAD, steal: float = 0.0, pressure: float = 0.0, wall_s: float = 1.0
) -> Block:
    return Block(lane, Depth.REQUEST, 0, 0.0, wall_s, trials, Conditions(steal, pressure))


def _codes(cautions: Sequence[object]) -> list[str]:
    return [caution.code for caution in cautions]  # type: ignore[attr-defined]


def test_with_several_workers_the_share_is_each_ones() -> None:
    busy = [_block(_trial(Arm.CANDIDATE, 1.0, 1700.0))]
    one, two, three = (
        generator_problem(busy, _plan(Load(arrivals="poisson", rate_rps=100, workers=workers))) for workers in (1, 2, 3)
    )
    assert one is not None
    assert two is not None
    assert "85% of its core" in two
    assert three is None


@pytest.mark.parametrize(
    ("worker", "codes"),
    [
        (LoadWorker("w", 9, -5e6, 0.9, 0.9, 0, 1.9), []),
        (LoadWorker("w", 9, 0.0, 1.1, 0.0, 0, 0.0), ["worker clock"]),
        (LoadWorker("w", 9, 0.0, 0.3, 40.0, 0, 0.0), ["worker clock"]),
        (LoadWorker("w", 9, 0.0, 0.3, 0.0, 2, 35.0), ["late worker"]),
    ],
)
def test_load_workers_are_named_whose_clock_or_start_is_not_as_it_should_be(
    worker: LoadWorker, codes: list[str]
) -> None:
    assert _codes(worker_cautions((worker,))) == codes


def test_a_late_worker_is_named_with_its_lateness() -> None:
    worker = LoadWorker("load worker 2 on node 10.0.0.7 (3f0c1a9b)", 40, late_series=3, late_ms=35.0)
    (found,) = worker_cautions((worker,))
    assert found.message == (
        "load worker 2 on node 10.0.0.7 (3f0c1a9b) began late in 3 of 40 series, by 35.0 ms at most"
    )


def test_workers_without_a_request_in_flight_do_not_make_the_others_look_idle() -> None:
    busy = [_block(_trial(Arm.CANDIDATE, 1.0, 950.0))]
    problem = generator_problem(busy, _plan(Load(in_flight=1, workers=4)))
    assert problem is not None
    assert "95% of its core" in problem


@pytest.mark.parametrize(
    ("lag_ms", "service_ms", "late_turns", "invalid"),
    [  # times: median and 99th percentile; most of these were measured (docs/explanation/method.md)
        ((0.1, 0.5), (1, 3), 8, False),  # normal
        ((0.08, 6.2), (0.64, 3.1), 8, False),  # a shared, loaded machine
        ((0.65, 17), (0.71, 20), 8, False),  # other work: the server is as late as the generator
        ((2.9, 36), (9.5, 92), 8, False),
        ((2.0, 11), (1.5, 10.5), 8, True),  # other work on the generator's CPU only
        ((3.4, 32), (2.1, 20), 8, True),
        ((3.4, 32), (2.1, 20), 3, False),  # in three turns of eight
        ((0.1, 40), (0.5, 2), 8, True),  # one request in a hundred
        ((0.1, 40), (0.5, 2), 5, True),
        ((0.1, 40), (0.5, 2), 3, False),
        ((5, 9), (0.5, 2), 8, False),  # at most 10 ms
        ((2000, 4000), (30, 50), 8, True),
    ],
)
def test_a_generator_that_lagged_voids_the_run(
    lag_ms: tuple[float, float], service_ms: tuple[float, float], late_turns: int, *, invalid: bool
) -> None:
    def times(typical: float, slow: float) -> NDArray[np.float64]:
        return np.array([typical] * 95 + [slow] * 5)

    def turn(arm: Arm, *, late: bool) -> Trial:
        lags, service = times(*lag_ms) if late else np.full(100, 0.1), times(*service_ms)
        requests = Requests(np.arange(100.0), service + lags, service, lags, np.zeros(100, np.int8))
        return replace(_trial(arm, 1.0), requests=requests)

    blocks = [
        _block(turn(Arm.BASELINE, late=number < late_turns), turn(Arm.CANDIDATE, late=number + 1 < late_turns))
        for number in range(0, 8, 2)
    ]
    swapped = [
        replace(block, trials=tuple(replace(t, arm=list(Arm)[t.arm is Arm.BASELINE]) for t in block.trials))
        for block in blocks
    ]
    problem = generator_problem(blocks, PLAN)
    assert (problem is not None) is invalid
    assert generator_problem(swapped, PLAN) == problem
    if problem is not None:
        assert f"({with_unit(service_ms[1], 'ms')})" in problem
    assert generator_problem(blocks, _plan(Load())) is None  # a closed loop has no schedule to miss
    assert generator_problem([], PLAN) is None


CAPACITY_RPS = 200.0
KINDS = {
    "constant": lambda peak: Load(arrivals="constant", rate_rps=peak, turn_s=2),
    "poisson": lambda peak: Load(arrivals="poisson", rate_rps=peak, turn_s=2),
    "gamma": lambda peak: Load(arrivals="gamma", rate_rps=peak, cv=2, turn_s=2),
    "long": lambda peak: Load(arrivals="poisson", rate_rps=peak, turn_s=30),
    "short deadline": lambda peak: Load(arrivals="poisson", rate_rps=peak, turn_s=10, deadline_s=0.2),
    "up": lambda peak: Load(arrivals="ramp", from_rps=10, to_rps=peak, turn_s=20),
    "down": lambda peak: Load(arrivals="ramp", from_rps=peak, to_rps=10, turn_s=20),
    "steps": lambda peak: Load(arrivals="steps", steps_rps=(20, peak, 20), turn_s=12),
}


def _driven(load: Load, capacity_rps: float) -> Block:
    plan = _plan(load)
    trials = []
    for arm, service_ms in ((Arm.BASELINE, 1.0), (Arm.CANDIDATE, 1e3 / capacity_rps)):
        for number in range(3):
            traffic = traffic_of(Segment(Lane.LOAD, Depth.REQUEST, 1), number, plan)
            driver = FakeDriver((service_ms,), deadline_s=load.deadline_s)
            trials.append(replace(_trial(arm, plan.turn_s), requests=driver.drive((Call(b""),), traffic)))
    return _block(*trials)


@pytest.mark.parametrize("kind", KINDS)
def test_an_arm_that_does_not_keep_up_is_named_whatever_the_arrivals(kind: str) -> None:
    fits, too_much = (KINDS[kind](share * CAPACITY_RPS) for share in (0.7, 1.6))
    assert not load_cautions([_driven(fits, CAPACITY_RPS)], _plan(fits))
    (caution,) = load_cautions([_driven(too_much, CAPACITY_RPS)], _plan(too_much))
    assert caution.code == CautionKind.OVERLOAD.code
    assert caution.message.startswith("the candidate ")
    assert "requests/s" in caution.message
    assert "None" not in caution.message


def test_a_trace_that_is_too_fast_is_reported_with_the_rate_at_that_time(tmp_path: Path) -> None:
    file = tmp_path / "trace"
    stamps = [*np.arange(0, 5, 0.05), *np.arange(5, 8, 0.0025), *np.arange(8, 14, 0.05)]
    file.write_text("\n".join(f"{stamp:.4f}" for stamp in stamps))
    load = Load(arrivals="trace", trace=str(file))
    (caution,) = load_cautions([_driven(load, CAPACITY_RPS)], _plan(load))
    rate_rps = float(caution.message.partition("about ")[2].split()[0])
    assert 200 < rate_rps <= 410
    assert not load_cautions([_driven(load, 1000)], _plan(load))


def test_turns_without_requests_are_no_news() -> None:
    assert not load_cautions([_block(_trial(Arm.BASELINE, PLAN.turn_s, lag_ms=[]))], PLAN)
    assert generator_problem([_block(_trial(Arm.BASELINE, PLAN.turn_s, lag_ms=[]))], PLAN) is None


def test_only_late_sends_are_reported() -> None:
    late = _block(_trial(Arm.BASELINE, PLAN.turn_s, lag_ms=[0.1] * 50 + [30.0] * 5))
    assert _codes(load_cautions([late], PLAN)) == [CautionKind.SEND_LAG.code]
    assert not load_cautions([_block(_trial(Arm.BASELINE, PLAN.turn_s))], PLAN)


def test_a_closed_loop_has_no_schedule_to_miss() -> None:
    assert not load_cautions([_block(_trial(Arm.BASELINE, 99.0, lag_ms=[50.0]))], _plan(Load()))


def test_overtime_is_reported() -> None:
    given_s = sum(segment.seconds for segment in PLAN.segments)
    assert not time_cautions(given_s * 1.4, PLAN)
    (caution,) = time_cautions(given_s * 2, PLAN)
    assert caution.code == CautionKind.BUDGET.code
    assert "turn_s" not in caution.remedy
    (caution,) = time_cautions(given_s * 2, _plan(Load(turn_s=60)))
    assert caution.remedy.endswith("load.turn_s or load.replicas")


@pytest.mark.parametrize(
    ("steal", "pressure", "kinds"),
    [(0.0, 0.1, []), (0.2, 0.1, [CautionKind.STEAL]), (0.0, 0.9, [CautionKind.CPU_PRESSURE]), (np.nan, np.nan, [])],
)
def test_steal_and_pressure_are_reported(steal: float, pressure: float, kinds: list[CautionKind]) -> None:
    assert _codes(machine_cautions([_block(lane=Lane.COST, steal=steal, pressure=pressure)])) == [
        kind.code for kind in kinds
    ]


def _stopped(*stopped_ms: float) -> list[Block]:
    return [replace(_block(lane=Lane.COST), conditions=Conditions(0.0, 0.1, each)) for each in stopped_ms]


@pytest.mark.parametrize("stopped_ms", [(0.0, 0.0), (np.nan, np.nan), (9.0, 9.0), ()])
def test_a_quota_that_hardly_stops_anything_is_no_news(stopped_ms: Sequence[float]) -> None:
    assert not _codes(machine_cautions(_stopped(*stopped_ms)))


def test_a_quota_that_throttles_the_servers_is_reported_with_share_and_remedy() -> None:
    (caution,) = machine_cautions(_stopped(400.0, 0.0, 350.0, np.nan))
    assert caution.code == CautionKind.THROTTLED.code
    assert caution.message.endswith("for 0.75 s of 3 s measured, in 2 of 3 blocks")
    assert "cpu.max" in caution.remedy


@pytest.mark.parametrize("lane", list(Lane))
@pytest.mark.parametrize("steal", [None, 0.04, 0.2])
@pytest.mark.parametrize("pressure", [None, 0.4, 0.9])
def test_a_block_is_disturbed_where_a_run_of_such_blocks_has_a_caution(
    lane: Lane, steal: float | None, pressure: float | None
) -> None:
    block = _block(
        lane=lane, steal=np.nan if steal is None else steal, pressure=np.nan if pressure is None else pressure
    )
    assert is_disturbed(lane, steal, pressure) is bool(machine_cautions([block]))


def _facts(
    arm: Arm = Arm.BASELINE, *, warm: bool = True, replayed: int = 0, first_ms: float = 9.0, warm_ms: float = 2.0
) -> ReplicaFacts:
    return ReplicaFacts(0, arm, 0, 0, 1, 0.1, first_ms, 20, 0.1, warm, warm_ms, replayed)


def test_servers_that_were_not_warm_are_counted() -> None:
    assert not warmup_cautions([_facts()])
    (caution,) = warmup_cautions([_facts(), _facts(warm=False)])
    assert caution.message.startswith("1 of 2 servers")


def test_warm_up_requests_without_effect_are_reported_for_their_arm() -> None:
    vain, of_use = _facts(Arm.CANDIDATE, replayed=3, first_ms=40), _facts(Arm.CANDIDATE, replayed=3, first_ms=5)
    none = _facts(replayed=0, first_ms=40)
    (caution,) = warmup_cautions([none, none, vain, of_use])
    assert caution.code == CautionKind.WARMUP_REQUESTS.code
    assert "the candidate replayed 3" in caution.message
    assert "still took 40.0 ms (warm: 2.00 ms)" in caution.message
    assert "tf_serving_warmup_requests" in caution.remedy
    assert not warmup_cautions([none, vain, of_use, of_use])
    assert not warmup_cautions([_facts(replayed=3, warm_ms=float("nan"))])


def _observed(missing: tuple[str, ...] = (), pauses: int = 0) -> LiveReplica:
    server = FakeReplica(1, 1.0, np.random.default_rng(1))
    observer = FakeProcessAccounts(lambda: 0.0, missing=missing)
    return LiveReplica(Slot(0, Arm.CANDIDATE, 0, 0), server, FakeDriver(pauses=pauses), observer, (), (), 1.0)


def test_an_unobservable_server_is_reported_once_with_ways_to_name_it() -> None:
    assert observer_cautions([_observed()]) == ()
    (caution,) = observer_cautions([_observed(("memory", "CPU time")), _observed(("CPU time",))])
    assert caution.message.startswith("CPU time and memory of the servers is not known")
    assert "--pid" in caution.remedy


def test_pauses_of_a_closed_loop_are_counted() -> None:
    assert pause_cautions([_observed()]) == ()
    (caution,) = pause_cautions([_observed(pauses=2), _observed(pauses=3)])
    assert "paused 5 times for 20 ms each" in caution.message


def test_a_fallback_library_is_reported_once_with_the_reason() -> None:
    usual = _observed()
    assert server_cautions([usual]) == ()
    other = replace(usual, server=FakeReplica(1, 1.0, np.random.default_rng(1), substituted="ImportError: no ngh2"))
    (caution,) = server_cautions([usual, other, other])
    assert "because ngh2 does not work here (ImportError: no ngh2)" in caution.message
    assert "pip install" in caution.remedy
