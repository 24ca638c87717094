from __future__ import annotations

from dataclasses import replace

import pytest

from perfgate.capacity.answer import RateStatus
from perfgate.capacity.status import beside
from tests.capacity.answers import BOUND, one_arm

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
