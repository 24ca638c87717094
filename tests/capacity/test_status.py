from __future__ import annotations

from dataclasses import replace
from math import isnan

import pytest

from perfgate.capacity.answer import RateStatus
from perfgate.capacity.search import Ask
from perfgate.capacity.status import beside, proven_rates
from perfgate.capacity.turn import Stage, Turn
from tests.capacity.answers import BOUND, one_arm
from tests.capacity.turns import curve

HOLDS, BREAKS, OPEN = RateStatus.HOLDS, RateStatus.BREAKS, RateStatus.OPEN


@pytest.mark.parametrize(
    ("rate_rps", "missed", "tested", "expected"),
    [
        (390.0, 0.001, OPEN, HOLDS),
        (450.0, 0.2, OPEN, BREAKS),
        (410.0, 0.001, OPEN, OPEN),
        (390.0, 0.02, OPEN, OPEN),
        (450.0, 0.001, OPEN, OPEN),
        (90.0, 0.001, OPEN, OPEN),
        (390.0, 0.02, BREAKS, BREAKS),
        (450.0, 0.001, HOLDS, HOLDS),
    ],
    ids=[
        "below the interval", "above it", "within it", "misses although below", "keeps although above",
        "low load, where it may break", "a test says it breaks", "a test says it holds",
    ],
)  # fmt: skip
def test_what_no_test_decides_is_decided_by_the_interval_if_its_turns_agree(
    rate_rps: float, missed: float, tested: RateStatus, expected: RateStatus
) -> None:
    point = one_arm().arms[0].points[0]
    given = replace(point, rate_rps=rate_rps, missed={BOUND.metric: missed}, status=tested)
    (found,) = beside([given], (BOUND,), (400.0, 420.0), least_rps=100.0)
    assert found.status is expected


def turns(shares: dict[float, float], each: int = 2, *, bound_by_generator: bool = False) -> list[Turn]:
    """Make turns of 2,000 requests at each rate, on servers of their own."""
    asks = [(Ask(rate, Stage.TEST, pair, pair), share) for rate, share in shares.items() for pair in range(each)]
    return [curve(ask, share, n=2_000, bound_by_generator=bound_by_generator) for ask, share in asks]


def test_turns_of_neighbouring_rates_prove_together_what_two_turns_cannot() -> None:
    shares = {370.0: 0.0, 385.0: 0.0, 400.0: 0.01, 420.0: 0.3, 440.0: 0.4}
    assert proven_rates(turns(shares), (BOUND,), 0.05, 0.0) == (370.0, 440.0)
    alone = turns({370.0: 0.0}) + turns({600.0: 0.4})
    assert all(map(isnan, proven_rates(alone, (BOUND,), 0.05, 0.0)))


def test_the_order_of_tests_ends_where_nothing_is_proven() -> None:
    shares = {300.0: 0.01, 500.0: 0.0, 600.0: 0.5, 900.0: 0.01}
    assert all(map(isnan, proven_rates(turns(shares, each=4), (BOUND,), 0.05, 0.0)))


def test_low_load_and_turns_of_a_slow_generator_prove_nothing() -> None:
    kept = turns({370.0: 0.0, 440.0: 0.4}, each=4)
    low, bound = turns({20.0: 0.5}, each=4), turns({350.0: 0.5, 900.0: 0.0}, each=4, bound_by_generator=True)
    assert proven_rates([*low, *kept, *bound], (BOUND,), 0.05, 100.0) == (370.0, 440.0)
