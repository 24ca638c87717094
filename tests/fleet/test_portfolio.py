"""Servers that all models need together, with intervals."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest

from perfgate.capacity.answer import ArmCapacity, CapacityChange, CapacityKind, Limit, ServersNeeded
from perfgate.fleet.answer import ModelDemand
from perfgate.fleet.portfolio import more_servers, total_of
from perfgate.gate.verdict import Verdict
from perfgate.trials import Arm


def arm(
    which: Arm, rate: float, lower: float, upper: float, kind: CapacityKind = CapacityKind.ESTIMATED
) -> ArmCapacity:
    return ArmCapacity(
        arm=which, model="m", kind=kind, rate_rps=rate, lower_rps=lower, upper_rps=upper, objective="latency_p99_ms",
        holds_rps=nan, breaks_rps=nan, breaks_low_rps=nan, limit=Limit("cpu", ""), points=(),
    )  # fmt: skip


def demand(name: str, rps: float, *arms: ArmCapacity, change: tuple[float, float, float] | None = None) -> ModelDemand:
    found = None if change is None else CapacityChange(*change, 0.05, Verdict.PASS)
    return ModelDemand(name, rps, arms, found, ServersNeeded(rps, 0.2, 0, None, 2, ()))


CANDIDATE = arm(Arm.CANDIDATE, 1000, 800, 1250)
BASELINE = arm(Arm.BASELINE, 1000, 900, 1100)


def test_nothing_is_needed_for_no_demand() -> None:
    assert total_of([]) is None


def test_one_model_keeps_its_own_interval() -> None:
    found = total_of([demand("a", 80_000, CANDIDATE)])
    assert found is not None
    assert found.candidate == pytest.approx((100, 80, 125)), "80,000 / (1,000 x 0.8)"
    assert (found.models, found.demand_rps, found.baseline, found.change) == (1, 80_000, None, None)


def test_intervals_of_a_sum_grow_less_than_the_sum() -> None:
    found = total_of([demand(name, 80_000, CANDIDATE) for name in "abcd"])
    assert found is not None
    assert found.candidate == pytest.approx((400, 400 - 2 * 20, 400 + 2 * 25))


def test_the_change_is_that_of_pairs_and_not_the_difference_of_the_sums() -> None:
    parts = [demand(name, 80_000, BASELINE, CANDIDATE, change=(-0.2, -0.3, -0.1)) for name in "ab"]
    found = total_of(parts)
    assert found is not None
    assert found.change is not None
    of_the_baseline = 0.25 * 2.5758 / 1.96  # its own interval, at 99%, of which a quarter are more servers
    below = 25 - 100 / 9 + of_the_baseline * (100 - 100 / 1.1)
    above = 300 / 7 - 25 + of_the_baseline * (100 / 0.9 - 100)
    assert found.change == pytest.approx((50, 50 - 2**0.5 * below, 50 + 2**0.5 * above))


@pytest.mark.parametrize(
    "unknown",
    [
        demand("b", 1, arm(Arm.CANDIDATE, 1000, 0.0, 1250)),
        demand("b", 1, arm(Arm.CANDIDATE, 1000, 800, inf)),
        demand("b", 1, arm(Arm.CANDIDATE, 1000, 800, 1250, CapacityKind.ABOVE)),
        replace(demand("b", 1, CANDIDATE), needed=None),
        ModelDemand("b", 1, (), None, None),
    ],
)
def test_a_model_whose_capacity_is_not_known_is_named_and_not_counted(unknown: ModelDemand) -> None:
    found = total_of([demand("a", 80_000, CANDIDATE), unknown])
    assert found is not None
    assert (found.models, found.left_out, found.demand_rps) == (1, ("b",), 80_000)
    assert found.candidate is not None
    assert found.candidate[0] == pytest.approx(100)
    only = total_of([unknown])
    assert only is not None
    assert (only.models, only.candidate, only.change) == (0, None, None)


def test_a_change_without_an_end_gives_no_change_of_the_sum() -> None:
    parts = [demand("a", 80_000, BASELINE, CANDIDATE, change=(-0.2, -1.0, -0.1))]
    found = total_of(parts)
    assert found is not None
    assert found.baseline is not None
    assert found.change is None


def test_the_interval_of_the_sum_covers_as_often_as_it_says() -> None:
    """Twelve models of different sizes, log-normal errors of 2 to 10 %."""
    rng, runs, covered = np.random.default_rng(29), 2000, 0
    true = np.geomspace(200, 5000, 12)
    sd, rps = np.linspace(0.02, 0.10, 12), np.geomspace(1e5, 4e6, 12)
    whole = float((rps / (true * 0.8)).sum())
    for _ in range(runs):
        rates = true * np.exp(sd * rng.normal(size=12))
        low, high = rates * np.exp(-1.96 * sd), rates * np.exp(1.96 * sd)
        parts = [
            demand(
                str(place),
                float(rps[place]),
                arm(Arm.CANDIDATE, float(rates[place]), float(low[place]), float(high[place])),
            )
            for place in range(12)
        ]
        found = total_of(parts)
        assert found is not None
        assert found.candidate is not None
        covered += found.candidate[1] <= whole <= found.candidate[2]
    assert 0.93 < covered / runs < 0.97


@pytest.mark.parametrize("change", [-0.2, 0.25])
@pytest.mark.parametrize(("own_sd", "common_sd"), [(0.05, 0.0), (0.007, 0.08), (0.02, 0.03)])
def test_the_interval_of_the_change_covers_at_least_as_often_as_it_says(
    change: float, own_sd: float, common_sd: float
) -> None:
    """Errors that each version has for itself, and errors that both share, such as those of a slow machine."""
    rng, runs, covered, z95, z99 = np.random.default_rng(31), 4000, 0, 1.96, 2.5758
    true, rps, arm_sd = 1000.0, 80_000.0, float(np.hypot(own_sd, common_sd))
    whole = rps / (true * 0.8) * (1 / (1 + change) - 1)
    for common, first, second in rng.normal(size=(runs, 3)):
        before = true * np.exp(common_sd * common + own_sd * first)
        after = true * (1 + change) * np.exp(common_sd * common + own_sd * second)
        low, high = (float(before * np.exp(sign * z95 * arm_sd)) for sign in (-1, 1))
        moved = [float(after / before * np.exp(sign * z99 * 2**0.5 * own_sd) - 1) for sign in (0, -1, 1)]
        found = more_servers(
            demand(
                "a", rps, arm(Arm.BASELINE, float(before), low, high), CANDIDATE, change=(moved[0], moved[1], moved[2])
            )
        )
        assert found is not None
        covered += found[1] <= whole <= found[2]
    assert covered / runs > 0.985
