from math import exp, inf, log, sqrt

import numpy as np
import pytest

from perfgate.capacity.answer import Bound
from perfgate.capacity.controlled import fitted_curve
from perfgate.capacity.estimate import Estimate, as_rates, change_of, estimate, spread_of
from perfgate.capacity.search import Ask
from perfgate.capacity.turn import Stage, Turn
from perfgate.stats.spread import Spread
from perfgate.trials import Arm
from tests.capacity.turns import BOUND, MD1_CAPACITY_RPS, curve, queued, reference_queue

QUEUE = reference_queue(200_000)


def turns_of(service_s: float = 0.002, seed: int = 1, count: int = 60, servers: int = 6) -> list[Turn]:
    """Turns of equal servers, at three rates near the capacity."""
    rng, capacity_rps = np.random.default_rng(seed), MD1_CAPACITY_RPS
    return [
        queued(capacity_rps * (0.93, 1, 1.07)[n % 3], rng, service_s=service_s, pair=n // 3 % servers, number=n)
        for n in range(count)
    ]


def found(turns: list[Turn], bounds: tuple[Bound, ...] = (BOUND,), *, controlled: bool = True) -> Estimate:
    return estimate(turns, bounds, {0: QUEUE} if controlled else {}, 380.0)


def known(log_rate: float, pairs: list[float], blocks: list[float], turns: float = 1.0, table: float = 0.0) -> Estimate:
    return Estimate(log_rate, 20.0, 0, np.array(pairs), np.array(blocks), turns, log_rate, 0.0, table)


def test_the_capacity_of_a_known_queue_is_in_its_interval() -> None:
    spread = spread_of(found(turns_of()))
    low, high = as_rates(spread.ends(0.95))
    assert low < MD1_CAPACITY_RPS < high
    assert high / low < 1.08


def test_the_reference_queue_makes_the_interval_narrower() -> None:
    with_, without = (spread_of(found(turns_of(), controlled=flag)).error for flag in (True, False))
    assert with_ < 0.6 * without


def test_the_change_has_the_sign_of_the_change() -> None:
    fast, slow = found(turns_of()), found(turns_of(0.0021, seed=2))
    decline, rise = change_of(fast, slow), change_of(slow, fast)
    assert decline.ends(0.99)[1] < 0 < rise.ends(0.99)[0]
    assert decline.value == pytest.approx(-rise.value) == pytest.approx(slow.log_rate - fast.log_rate)


def test_equal_turns_have_no_change() -> None:
    same = found(turns_of())
    assert change_of(same, same).value == 0
    low, high = change_of(same, same).ends(0.99)
    assert low == -high < 0


def test_the_objective_that_breaks_first_decides() -> None:
    turns = [queued(1, np.random.default_rng(1))]
    ask = Ask(1.0, Stage.TEST, 0, 0)
    both = []
    for number in range(24):
        rate = 380.0 * (0.95, 1.0, 1.05)[number % 3]
        one = curve(Ask(rate, ask.stage, number % 4, number), 0.0, n=1_000)
        share = 0.01 * (rate / 380) ** 20
        both.append(
            Turn(
                one.arm, one.pair, number, one.stage, rate, one.instants_s, one.response_ms,
                (round(1_000 * share / 3), round(1_000 * share)),
            )
        )  # fmt: skip
    assert turns
    decided = found(both, (BOUND, Bound("error_rate", 0.01)), controlled=False)
    assert decided.bound == 1
    assert exp(decided.log_rate) == pytest.approx(380, rel=0.01)


def test_turns_that_the_generator_bounds_count_for_nothing() -> None:
    own = turns_of(count=30)
    bound = [
        curve(Ask(rate, Stage.TEST, 0, 30 + n), 0.9, bound_by_generator=True) for n, rate in enumerate((380, 390, 400))
    ]
    line = fitted_curve(own, 0, 0.01, QUEUE, 380.0, final=True).line
    assert fitted_curve([*own, *bound], 0, 0.01, QUEUE, 380.0, final=True).line.log_rate == pytest.approx(line.log_rate)


def test_one_server_has_no_interval() -> None:
    spread = spread_of(found(turns_of(servers=1)))
    assert spread.error == inf
    assert spread.ends(0.95) == (-inf, inf)


def test_without_requests_there_is_an_answer_and_no_interval() -> None:
    empty = [curve(Ask(380, Stage.TEST, n % 3, n), 0.0, n=0) for n in range(9)]
    spread = spread_of(found(empty, controlled=False))
    assert not np.isnan(spread.value)
    assert spread.error == inf


@pytest.mark.parametrize(("share", "below"), [(0.0, False), (0.9, True)])
def test_where_nothing_or_everything_breaks_the_crossing_is_beyond_the_rates(share: float, *, below: bool) -> None:
    turns = [curve(Ask(rate, Stage.TEST, n % 4, n), share) for n, rate in enumerate((300, 350, 400, 450) * 3)]
    line = fitted_curve(turns, 0, 0.01, None, 380.0, final=True).line
    assert (line.log_rate < log(300)) == below
    assert (line.log_rate > log(450)) != below


def test_the_error_of_a_mean_is_the_usual_one() -> None:
    values = np.array([1.0, 2.0, 4.0, 7.0])
    without = [(values.sum() - value) / 3 for value in values]
    spread = spread_of(known(3.5, without, [3.5] * 4))
    assert spread.error == pytest.approx(values.std(ddof=1) / sqrt(4))


def test_the_reference_queue_s_own_error_is_added() -> None:
    with_, without = (spread_of(known(0.0, [0.1, -0.1, 0.1], [0.0] * 3, table=error)) for error in (0.3, 0.0))
    assert with_.error**2 - without.error**2 == pytest.approx(0.09)


def test_an_interval_of_students_t() -> None:
    assert Spread(1.0, 0.1, 11).ends(0.95) == pytest.approx((0.77990, 1.22010), abs=1e-5)
    assert as_rates((0.0, log(2))) == pytest.approx((1, 2))


def test_arms_are_not_mixed_up() -> None:
    assert found(turns_of()).log_rate == found([turn for turn in turns_of() if turn.arm is Arm.CANDIDATE]).log_rate


def test_a_steep_edge_does_not_send_the_crossing_away() -> None:
    seen = (  # a search among batches: rate, recorded requests, misses
        "112 94 0, 335 355 0, 559 589 0, 783 778 0, 950 914 0, 1118 1107 0, 1398 1321 39, 1747 1728 1728, 1310 1356 13,"
        "1350 1331 885, 1196 1228 0, 976 933 0, 1086 1049 0, 1200 1218 0, 1040 1042 0, 1131 1202 0, 1727 1665 1665,"
        "1422 1410 1233, 1572 1593 1593, 1737 1722 1722"
    )
    turns = []
    for number, (rate, requests, missed) in enumerate(map(str.split, seen.split(","))):
        ask = Ask(float(rate), Stage.SEARCH, number % 4, number)
        turns.append(curve(ask, int(missed) / int(requests), n=int(requests)))
    line = fitted_curve(turns, 0, 0.01, None, 1_250.0, final=True).line
    assert 1_150 < exp(line.log_rate) < 1_310
