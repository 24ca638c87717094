"""Error rates of the independent implementation; `benchmarks.simulation.independent` has them of thousands of runs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.independent.gate import rates
from tests.independent.machine import Machine, design, simulated, truth
from tests.independent.requests_mean import replica_numbers

TAU, RUNS = 0.025, 250
COSTS = tuple(np.geomspace(1, 50, 16).tolist())
ALIKE = (1.0,) * 16
MOST = stats.binom.isf(1e-4, RUNS, 0.01) / RUNS
LEAST_COVERED = stats.binom.ppf(1e-4, RUNS, 0.95) / RUNS


@pytest.mark.slow
@pytest.mark.parametrize(
    "machine",
    [Machine(rounds=4, cost=COSTS), Machine(rounds=4, replicas=4), Machine(rounds=4, spike_share=0.1)],
    ids=["costs 1 to 50", "four replicas", "spikes in 10 %"],
)
def test_at_exactly_the_tolerance_neither_mistake_is_frequent(machine: Machine) -> None:
    found = rates(machine, TAU, TAU, RUNS, 41)
    assert max(found.fail, found.passed) <= MOST
    assert found.covered >= LEAST_COVERED


@pytest.mark.slow
@pytest.mark.parametrize("hit", [(2.5, 2.5, *ALIKE[2:]), (5.0, *ALIKE[1:])], ids=["2 of 16", "1 of 16"])
def test_what_hits_a_few_payloads_fails(hit: tuple[float, ...]) -> None:
    assert rates(Machine(hit=hit), 0.0, TAU, 40, 42).fail == 1.0


@pytest.mark.slow
def test_the_untrimmed_mean_sees_what_hits_executions_at_random() -> None:
    struck = Machine(struck_share=0.1, rounds=16)
    assert truth(struck, 0.0) == pytest.approx(0.2)
    assert rates(struck, 0.0, 0.10, 60, 43, robust=False).fail >= 0.95
    assert rates(struck, 0.0, TAU, 20, 43).fail == 0.0  # the robust mean does not, which is the guard's purpose
    assert rates(Machine(), 0.0, 0.10, 60, 44, robust=False).fail == 0.0


def test_the_machine_makes_what_it_says() -> None:
    machine = Machine(replicas=200, hit=(2.0, *ALIKE[1:]), cost=COSTS, spike_share=0.0, drift=0.0)
    visits = simulated(machine, 0.1, 4, np.random.default_rng(45))
    arm = design(machine).arm
    mean = np.exp(replica_numbers(visits, np.full(16, 1 / 16), robust=False))
    change = mean[:, arm == 1].mean() / mean[:, arm == 0].mean() - 1
    assert change == pytest.approx(truth(machine, 0.1), abs=0.002)


def test_noise_remembers_from_block_to_block() -> None:
    plain = Machine(spike_share=0.0, drift=0.0, rounds=20)
    left = simulated(plain, 0.0, 4, np.random.default_rng(46)).logs
    left -= left.mean(axis=1, keepdims=True)
    memory = np.mean(left[:, 1:] * left[:, :-1]) / np.mean(left**2)
    assert memory == pytest.approx(0.4, abs=0.05)
