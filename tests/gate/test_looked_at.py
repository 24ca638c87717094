"""Error rates, saved time and coverage with early stopping; `benchmarks.simulation` does this with 5,000 runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from benchmarks.simulation.runs import Outcome, simulate
from benchmarks.simulation.worlds import WORLDS
from perfgate.gate.verdict import Verdict

TAU, CATCH = 0.025, 0.05


def _simulated(effect: float, runs: int, world: str = "measured", seed: int = 31) -> Sequence[Outcome]:
    return [simulate(WORLDS[world], effect, CATCH, (seed, run)) for run in range(runs)]


@pytest.fixture(scope="module")
def at_tolerance() -> Sequence[Outcome]:
    return _simulated(TAU, 200)


def _most(runs: int, rate: float = 0.01) -> int:
    """Number of errors exceeded by chance once in 10,000 tests at this rate."""
    return int(stats.binom.isf(1e-4, runs, rate))


@pytest.mark.slow
def test_looking_on_the_way_errs_no_more_than_one_look_at_the_end(at_tolerance: Sequence[Outcome]) -> None:
    for verdicts in ([each.sequential for each in at_tolerance], [each.once for each in at_tolerance]):
        found = Counter(verdicts)
        assert found[Verdict.FAIL] <= _most(len(at_tolerance))
        assert found[Verdict.PASS] <= _most(len(at_tolerance))


@pytest.mark.slow
@pytest.mark.parametrize(("effect", "verdict"), [(0.0, Verdict.PASS), (0.10, Verdict.FAIL)])
def test_half_of_the_time_is_saved_where_the_change_is_far_from_the_tolerance(effect: float, verdict: Verdict) -> None:
    runs = _simulated(effect, 60)
    assert Counter(each.sequential for each in runs)[verdict] >= 58
    assert np.median([each.fraction for each in runs]) <= 0.5


@pytest.mark.slow
def test_what_is_caught_at_the_end_is_caught_on_the_way() -> None:
    runs = _simulated(0.05, 100, "noisy")
    caught = {name: sum(getattr(each, name) is Verdict.FAIL for each in runs) for name in ("sequential", "once")}
    assert caught["sequential"] >= 0.9 * caught["once"]
    assert caught["once"] >= 80


@pytest.mark.slow
def test_the_intervals_cover_what_they_say(at_tolerance: Sequence[Outcome]) -> None:
    runs = [*at_tolerance, *_simulated(0.0, 150)]
    least = stats.binom.isf(1 - 1e-4, len(runs), 0.95)
    for name in ("covered", "covered_at_end"):
        assert sum(getattr(each, name) for each in runs) >= least
    assert sum(each.bounds_hold for each in runs) >= stats.binom.isf(1 - 1e-4, len(runs), 0.98)
