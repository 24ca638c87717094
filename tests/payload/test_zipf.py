from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from perfgate.payload.zipf import LARGEST_RANGE, zipf_ranks

DRAWN = 200_000


def _drawn(ranks: int, exponent: float, count: int = DRAWN) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return zipf_ranks(count, ranks, exponent, np.random.Generator(np.random.PCG64(5)))


def _p_value(observed: np.ndarray[tuple[int], np.dtype[np.int64]], ranks: int, exponent: float) -> float:
    """Pearson's test against the exact law, with ranks expected less than five times combined."""
    law = np.arange(1, ranks + 1, dtype=float) ** -exponent
    expected = law / law.sum() * len(observed)
    counts = np.bincount(observed, minlength=ranks + 1)[1:]
    often = expected >= 5
    seen, due = (np.append(each[often], each[~often].sum()) for each in (counts, expected))
    kept = due > 0
    assert seen[~kept].sum() == 0
    return float(stats.chisquare(seen[kept], due[kept]).pvalue)


@pytest.mark.parametrize("exponent", [0.3, 0.99, 1.0, 1 + 1e-12, 1.5, 3.0, 10.0])
@pytest.mark.parametrize("ranks", [2, 10, 1000, 100_000])
def test_frequencies_are_those_of_the_law(ranks: int, exponent: float) -> None:
    assert _p_value(_drawn(ranks, exponent), ranks, exponent) > 0.001


@pytest.mark.parametrize("wrong", [0.98, 1.02])
def test_another_exponent_would_show(wrong: float) -> None:
    assert _p_value(_drawn(1000, 1.0), 1000, wrong) < 1e-6


def test_one_rank_is_always_drawn() -> None:
    assert set(_drawn(1, 1.0, 100).tolist()) == {1}


def test_the_largest_range_is_covered() -> None:
    ranks = _drawn(LARGEST_RANGE, 0.5, 1000)
    assert 1 <= ranks.min() < 1e14
    assert 0.9 * LARGEST_RANGE < ranks.max() <= LARGEST_RANGE


def test_the_same_generator_gives_the_same_ranks() -> None:
    assert _drawn(100_000_000, 1.1, 8).tolist() == _drawn(100_000_000, 1.1, 8).tolist()
    assert _drawn(10, 1.0, 0).shape == (0,)
