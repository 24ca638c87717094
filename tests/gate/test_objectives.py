from __future__ import annotations

from math import inf, isnan

import numpy as np
import pytest

from perfgate.gate.interim import NominalLevels
from perfgate.gate.objectives import candidate_interval, judge_objective
from perfgate.gate.verdict import ObjectiveVerdict, Verdict
from perfgate.metrics import BY_NAME
from perfgate.scenario.schema import Objective
from perfgate.stats.binomial import lower_share
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, Depth, Lane
from tests.stats.build import NAN, execute_trials, load_trials, requests, trial


def _judge(name: str, table: TrialTable, **bound: float) -> ObjectiveVerdict:
    return judge_objective(BY_NAME[name], Objective.model_validate(bound), table, NominalLevels(0.01, 0.01))


def _loaded(above: int, count: int, replicas: int = 1) -> TrialTable:
    """Slow requests evenly among the others, so that they do not form clusters."""
    times = np.full(count, 10.0)
    times[np.linspace(0, count, above, endpoint=False, dtype=int)] = 30.0
    return TrialTable.of(load_trials(replicas, lambda arm, _: list(times) if arm is Arm.CANDIDATE else [1e6]))


@pytest.mark.parametrize(
    ("above", "count", "expected"),
    [(0, 674, Verdict.PASS), (0, 673, Verdict.INCONCLUSIVE), (1, 883, Verdict.PASS), (1, 882, Verdict.INCONCLUSIVE)],
)
def test_a_percentile_holds_from_so_many_requests_on(above: int, count: int, expected: Verdict) -> None:
    """459 and 662 independent ones would suffice; ten batches of one server keep 68 % of them, and of those above."""
    found = _judge("latency_p99_ms", _loaded(above, count), max=20.0)
    assert found.verdict is expected
    assert (found.upper <= 20.0) == (expected is Verdict.PASS)


def test_a_percentile_that_most_requests_miss_is_broken() -> None:
    found = _judge("latency_p99_ms", _loaded(40, 800), max=20.0)
    assert found.verdict is Verdict.FAIL
    assert (found.value, found.lower) == (30.0, 30.0)
    assert found.reason == "30.0 ms is above 20 ms"


def test_a_share_is_shown_in_percent() -> None:
    assert _judge("error_rate", _loaded(0, 4000), max=0.05).reason == "0% is at most 5%"


def test_an_undecided_percentile_says_how_many_requests_it_needs() -> None:
    assert _judge("latency_p99_ms", _loaded(0, 100), max=20.0).more == "needs about 1,091 more requests, 1,191 in total"
    some = _judge("latency_p99_ms", _loaded(3, 400), max=20.0).more
    assert some.startswith("needs about ")
    more, in_all = (int(some.split()[place].replace(",", "")) for place in (2, 5))
    assert in_all == 400 + more
    assert 0 < more < 20_000
    exact = _judge("latency_p99_ms", _loaded(4, 400), max=20.0)
    assert exact.more == "too close to the bound for any practical number of requests"


def test_slow_requests_of_one_replica_only_count_as_a_cluster() -> None:
    even = load_trials(6, lambda *_: [30.0] + [10.0] * 799)
    uneven = load_trials(6, lambda _, number: [30.0] * 6 * (number == 0) + [10.0] * (800 - 6 * (number == 0)))
    assert _judge("latency_p99_ms", TrialTable.of(even), max=20.0).verdict is Verdict.PASS
    assert _judge("latency_p99_ms", TrialTable.of(uneven), max=20.0).verdict is Verdict.INCONCLUSIVE


def test_requests_without_an_answer_are_slower_than_any_bound() -> None:
    lost = TrialTable.of(load_trials(6, lambda *_: [NAN] * 50 + [1.0] * 50))
    found = _judge("latency_p90_ms", lost, max=20.0)
    assert (found.verdict, found.value) == (Verdict.FAIL, inf)


def test_a_mean_is_bounded_over_replicas() -> None:
    table = TrialTable.of(execute_trials(5, 4, lambda _block, _arm, number: 2.0 + number / 100))
    assert _judge("execute_ms", table, max=3.0).verdict is Verdict.PASS
    assert _judge("execute_ms", table, max=1.0).verdict is Verdict.FAIL
    near = _judge("execute_ms", table, max=2.02)
    assert near.verdict is Verdict.INCONCLUSIVE
    assert near.value == pytest.approx(2.015)
    assert near.more == "too close to the bound for any practical measuring time"
    assert _judge("execute_ms", table, max=2.03).more == "about 4 times the measuring time"
    assert _judge("execute_ms", table, min=1.0).verdict is Verdict.PASS
    assert _judge("execute_ms", table, min=3.0).reason == "2.01 ms is below 3 ms"


def test_one_replica_decides_no_mean() -> None:
    found = _judge("execute_ms", TrialTable.of(execute_trials(5, 1, lambda *_: 2.0)), max=3.0)
    assert (found.verdict, found.more) == (Verdict.INCONCLUSIVE, "needs at least two replicas")


def test_a_size_is_compared_as_it_is() -> None:
    table = TrialTable.of([], (), {Arm.CANDIDATE: 12.0})
    assert _judge("model_size_mb", table, max=12.0).verdict is Verdict.PASS
    assert _judge("model_size_mb", table, max=11.9).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("failed", "bound", "expected"),
    [(0, 0.05, Verdict.PASS), (8, 0.05, Verdict.PASS), (200, 0.05, Verdict.INCONCLUSIVE), (800, 0.05, Verdict.FAIL)],
)
def test_the_error_rate_is_bounded_on_both_sides(failed: int, bound: float, expected: Verdict) -> None:
    status = np.zeros(4000, np.int8)
    status[np.linspace(0, 4000, failed, endpoint=False, dtype=int)] = 14
    table = TrialTable.of([trial(0, Arm.CANDIDATE, 1, requests([1.0] * 4000, list(status)), Lane.LOAD, Depth.REQUEST)])
    found = _judge("error_rate", table, max=bound)
    assert found.verdict is expected
    assert found.value == failed / 4000
    assert found.lower <= found.value <= found.upper


def test_no_number_of_requests_proves_that_none_fails() -> None:
    assert _judge("error_rate", _loaded(0, 100), max=0.0).more.startswith("no number of requests proves")


@pytest.mark.parametrize("name", ["latency_p99_ms", "error_rate", "execute_ms", "model_size_mb", "load_time_s"])
def test_without_data_nothing_is_decided(name: str) -> None:
    found = _judge(name, TrialTable.of([]), max=1.0)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert isnan(found.value)
    assert found.reason == "no usable data for the candidate"
    assert found.more == "include a lane that measures it"


def test_a_server_with_few_requests_proves_nothing_and_two_servers_little() -> None:
    few = _judge("latency_p90_ms", _loaded(0, 30), max=20.0)
    assert (few.verdict, few.more) == (Verdict.INCONCLUSIVE, "needs at least 40 requests")
    two = _judge("latency_p90_ms", _loaded(0, 1000, replicas=2), max=20.0)
    assert two.verdict is Verdict.INCONCLUSIVE
    assert two.more.startswith("2 servers are too few to show how servers differ: use 8")


def test_one_server_in_a_slow_phase_fails_and_passes_nothing() -> None:
    """As independent requests they would fail: 60 of 1,000 are above the 99th percentile's bound, in one stretch."""
    phase = [30.0] * 60 + [10.0] * 940
    table = TrialTable.of(load_trials(1, lambda *_: phase))
    assert lower_share(60, 1000, 0.01) > 0.01
    assert _judge("latency_p99_ms", table, max=20.0).verdict is Verdict.INCONCLUSIVE


def test_a_failure_of_an_objective_is_held_to_the_level_that_it_shares() -> None:
    table = TrialTable.of(execute_trials(5, 4, lambda _block, _arm, number: 2.0 + number / 100))
    objective, metric = Objective(max=1.985), BY_NAME["execute_ms"]
    alone = judge_objective(metric, objective, table, NominalLevels.of(0.01, 1))
    among = judge_objective(metric, objective, table, NominalLevels.of(0.01, 5))
    assert (alone.verdict, among.verdict) == (Verdict.FAIL, Verdict.INCONCLUSIVE)
    assert among.lower < 1.985 < alone.lower
    held = Objective(max=2.05)
    assert judge_objective(metric, held, table, NominalLevels.of(0.01, 5)).verdict is Verdict.PASS


def test_the_candidates_interval_is_what_bounds_on_both_sides_of_it_would_prove() -> None:
    """Student's t over four servers of 2.00 … 2.03 ms, whose mean is 2.015 and its standard error 0.00645."""
    table = TrialTable.of(execute_trials(5, 4, lambda _block, _arm, number: 2.0 + number / 100))
    found = candidate_interval(BY_NAME["execute_ms"], table, 0.025)
    assert found is not None
    value, lower, upper = found
    se = float(np.std([2.00, 2.01, 2.02, 2.03], ddof=1)) / 2
    assert (value, lower) == pytest.approx((2.015, 2.015 - 3.18245 * se), abs=1e-6)
    assert upper >= 2.015 + 3.18245 * se - 1e-6, "never narrower upwards, where times are skewed"
    levels = NominalLevels(0.025, 0.025)
    judged = [
        judge_objective(BY_NAME["execute_ms"], Objective(max=bound), table, levels).verdict
        for bound in (lower - 1e-6, lower + 1e-6, upper - 1e-6, upper + 1e-6)
    ]
    assert judged == [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE, Verdict.PASS]


def test_the_interval_of_a_percentile_contains_it_and_narrows_with_requests() -> None:
    rng = np.random.default_rng(1)
    widths = []
    for count in (200, 2000):
        table = TrialTable.of(load_trials(8, lambda *_, count=count: list(rng.lognormal(2, 0.3, count))))
        found = candidate_interval(BY_NAME["latency_p99_ms"], table, 0.025)
        assert found is not None
        assert found[1] <= found[0] <= found[2]
        widths.append(found[2] - found[1])
    assert widths[1] < 0.6 * widths[0]


def test_the_interval_is_the_candidates_alone() -> None:
    table = TrialTable.of(execute_trials(5, 4, lambda _, arm, __: 1.0 if arm is Arm.CANDIDATE else 50.0))
    assert candidate_interval(BY_NAME["execute_ms"], table, 0.01) == pytest.approx((1.0, 1.0, 1.0))
    alone = [each for each in execute_trials(5, 4, lambda *_: 1.0) if each.arm is Arm.BASELINE]
    assert candidate_interval(BY_NAME["execute_ms"], TrialTable.of(alone), 0.01) is None


@pytest.mark.parametrize("name", ["latency_p99_ms", "error_rate", "execute_ms", "model_size_mb", "capacity_rps"])
def test_without_data_there_is_no_interval(name: str) -> None:
    assert candidate_interval(BY_NAME[name], TrialTable.of([]), 0.01) is None


def test_a_percentile_among_lost_requests_has_no_interval() -> None:
    lost = TrialTable.of(load_trials(6, lambda *_: [NAN] * 50 + [1.0] * 50))
    assert candidate_interval(BY_NAME["latency_p90_ms"], lost, 0.01) is None
