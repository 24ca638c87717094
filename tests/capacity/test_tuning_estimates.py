from __future__ import annotations

from math import inf, isnan

import numpy as np
import pytest

from perfgate.capacity.answer import Bound, CapacityKind, TunedSettings
from perfgate.capacity.estimate import Estimate
from perfgate.capacity.search import Search, Searched
from perfgate.capacity.tuning_candidates import Candidate
from perfgate.capacity.tuning_estimates import Explored, mean_rate, p99_of, pooled_variance, settings_of
from perfgate.capacity.turn import Stage, Turn
from perfgate.scenario.schema import Server
from perfgate.trials import Arm

BOUND = Bound("latency_p99_ms", 0.01, 20.0)
REQUESTS = 1000


def _explored(name: str, capacity_rps: float, turns: int = 12, seed: int = 0) -> Explored:
    """Search settings whose share of slow requests is the allowed one at a known rate."""
    rng = np.random.default_rng(seed)
    wanted = Searched((Arm.CANDIDATE,), (BOUND,), 2, 400.0, {}, (0.4, 0.7, 1.0))
    search = Search(wanted, rng)
    asks = search.asks(lambda: 0.0)
    for _ in range(turns):
        ask = next(asks)
        share = 1 / (1 + np.exp(-(np.log(0.01 / 0.99) + 20 * np.log(ask.rate_rps / capacity_rps))))
        slow = int(rng.binomial(REQUESTS, share))
        search.tell(_turn(ask.rate_rps, slow, pair=ask.pair, number=ask.number, stage=ask.stage))
    return Explored(Candidate(name, Server()), search, rounds=1, throughput_rps=450.0)


def _turn(rate_rps: float, slow: int, *, pair: int = 0, number: int = 0, stage: Stage = Stage.TEST) -> Turn:
    response_ms = np.where(np.arange(REQUESTS) < slow, 30.0, 5.0)
    return Turn(Arm.CANDIDATE, pair, number, stage, rate_rps, np.zeros(0), response_ms, (slow,))


def _only(explored: Explored, *others: Explored) -> TunedSettings:
    return settings_of((explored, *others), (BOUND,))[0]


def test_known_capacities_are_in_their_intervals() -> None:
    truth = (300.0, 400.0, 500.0, 380.0)
    found = settings_of([_explored("x", rate, seed=n) for n, rate in enumerate(truth)], (BOUND,))
    for each, rate in zip(found, truth, strict=True):
        assert each.kind is CapacityKind.ESTIMATED
        assert each.capacity_lower_rps < rate < each.capacity_upper_rps
        assert each.capacity_rps == pytest.approx(rate, rel=0.1)


def test_more_settings_make_two_servers_say_more() -> None:
    alone = _only(_explored("a", 400.0))
    among = _only(_explored("a", 400.0), *(_explored(f"{n}", 400.0, seed=n) for n in range(1, 6)))
    assert alone.kind is CapacityKind.OPEN or alone.capacity_upper_rps > among.capacity_upper_rps
    assert among.kind is CapacityKind.ESTIMATED


def test_variances_are_pooled_by_servers_and_turns() -> None:
    def found(*without: float) -> Estimate:
        return Estimate(0.0, 20.0, 0, np.array(without), np.zeros(2), 0.0, 0.0)

    assert pooled_variance({}, {}) == (inf, 0)
    assert pooled_variance({0: found(0.1)}, {0: 9}) == (inf, 0)
    assert pooled_variance({0: found(-0.1, 0.1)}, {0: 9})[0] == pytest.approx(0.09)
    variance, freedom = pooled_variance({0: found(-0.1, 0.1), 1: found(0, 0)}, {0: 9, 1: 5})
    assert variance == pytest.approx(0.045)
    assert freedom == 2


def test_settings_that_hold_no_rate_or_every_rate_say_so() -> None:
    wanted = Searched((Arm.CANDIDATE,), (BOUND,), 2, 400.0, {}, (0.5, 1.0))
    for slow, kind, rate in ((REQUESTS, CapacityKind.BELOW, 200.0), (0, CapacityKind.ABOVE, 400.0)):
        search = Search(wanted, np.random.default_rng(1))
        search.tell(_turn(200.0, slow, stage=Stage.SWEEP), _turn(400.0, slow, stage=Stage.SWEEP, number=1))
        each = _only(Explored(Candidate("x", Server()), search, rounds=1))
        assert (each.kind, each.capacity_rps) == (kind, rate)


def test_what_was_not_measured_is_unknown() -> None:
    failed = _only(Explored(Candidate("x", Server()), problem="refused", rounds=1))
    assert (failed.problem, failed.rounds) == ("refused", 0)
    fresh = _only(Explored(Candidate("x", Server())))
    assert fresh.kind is CapacityKind.OPEN
    assert isnan(fresh.capacity_rps)
    assert isnan(fresh.p99_ms)
    assert (fresh.p99_lower_ms, fresh.p99_upper_ms) == (0.0, inf)


def test_a_percentile_of_few_requests_has_no_upper_end() -> None:
    few, many = p99_of([_turn(100.0, 0)] * 1), p99_of([_turn(100.0, 20)] * 4)
    assert few[0] == 5.0
    assert many == (30.0, 30.0, 30.0)
    assert isnan(p99_of([])[0])
    assert p99_of([])[1:] == (0.0, inf)
    short = Turn(Arm.CANDIDATE, 0, 0, Stage.TEST, 100.0, np.zeros(0), np.arange(100.0), (0,))
    value, lower, upper = p99_of([short])
    assert lower < value < upper == inf


def test_rates_are_averaged_as_ratios() -> None:
    assert mean_rate([100.0, 400.0]) == pytest.approx(200.0)
    assert mean_rate([0.0, 400.0]) == pytest.approx(400.0)
    assert isnan(mean_rate([0.0]))
