from collections import Counter
from typing import Any

import numpy as np
import pytest

from perfgate.capacity.search import LADDER, Ask, above_low_load
from perfgate.capacity.settings import servers_for
from perfgate.capacity.turn import Stage, Turn
from perfgate.trials import Arm
from tests.capacity.turns import BOUND, curve, searched


def breaking_at(rate_rps: float, ask: Ask) -> float:
    """Four times the misses for each 10 % of the rate, 1 % at this one."""
    return float(min(0.01 * 4 ** (np.log(ask.rate_rps / rate_rps) / 0.1), 0.9))


def stages(asks: list[Ask], stage: Stage) -> list[float]:
    return [ask.rate_rps for ask in asks if ask.stage is stage]


def test_the_search_stays_near_the_capacity_and_tests_twice_at_three_rates_around_it() -> None:
    search, asks = searched(lambda ask, arm: curve(ask, breaking_at(80, ask), arm=arm, n=2_000))
    for low, middle, high in (search.tested_rps[:3], search.tested_rps[3:]):
        assert low < 80 < high
        assert middle == pytest.approx(80, rel=0.02)
    assert all(66 < rate < 96 for rate in stages(asks, Stage.SEARCH))
    assert search.bracket(Arm.CANDIDATE) == pytest.approx((70, 85))


def test_half_of_the_time_is_for_turns_that_do_not_choose_their_rate() -> None:
    _, asks = searched(lambda ask, arm: curve(ask, breaking_at(80, ask), arm=arm), turns=120)
    assert len(stages(asks, Stage.TEST)) == 60
    assert [ask.number for ask in asks] == list(range(120))
    visits = Counter((ask.pair, round(ask.rate_rps, 6)) for ask in asks if ask.stage is Stage.TEST)
    assert set(visits.values()) <= {2, 3}  # each half of the time has rates of its own


def test_each_server_has_about_as_many_turns() -> None:
    _, asks = searched(lambda ask, arm: curve(ask, breaking_at(80, ask), arm=arm))
    counts = Counter(ask.pair for ask in asks)
    assert sorted(counts) == [0, 1, 2, 3]
    assert max(counts.values()) - min(counts.values()) <= 1


def test_what_never_breaks_is_tested_at_the_highest_rate() -> None:
    search, asks = searched(lambda ask, arm: curve(ask, 0.0, arm=arm), turns=60)
    assert search.bracket(Arm.CANDIDATE) is None
    assert len(stages(asks, Stage.SWEEP)) == len(LADDER) + 16
    assert stages(asks, Stage.SEARCH) == []
    assert search.tested_rps == pytest.approx((100 * 1.25**16,))
    assert len(asks) == 60


@pytest.mark.parametrize("sign", [{"growth": 0.5}, {"failed": 200}])
def test_what_always_breaks_is_tested_at_the_lowest_rate(sign: dict[str, Any]) -> None:
    search, asks = searched(lambda ask, arm: curve(ask, 0.5, arm=arm, **sign), turns=60)
    assert search.bracket(Arm.CANDIDATE) is None
    assert stages(asks, Stage.SWEEP) == pytest.approx([3, 1.2, 0.48, 0.192, 0.0768])
    assert search.tested_rps == pytest.approx((0.0768,))


def test_what_breaks_and_still_answers_everything_is_tried_up_to_64_times_the_first_guess() -> None:
    search, asks = searched(lambda ask, arm: curve(ask, 0.5, arm=arm), turns=60)
    assert max(stages(asks, Stage.SWEEP)) == pytest.approx(100 * 2**6)
    assert search.bracket(Arm.CANDIDATE) is None


@pytest.mark.parametrize("capacity_rps", [240, 2_000])
def test_a_capacity_far_above_a_guess_from_waiting_batches_is_found(capacity_rps: float) -> None:
    """A closed loop whose clients wait for a batch to fill guesses far too low."""
    search, _ = searched(
        lambda ask, arm: curve(
            ask,
            0.8 if ask.rate_rps < 150 else breaking_at(capacity_rps, ask),
            arm=arm,
            n=2_000,
            growth=0.3 * (ask.rate_rps > 1.5 * capacity_rps),
        )
    )
    assert search.bracket(Arm.CANDIDATE) is not None
    assert search.tested_rps[1] == pytest.approx(capacity_rps, rel=0.03)
    assert min(search.tested_rps) == pytest.approx(3), "where it breaks for want of load"


def test_what_breaks_for_want_of_load_is_tested_there_and_its_capacity_is_the_upper_crossing() -> None:
    search, asks = searched(
        lambda ask, arm: curve(ask, 0.08 if ask.rate_rps < 20 else breaking_at(80, ask), arm=arm, n=2_000)
    )
    assert search.bracket(Arm.CANDIDATE) == pytest.approx((70, 85))
    assert search.tested_rps[1] == pytest.approx(80, rel=0.02)
    assert search.tested_rps[3] == pytest.approx(3)
    kept = above_low_load(search.turns, (BOUND,), search.start_rps(Arm.CANDIDATE))
    assert min(turn.rate_rps for turn in kept) == pytest.approx(30)
    assert len(asks) == 120


def test_what_the_generator_was_too_slow_for_ends_the_ladder_and_is_no_capacity() -> None:
    def answer(ask: Ask, arm: Arm) -> Turn:
        return curve(ask, 0.5 if ask.rate_rps > 130 else 0.0, arm=arm, bound_by_generator=ask.rate_rps > 130)

    search, asks = searched(answer, turns=60)
    assert stages(asks, Stage.SWEEP)[-1] == pytest.approx(100 * 1.25**2)
    assert search.bracket(Arm.CANDIDATE) is None
    assert search.tested_rps == pytest.approx((125,))


def test_turns_without_requests_end_in_time() -> None:
    search, asks = searched(lambda ask, arm: curve(ask, 0.0, arm=arm, n=0), turns=40)
    assert len(asks) == 40
    assert search.bracket(Arm.CANDIDATE) is None


def test_without_any_time_the_ladder_is_all() -> None:
    search, asks = searched(lambda ask, arm: curve(ask, breaking_at(80, ask), arm=arm), turns=1)
    assert {ask.stage for ask in asks} == {Stage.SWEEP}
    assert len(search.tested_rps) == 3


def test_two_versions_share_rates_and_both_capacities_are_searched() -> None:
    capacities = {Arm.BASELINE: 80.0, Arm.CANDIDATE: 60.0}
    search, asks = searched(
        lambda ask, arm: curve(ask, breaking_at(capacities[arm], ask), arm=arm, n=2_000), arms=tuple(Arm)
    )
    assert len(search.tested_rps) == 12
    for place, rate in ((1, 80), (4, 60), (7, 80), (10, 60)):
        assert search.tested_rps[place] == pytest.approx(rate, rel=0.02)
    assert len(search.turns) == 2 * len(asks)


def test_one_server_takes_all_turns() -> None:
    _, asks = searched(lambda ask, arm: curve(ask, breaking_at(80, ask), arm=arm), turns=40, pairs=1)
    assert {ask.pair for ask in asks} == {0}


@pytest.mark.parametrize(("turns", "servers"), [(0, 4), (20, 4), (30, 6), (59.9, 11), (60, 12), (1e6, 12)])
def test_a_few_turns_are_spread_over_a_few_servers(turns: float, servers: int) -> None:
    assert servers_for(turns) == servers


def test_between_arms_far_apart_only_the_middle_is_tested_to_decide_which_carries_more() -> None:
    def answer(ask: Ask, arm: Arm) -> Turn:
        return curve(ask, breaking_at(80 if arm is Arm.BASELINE else 300, ask), arm=arm, n=2_000)

    decided, asks = searched(answer, arms=tuple(Arm), decides=True)
    assert decided.tested_rps == pytest.approx([155, 155], rel=0.03)
    assert len(stages(asks, Stage.TEST)) == 60
    measured, _ = searched(answer, arms=tuple(Arm))
    assert len(measured.tested_rps) == 12


def test_arms_that_are_near_are_not_decided_by_one_rate() -> None:
    search, _ = searched(
        lambda ask, arm: curve(ask, breaking_at(80 if arm is Arm.BASELINE else 90, ask), arm=arm, n=2_000),
        arms=tuple(Arm),
        decides=True,
    )
    assert len(search.tested_rps) == 12
