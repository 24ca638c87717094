from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate.errors import UsageError
from perfgate.payload.order import LONGEST_CYCLE, cycle_order


def _kinds(order: tuple[int, ...], sizes: list[int]) -> list[int]:
    ends = np.cumsum(sizes)
    return [int(np.searchsorted(ends, index, side="right")) for index in order]


def test_one_class_comes_in_turn() -> None:
    assert cycle_order([3.5], [4], 0) == (0, 1, 2, 3)


@pytest.mark.parametrize(
    ("weights", "sizes", "counts"),
    [
        ([1, 1], [2, 2], [2, 2]),
        ([0.7, 0.2, 0.1], [16, 16, 16], [112, 32, 16]),
        ([70, 20, 10], [16, 16, 16], [112, 32, 16]),
        ([1, 1], [1, 3], [3, 3]),
        ([1, 99], [1, 1], [1, 99]),
        ([0.25, 1e-3], [1, 1], [250, 1]),
    ],
)
def test_weights_that_divide_are_exact(weights: list[float], sizes: list[int], counts: list[int]) -> None:
    found = Counter(_kinds(cycle_order(weights, sizes, 0), sizes))
    assert [found[kind] for kind in range(len(sizes))] == counts


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.floats(0.01, 100), st.integers(1, 20)), min_size=2, max_size=5),
    st.integers(0, 100),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_each_class_has_its_share_and_its_requests_take_turns(classes: list[tuple[float, int]], seed: int) -> None:
    weights, sizes = [weight for weight, _ in classes], [size for _, size in classes]
    order = cycle_order(weights, sizes, seed)
    kinds = _kinds(order, sizes)
    first = 0
    for kind, (weight, size) in enumerate(classes):
        own = [index - first for index, each in zip(order, kinds, strict=True) if each == kind]
        assert own == [number % size for number in range(len(own))]
        assert abs(len(own) - len(order) * weight / sum(weights)) <= 1
        assert len(own) >= size or len(order) > LONGEST_CYCLE // 2
        first += size


def test_the_order_is_irregular_seeded_and_the_same_everywhere() -> None:
    order = cycle_order([3, 1], [30, 10], 0)
    assert order[:12] == (0, 1, 30, 2, 3, 4, 31, 5, 6, 7, 8, 32)
    assert cycle_order([3, 1], [30, 10], 0) == order
    assert cycle_order([3, 1], [30, 10], 1) != order
    gaps = np.diff([place for place, index in enumerate(order) if index >= 30])
    assert len(set(gaps.tolist())) > 3


def test_a_cycle_stays_bounded() -> None:
    order = cycle_order([1, 1e-4], [10, 10_000], 0)
    assert len(order) <= LONGEST_CYCLE
    assert Counter(_kinds(order, [10, 10_000]))[1] == 10


def test_a_class_that_would_never_come_is_refused() -> None:
    with pytest.raises(UsageError, match="a request class with a share of 1e-07% is never sent"):
        cycle_order([1, 1e-9], [1, 1], 0)
