from math import exp, log

import numpy as np
import pytest

from perfgate.capacity.reference_queue import ReferenceQueue, responses_s
from tests.capacity.turns import BOUND_S, LEAD_IN_S, arrivals, md1_share, reference_queue


def test_response_times_are_those_of_a_server_that_takes_one_request_after_another() -> None:
    instants_s, free_s, expected = arrivals(450, np.random.default_rng(1)), 0.0, []
    for instant_s in instants_s.tolist():
        free_s = max(free_s, instant_s) + 0.002
        expected.append(free_s - instant_s)
    np.testing.assert_allclose(responses_s(instants_s, 0.002), expected, atol=1e-12)


def test_no_arrivals_have_no_response_times_and_miss_nothing() -> None:
    assert responses_s(np.empty(0), 0.002).size == 0
    assert reference_queue().missed(np.empty(0), 0.002) == 0


def test_the_start_of_a_turn_does_not_count() -> None:
    queue = reference_queue()
    together_s = np.concatenate([np.zeros(20), np.full(15, 1.0)])
    # The sixth of the second crowd is the first to take more than 20 ms; the first crowd is in the start.
    assert queue.missed(together_s, 0.0039) == 10


@pytest.mark.parametrize("rate_rps", [370.0, 386.0, 400.0])
def test_the_table_agrees_with_the_formula_within_its_own_error(rate_rps: float) -> None:
    queue = reference_queue(200_000)
    share, error = queue.share(log(rate_rps), 0.002), queue.relative_error(log(rate_rps), 0.002)
    assert 0.03 < error < 0.3
    assert log(share / md1_share(rate_rps, 0.002, BOUND_S)) == pytest.approx(0, abs=3 * error)


def test_the_error_is_that_between_tables() -> None:
    tables = [reference_queue(20_000, seed) for seed in range(12)]
    shares = [table.share(log(386), 0.002) for table in tables]
    errors = [table.relative_error(log(386), 0.002) for table in tables]
    # The share lies between four points, whose errors cancel in part; the error is that of one of them.
    assert 0.4 < np.std(shares) / np.mean(shares) / np.mean(errors) < 1.6


def test_the_share_rises_with_the_rate_and_with_the_service_time() -> None:
    queue = reference_queue()
    assert queue.share(log(330), 0.002) < queue.share(log(386), 0.002) < queue.share(log(450), 0.002)
    assert queue.share(log(386), 0.0019) < queue.share(log(386), 0.002) < queue.share(log(386), 0.0021)


def test_the_service_time_is_the_one_with_which_the_share_misses() -> None:
    queue = reference_queue()
    service_s = queue.service_s(log(386), 0.01)
    assert queue.share(log(386), service_s) == pytest.approx(0.01, rel=0.05)
    assert service_s == pytest.approx(0.002, rel=0.02)


@pytest.mark.parametrize("service_s", [1e-9, 1e3])
def test_beyond_the_table_its_edge_counts(service_s: float) -> None:
    share = reference_queue(2_000).share(log(386), service_s)
    assert share == pytest.approx(1e-7) if service_s < 1 else share > 0.5


def test_turns_that_were_dropped_are_drawn_again_alike() -> None:
    queue = reference_queue(2_000)
    first = [queue.simulate(row, -10) for row in range(140, 160)]
    assert [queue.simulate(row, -10) for row in range(140, 160)] == first


def test_a_rate_so_low_that_nothing_arrives_misses_nothing() -> None:
    queue = ReferenceQueue(BOUND_S, LEAD_IN_S, lambda *_: np.empty(0), 1, 50)
    assert queue.share(log(0.001), 0.002) == pytest.approx(1e-7)
    assert queue.relative_error(log(0.001), 0.002) == 0


def test_what_turns_contribute_is_zero_on_average() -> None:
    turns: list[np.ndarray] = []

    def kept(rate_rps: float, rng: np.random.Generator) -> np.ndarray:
        turns.append(arrivals(rate_rps, rng))
        return turns[-1]

    queue = ReferenceQueue(BOUND_S, LEAD_IN_S, kept, 1, 20_000)
    row, column = 149, -13
    service_s = exp(0.02 * column - 0.04 * row)
    share, _ = queue.point(row, column)
    missed = sum(queue.missed(instants_s, service_s) for instants_s in turns)
    assert missed > 50
    assert missed / sum(np.count_nonzero(turn >= LEAD_IN_S) for turn in turns) == pytest.approx(share)
    assert queue.share(0.04 * row, service_s) == pytest.approx(share)
