from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from perfgate.explain.steps import own_times_ms, read_steps
from tests.explain.measured import Ran, run_metadata


def _own_ns(*calls: tuple[int, int], outer: Sequence[int] = ()) -> list[float]:
    """Return the own time of calls, given as start and length; `outer` are the numbers of those that contain others."""
    start, length = (np.array([call[place] for call in calls], np.int64) for place in (0, 1))
    found = own_times_ms(start, length, [number in outer for number in range(len(calls))])
    return [round(float(each) * 1e6, 6) for each in found]


def test_calls_one_after_the_other_have_their_whole_length() -> None:
    assert _own_ns((0, 10), (10, 5), (20, 3)) == [10, 5, 3]


def test_calls_at_the_same_time_share_it() -> None:
    assert _own_ns((0, 10), (0, 10)) == [5, 5]
    assert _own_ns((0, 10), (5, 10)) == [7.5, 7.5]
    assert _own_ns((0, 12), (0, 12), (0, 6)) == [5, 5, 2]


def test_a_call_that_contains_others_has_what_they_leave() -> None:
    assert _own_ns((0, 10), (2, 3), (6, 2), outer=[0]) == [5, 3, 2]
    assert _own_ns((0, 10), (1, 8), (2, 6), outer=[0, 1]) == [1 + 1 + 0.5 + 0.5, 0.5 + 0.5, 6]
    assert _own_ns((0, 10), (0, 10), outer=[0]) == [0, 10]


def test_a_call_of_no_length_has_no_time_and_takes_none() -> None:
    assert _own_ns((0, 10), (5, 0), (10, 0)) == [10, 0, 0]
    assert _own_ns((3, 0)) == [0]


def test_no_calls_have_no_times() -> None:
    assert _own_ns() == []


@pytest.mark.parametrize("seed", range(40))
def test_times_are_those_of_a_clock_that_ticks_and_add_up_to_the_union(seed: int) -> None:
    rng = np.random.default_rng(seed)
    start, length = rng.integers(0, 40, 12), rng.integers(0, 15, 12)
    outer = rng.random(12) < (0.0, 0.3, 1.0)[seed % 3]
    expected = np.zeros(12)
    for instant in range(60):
        runs = (start <= instant) & (instant < start + length)
        inner = runs & ~outer
        sharing = inner if inner.any() else runs
        expected[sharing] += 1 / max(1, sharing.sum())
    found = own_times_ms(start, length, outer.tolist()) * 1e6
    np.testing.assert_allclose(found, expected, atol=1e-9)
    union = sum(bool(((start <= instant) & (instant < start + length)).any()) for instant in range(60))
    assert found.sum() == pytest.approx(union)


def test_calls_are_read_in_order_of_their_start_from_all_devices() -> None:
    made = run_metadata([
        Ran("c", "Relu", 9_000, 500, thread=3),
        Ran("a", "PartitionedCall", 1_000, 10_000, thread=2),
        Ran("b", "MatMul", 3_000, 4_000, thread=2),
    ])  # fmt: skip
    found = read_steps(made)
    assert found.names == ("a", "b", "c")
    assert found.ops == ("PartitionedCall", "MatMul", "Relu")
    assert found.start_us.tolist() == [0, 2, 8]
    assert found.length_us.tolist() == [10, 4, 0.5]
    assert found.threads.tolist() == [2, 2, 3]
    assert (found.own_ms * 1e6).round().tolist() == [5_500, 4_000, 500], "the call has what its body leaves"


def test_a_call_without_an_end_has_no_time() -> None:
    found = read_steps(run_metadata([Ran("noop", "NoOp", 5, -7), Ran("a", "Relu", 10, 20)]))
    assert found.length_us.tolist() == [0, 0.02]
    assert (found.own_ms * 1e6).round().tolist() == [0, 20]


def test_a_trace_without_calls_is_empty() -> None:
    found = read_steps(run_metadata([]))
    assert (found.names, found.own_ms.size, found.start_us.size) == ((), 0, 0)
