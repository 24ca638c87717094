"""From the driver's record to the recorded part of a turn."""

from __future__ import annotations

import numpy as np
import pytest

from perfgate.capacity.answer import Bound
from perfgate.capacity.driven import Protocol, turn_of
from perfgate.capacity.lengths import Lengths
from perfgate.capacity.reference_queue import responses_s
from perfgate.capacity.search import Ask
from perfgate.capacity.turn import Floats, Stage, Turn
from perfgate.loadgen.arrivals import poisson
from perfgate.trials import Arm, Depth, Lane, Requests, State, Trial

PROTOCOL = Protocol((Bound("latency_p99_ms", 0.01, 20.0), Bound("error_rate", 0.01)), Lengths(0.5, 1.0, 0.1), 1)


def turn(response_ms: Floats, instants_s: Floats, *, cores: float = 0.3, lag_ms: float = 0.1, failed: int = 0) -> Turn:
    """Make one from invented records; the last `failed` requests have no answer."""
    status = np.zeros(instants_s.size, np.int8)
    status[instants_s.size - failed :] = 14
    requests = Requests(instants_s, response_ms, response_ms - lag_ms, np.full(instants_s.size, lag_ms), status)
    trial = Trial(
        Lane.LOAD, Depth.REQUEST, State.WARM, 0, Arm.CANDIDATE, 3, 0.0, 1.5, requests,
        cpu_ms=900.0, driver_cpu_ms=1_500 * cores,
    )  # fmt: skip
    return turn_of(Ask(400.0, Stage.TEST, 3, 7), trial, instants_s, PROTOCOL)


def queue(service_ms: float) -> tuple[Floats, Floats]:
    instants_s = poisson(400.0, 1.5, np.random.default_rng(4))
    return 1e3 * responses_s(instants_s, service_ms / 1e3), instants_s


def test_the_start_is_left_out() -> None:
    response_ms, instants_s = queue(1.0)
    found = turn(np.where(instants_s < 0.5, 1_000.0, response_ms), instants_s)
    assert found.requests == np.count_nonzero(instants_s >= 0.5)
    assert (found.missed, found.failed, found.overloaded) == ((0, 0), 0, False)
    assert found.achieved_rps == pytest.approx(found.requests + 500 * 0.4, rel=0.2), "those of the start end later"


def test_littles_law_holds_where_the_start_is_alike() -> None:
    found = turn(*queue(1.0))
    assert found.in_flight == pytest.approx(found.achieved_rps * found.response_ms.mean() / 1e3, rel=0.05)
    assert found.seen.cpu_cores == pytest.approx(0.6)
    assert found.seen.generator_cores == pytest.approx(0.3)


def test_failed_requests_miss_both_objectives() -> None:
    found = turn(*queue(1.0), failed=6)
    assert (found.missed, found.failed) == ((6, 6), 6)


def test_a_backlog_that_grows_misses_the_bound_of_time_alone() -> None:
    response_ms, instants_s = queue(6.0)
    found = turn(np.minimum(response_ms, 19.0), instants_s)
    assert not found.overloaded, "answered after 19 ms at most, there is no backlog"
    found = turn(response_ms, instants_s)
    assert found.overloaded
    assert found.missed == (found.requests, 0)


@pytest.mark.parametrize(
    ("service_ms", "cores", "lag_ms", "bound"),
    [(1.0, 0.95, 0.1, False), (3.0, 0.95, 0.1, True), (3.0, 0.5, 0.1, False), (1.0, 0.5, 40.0, True)],
    ids=["busy and held", "busy and missed", "idle and missed", "late"],
)
def test_the_generator_is_the_limit_where_it_is_late_or_busy_while_objectives_are_missed(
    service_ms: float, cores: float, lag_ms: float, *, bound: bool
) -> None:
    response_ms, instants_s = queue(service_ms)
    found = turn(response_ms + lag_ms, instants_s, cores=cores, lag_ms=lag_ms)
    assert found.seen.generator_bound is bound
