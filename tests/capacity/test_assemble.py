"""What is said of a capacity, from turns whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isnan

import numpy as np
import pytest

from perfgate.capacity.answer import ArmCapacity, CapacityKind, RateStatus
from perfgate.capacity.assemble import Assembled, Judged, capacities_of
from perfgate.capacity.search import Ask, Search
from perfgate.capacity.turn import Turn
from perfgate.gate.verdict import Verdict
from perfgate.trials import Arm
from tests.capacity.turns import BOUND, MD1_CAPACITY_RPS, curve, queued, searched


def known(done: tuple[Search, list[Ask]], arms: tuple[Arm, ...] = (Arm.CANDIDATE,)) -> Assembled:
    search, _ = done
    judged = Judged((BOUND,), 0.01, 0.05, 2, None, {})
    return capacities_of(search, dict.fromkeys(arms, "model"), judged)


def alone(found: Assembled) -> ArmCapacity:
    (arm,) = found.arms
    assert found.change is None
    return arm


def md1(slow: float = 1.0) -> Callable[[Ask, Arm], Turn]:
    rng = np.random.default_rng(5)

    def answer(ask: Ask, arm: Arm) -> Turn:
        service_s = 0.002 * (slow if arm is Arm.CANDIDATE else 1.0)
        return queued(
            ask.rate_rps, rng, service_s=service_s, arm=arm, pair=ask.pair, number=ask.number, stage=ask.stage
        )

    return answer


def test_a_queue_is_estimated_within_its_interval() -> None:
    found = alone(known(searched(md1(), turns=200)))
    assert found.kind is CapacityKind.ESTIMATED
    assert found.lower_rps < MD1_CAPACITY_RPS < found.upper_rps
    assert found.upper_rps / found.lower_rps < 1.3
    assert found.objective == "latency_p99_ms"
    assert [point.rate_rps for point in found.points] == sorted(point.rate_rps for point in found.points)


def test_one_server_has_an_interval_and_claims_no_change() -> None:
    """With a single address nothing shows how servers differ."""
    found = known(searched(md1(1.3), turns=200, arms=tuple(Arm), pairs=1), tuple(Arm))
    assert {arm.kind for arm in found.arms} == {CapacityKind.ESTIMATED}
    assert found.change is None
    with_servers = known(searched(md1(1.3), turns=200, arms=tuple(Arm)), tuple(Arm))
    assert with_servers.change is not None
    assert with_servers.change.verdict is Verdict.FAIL


def test_above_what_was_tried_only_if_that_is_proven() -> None:
    many = alone(known(searched(lambda ask, arm: curve(ask, 0.0, arm=arm, n=2_000))))
    assert (many.kind, many.upper_rps) == (CapacityKind.ABOVE, inf)
    assert many.rate_rps == pytest.approx(many.holds_rps)
    few = alone(known(searched(lambda ask, arm: curve(ask, 0.0, arm=arm, n=5))))
    assert (few.kind, few.lower_rps, few.upper_rps) == (CapacityKind.OPEN, 0.0, inf)
    assert isnan(few.holds_rps)


def test_below_what_was_tried_only_if_that_is_proven() -> None:
    many = alone(known(searched(lambda ask, arm: curve(ask, 0.5, arm=arm))))
    assert many.kind is CapacityKind.BELOW
    assert many.rate_rps == pytest.approx(min(point.rate_rps for point in many.points))
    assert many.points[0].status is RateStatus.BREAKS
    few = alone(known(searched(lambda ask, arm: curve(ask, 0.5, arm=arm, n=2), turns=6)))
    assert few.kind is CapacityKind.OPEN


def test_a_slow_generator_is_never_a_capacity() -> None:
    def answer(ask: Ask, arm: Arm) -> Turn:
        return curve(ask, 0.0, arm=arm, n=2_000, bound_by_generator=ask.rate_rps > 130)

    found = alone(known(searched(answer)))
    assert (found.kind, found.limit.code) == (CapacityKind.GENERATOR, "generator")
    assert found.rate_rps > 130


def test_nothing_is_said_without_a_turn() -> None:
    found = alone(known(searched(lambda ask, arm: curve(ask, 0.0, arm=arm, n=0), turns=30)))
    assert found.kind is CapacityKind.OPEN
