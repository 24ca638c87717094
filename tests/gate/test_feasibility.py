from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from perfgate.experiment.plan import make_plan
from perfgate.gate.feasibility import shortages
from perfgate.scenario.schema import Budget, Gate, Load, MetricGate, Objective, Scenario
from perfgate.trials import Arm, Caution, ReplicaFacts
from tests.stats.build import fact

NO_P99 = Gate(metrics={"latency_p99_ms": MetricGate(gate=False)})
P99 = Gate(metrics={"latency_p99_ms": MetricGate()})
HALF_LOAD = Budget(measure_s=60, execute_share=0.5, request_share=0)


def _shortages(
    load: Load,
    gate: Gate = P99,
    objectives: dict[str, Objective] | None = None,
    *,
    budget: Budget = HALF_LOAD,
    facts: Sequence[ReplicaFacts] = (),
    arms: Sequence[Arm] = tuple(Arm),
) -> tuple[Caution, ...]:
    plan = make_plan(Scenario(load=load, budget=budget), arms, seed=1, replicas=12)
    return shortages(plan, gate, objectives or {}, facts)


def test_a_percentile_is_reported_with_the_requests_it_needs() -> None:
    (found,) = _shortages(Load(arrivals="poisson", rate_rps=100))
    assert found.message == (
        "latency_p99_ms needs 2,000 requests under load per arm, but about 1,500 are expected: 30 s at 100 per second, "
        "shared by 2 arms"
    )
    assert found.remedy == "set budget.measure_s = 80, which gives 40 s of load"


def test_what_the_remedy_says_is_enough_and_a_second_less_is_not() -> None:
    load = Load(arrivals="poisson", rate_rps=100)
    assert _shortages(load, budget=HALF_LOAD.model_copy(update={"measure_s": 80.0})) == ()
    (found,) = _shortages(load, budget=HALF_LOAD.model_copy(update={"measure_s": 79.0}))
    assert found.remedy == "set budget.measure_s = 80, which gives 40 s of load"


@pytest.mark.parametrize(
    "load",
    [
        Load(arrivals="gamma", rate_rps=100, cv=2),
        Load(arrivals="ramp", from_rps=0, to_rps=200),
        Load(arrivals="steps", steps_rps=(50, 150)),
    ],
)
def test_every_open_loop_has_its_mean_rate(load: Load) -> None:
    assert "30 s at 100 per second" in _shortages(load)[0].message


def test_a_closed_loop_is_checked_once_its_servers_are_warm() -> None:
    load = Load(in_flight=4, think_time_s=0.03)
    assert _shortages(load) == ()
    warm = [replace(fact(i, list(Arm)[i % 2]), warm_ms=10.0) for i in range(24)]
    (found,) = _shortages(load, facts=warm)
    assert "at most 1,500 are expected: 30 s at 100 per second" in found.message


def test_objectives_count_an_arms_requests() -> None:
    load = Load(arrivals="poisson", rate_rps=20)
    bounds = {"latency_p99_ms": Objective(max=5), "error_rate": Objective(max=0.01), "execute_ms": Objective(max=1)}
    p99, errors = _shortages(load, NO_P99, bounds)
    assert p99.message.startswith(
        "the objective on latency_p99_ms needs 2,507 requests under load per arm, but about 300"
    )
    assert errors.message.startswith("the objective on error_rate needs 9,433")
    assert p99.remedy == "set budget.measure_s = 502, which gives 251 s of load"
    alone, _ = _shortages(load, NO_P99, bounds, arms=(Arm.CANDIDATE,))  # which has the time of both
    assert "about 600 are expected" in alone.message


def test_two_servers_are_too_few_for_a_percentile() -> None:
    (found,) = _shortages(
        Load(arrivals="poisson", rate_rps=1000, replicas=2), NO_P99, {"latency_p99_ms": Objective(max=5)}
    )
    assert found.remedy == "set load.replicas = 8: 2 servers are too few to show how servers differ"
    assert _shortages(Load(arrivals="poisson", rate_rps=1000), NO_P99, {"latency_p99_ms": Objective(max=5)}) == ()


def test_a_difference_of_error_rates_counts_an_arms_requests_too() -> None:
    (found,) = _shortages(
        Load(arrivals="poisson", rate_rps=20), Gate(metrics={"error_rate": MetricGate(), **NO_P99.metrics})
    )
    assert found.message.startswith("error_rate needs 10,907 requests under load per arm, but about 300")


def test_the_99th_percentile_is_gated_by_default_and_checked() -> None:
    assert _shortages(Load(arrivals="poisson", rate_rps=100), Gate()) == _shortages(
        Load(arrivals="poisson", rate_rps=100), P99
    )


def test_nothing_is_short_where_nothing_under_load_is_asked() -> None:
    assert _shortages(Load(arrivals="poisson", rate_rps=1), NO_P99) == ()
    assert _shortages(Load(arrivals="poisson", rate_rps=1), budget=Budget(execute_share=0.5, request_share=0.5)) == ()
