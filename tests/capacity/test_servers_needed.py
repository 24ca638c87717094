from __future__ import annotations

from dataclasses import replace
from math import ceil, inf, isnan, nan

import pytest

from perfgate.capacity.answer import CapacityAnswer, CapacityChange, FleetChange
from perfgate.capacity.servers_needed import safe_rps, servers_needed
from perfgate.gate.verdict import Verdict
from tests.capacity.answers import (
    SAMPLES,
    above,
    below,
    generator,
    interrupted,
    no_difference,
    one_arm,
    two_arms,
    unknown_numbers,
)

DEMAND_RPS = 300_000.0


def _with_change(change: float, lower: float, upper: float) -> CapacityAnswer:
    return replace(two_arms(), change=CapacityChange(change, lower, upper, 0.05, Verdict.FAIL))


def _fleet_change(answer: CapacityAnswer) -> FleetChange:
    found = servers_needed(answer, DEMAND_RPS, 0.3, 2).change
    assert found
    return found


def test_servers_are_planned_by_the_lower_end_with_headroom_and_spare_ones() -> None:
    answer = one_arm()
    (fleet,) = servers_needed(answer, DEMAND_RPS, 0.3, 2).fleets
    (arm,) = answer.arms
    assert fleet.servers == ceil(DEMAND_RPS / (0.7 * arm.lower_rps)) + 2
    assert fleet.servers_at_estimate == ceil(DEMAND_RPS / (0.7 * 412)) + 2
    assert fleet.servers_at_upper == ceil(DEMAND_RPS / (0.7 * arm.upper_rps)) + 2
    assert fleet.servers > fleet.servers_at_estimate > fleet.servers_at_upper


def test_a_whole_quotient_is_not_rounded_up() -> None:
    arm = replace(one_arm().arms[0], lower_rps=100.0)
    found = servers_needed(replace(one_arm(), arms=(arm,)), 300.0, 0.4, 0)
    assert 300 / (100 * (1 - 0.4)) >= 5
    assert found.fleets[0].servers == 5
    assert servers_needed(replace(one_arm(), arms=(arm,)), 300.001, 0.4, 0).fleets[0].servers == 6


def test_cpu_memory_and_cost_of_all_servers() -> None:
    (fleet,) = servers_needed(one_arm(), 1000.0, 0.0, 1, 0.5).fleets
    assert fleet.servers == 4
    assert fleet.rate_rps == 250
    assert fleet.cpu_hours_per_day == pytest.approx(1000 * 86_400 * 0.0024 / 3600)
    assert fleet.reserved_cpu_hours_per_day == 4 * 2 * 24
    assert fleet.memory_mb == 4 * 612
    assert (fleet.cost_per_hour, fleet.cost_per_day) == (2.0, 48.0)
    assert isnan(servers_needed(one_arm(), 1000.0, 0.0, 1).fleets[0].cost_per_day)


def test_even_a_tiny_demand_needs_one_server() -> None:
    assert servers_needed(one_arm(), 1e-12, 0.0, 0).fleets[0].servers == 1


def test_unknown_cpu_and_memory_stay_unknown() -> None:
    (fleet,) = servers_needed(unknown_numbers(), DEMAND_RPS, 0.0, 0).fleets
    assert fleet.servers
    assert fleet.servers_at_upper is None
    assert isnan(fleet.cpu_hours_per_day)
    assert isnan(fleet.memory_mb)


def test_without_a_lower_end_the_highest_proven_rate_counts_and_without_that_nothing_does() -> None:
    assert safe_rps(generator().arms[1]) == 640
    fleet = servers_needed(generator(), 6400.0, 0.0, 0).fleets[1]
    assert (fleet.servers, fleet.servers_at_estimate, fleet.servers_at_upper) == (10, None, None)
    (fleet,) = servers_needed(below(), 400.0, 0.0, 0, 1.0).fleets
    assert (fleet.servers, fleet.servers_at_estimate, fleet.servers_at_upper) == (None, None, 20)
    assert all(isnan(each) for each in (fleet.rate_rps, fleet.memory_mb, fleet.cost_per_hour))


def test_less_capacity_takes_more_servers_by_the_interval_of_the_change() -> None:
    found = _fleet_change(two_arms())
    assert found.share == pytest.approx(491 / 412 - 1)
    assert found.lower == pytest.approx(1 / 0.868 - 1)
    assert found.upper == pytest.approx(1 / 0.811 - 1)
    base = DEMAND_RPS / (0.7 * two_arms().arms[0].lower_rps)
    assert found.servers_lower == ceil(base / 0.868) - ceil(base)
    assert found.servers_upper == ceil(base / 0.811) - ceil(base)
    assert found.servers_lower < found.servers < found.servers_upper


def test_no_change_of_capacity_is_no_change_of_servers() -> None:
    found = _fleet_change(_with_change(0.0, 0.0, 0.0))
    assert (found.share, found.servers, found.servers_lower, found.servers_upper) == (0, 0, 0, 0)
    unclear = _fleet_change(no_difference())
    assert unclear.servers_upper
    assert unclear.servers_lower < 0 < unclear.servers_upper


@pytest.mark.parametrize("lower", [-1.0, -inf, nan])
def test_an_interval_without_a_lower_end_has_no_most_servers(lower: float) -> None:
    found = _fleet_change(_with_change(-0.1, lower, 0.02))
    assert found.servers_upper is None
    assert found.upper == inf


def test_an_interval_without_an_upper_end_can_save_nearly_all_servers() -> None:
    found = _fleet_change(_with_change(0.5, 0.1, inf))
    assert found.lower == -1
    assert found.servers_lower < found.servers < 0


@pytest.mark.parametrize("build", [one_arm, above, below, generator, interrupted])
def test_without_two_estimates_there_is_no_difference(build: object) -> None:
    assert callable(build)
    assert servers_needed(build(), DEMAND_RPS, 0.3, 0).change is None
    assert servers_needed(replace(two_arms(), change=None), DEMAND_RPS, 0.3, 0).change is None


@pytest.mark.parametrize("name", SAMPLES)
def test_every_answer_has_servers_of_every_version(name: str) -> None:
    answer = SAMPLES[name]()
    needs = servers_needed(answer, DEMAND_RPS, 0.3, 2, 0.34)
    assert [each.arm for each in needs.fleets] == [each.arm for each in answer.arms]
    for fleet in needs.fleets:
        if fleet.servers_at_upper is not None and fleet.servers is not None:
            assert fleet.servers_at_upper <= fleet.servers
