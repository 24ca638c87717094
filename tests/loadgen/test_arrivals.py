import hashlib
import struct
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from perfgate.loadgen.arrivals import constant, digest, gamma, length_s, mean_rate_rps, poisson, replay, schedule
from perfgate.scenario.schema import Load

Floats = NDArray[np.float64]

RATES = st.floats(0.5, 2000)
DURATIONS = st.floats(0.01, 5)
LOADS = st.one_of(
    st.builds(lambda rate: Load(arrivals="constant", rate_rps=rate), RATES),
    st.builds(lambda rate: Load(arrivals="poisson", rate_rps=rate), RATES),
    st.builds(lambda rate, cv: Load(arrivals="gamma", rate_rps=rate, cv=cv), RATES, st.floats(0.05, 10)),
    st.builds(lambda low, high: Load(arrivals="ramp", from_rps=low, to_rps=high), st.just(0) | RATES, RATES),
    st.builds(lambda high, low: Load(arrivals="ramp", from_rps=high, to_rps=low), RATES, st.just(0) | RATES),
    st.builds(
        lambda first, more: Load(arrivals="steps", steps_rps=(first, *more)),
        RATES,
        st.lists(st.just(0) | RATES, max_size=5),
    ),
)


@given(LOADS, DURATIONS, st.integers(0, 2**32))
def test_arrivals_ascend_within_the_turn_and_follow_the_seed(load: Load, duration_s: float, seed: int) -> None:
    instants, again = (schedule(load, duration_s, np.random.default_rng(seed)) for _ in range(2))

    assert np.all(np.diff(instants) >= 0)
    assert np.all((instants >= 0) & (instants < duration_s))
    assert digest(instants) == digest(again)


@given(RATES, DURATIONS)
def test_constant_arrivals_are_even_and_end_before_the_duration(rate_rps: float, duration_s: float) -> None:
    instants = constant(rate_rps, duration_s)

    assert instants[0] == 0
    assert instants[-1] < duration_s <= instants[-1] + 1.000001 / rate_rps
    assert np.allclose(np.diff(instants), 1 / rate_rps)


def test_poisson_arrivals_have_the_rate_and_the_gaps_of_their_name() -> None:
    instants = poisson(1000, 100, np.random.default_rng(7))
    gaps = np.diff(instants)

    assert instants.size == pytest.approx(100_000, abs=5 * np.sqrt(100_000))
    assert gaps.mean() == pytest.approx(0.001, rel=0.02)
    assert gaps.std() == pytest.approx(0.001, rel=0.02)  # equal to the mean: exponential; constant gaps have 0
    assert stats.kstest(gaps, stats.expon(scale=0.001).cdf).pvalue > 0.01


@pytest.mark.parametrize("cv", [0.2, 0.5, 1.0, 2.0, 4.0])
def test_gamma_arrivals_have_the_rate_and_the_coefficient_of_variation(cv: float) -> None:
    instants = gamma(1000, cv, 200, np.random.default_rng(8))
    gaps = np.diff(instants)

    assert instants.size == pytest.approx(200_000, abs=5 * cv * np.sqrt(200_000))
    assert gaps.mean() == pytest.approx(0.001, rel=0.03)
    assert gaps.std() / gaps.mean() == pytest.approx(cv, rel=0.05)
    law, least = stats.gamma(cv**-2, scale=cv**2 / 1000), 1e-9  # below a nanosecond, sums of doubles are too coarse
    assert np.mean(gaps > least) == pytest.approx(law.sf(least), abs=0.01)
    cut = gaps[gaps > least]
    assert stats.kstest(cut, lambda x: 1 - law.sf(x) / law.sf(least)).pvalue > 0.01


@pytest.mark.parametrize("cv", [0.3, 3.0])
def test_short_turns_of_gamma_arrivals_have_the_rate_too(cv: float) -> None:
    """A turn that begins with a whole gap would have (cv² - 1) / 2 requests too many: 14 instead of 10 at cv = 3."""
    rng = np.random.default_rng(9)
    turns = [gamma(20, cv, 0.5, rng) for _ in range(4000)]
    counts = np.array([turn.size for turn in turns])
    halves = np.array([np.sum(turn < 0.25) for turn in turns])

    assert counts.mean() == pytest.approx(10, abs=4 * counts.std() / np.sqrt(counts.size))
    assert halves.mean() == pytest.approx(5, abs=4 * halves.std() / np.sqrt(counts.size))


def _ramp_expected(low: float, high: float, duration_s: float) -> Callable[[Floats], Floats]:
    return lambda t: low * t + (high - low) * t**2 / (2 * duration_s)


VARYING: list[tuple[Load, Callable[[Floats], Floats]]] = [
    (Load(arrivals="ramp", from_rps=0, to_rps=800), _ramp_expected(0, 800, 100)),
    (Load(arrivals="ramp", from_rps=900, to_rps=100), _ramp_expected(900, 100, 100)),
    (Load(arrivals="ramp", from_rps=500, to_rps=0), _ramp_expected(500, 0, 100)),
    (Load(arrivals="ramp", from_rps=400, to_rps=400), _ramp_expected(400, 400, 100)),
    (
        Load(arrivals="steps", steps_rps=(100, 0, 900, 400)),
        lambda t: np.interp(t, [0, 25, 50, 75, 100], [0, 2500, 2500, 25000, 35000]),
    ),
]


@pytest.mark.parametrize(("load", "expected"), VARYING, ids=[str(n) for n in range(len(VARYING))])
def test_varying_rates_are_poisson_in_changed_time(load: Load, expected: Callable[[Floats], Floats]) -> None:
    """Gaps in units of expected arrivals are exponential with mean 1 (time-rescaling theorem)."""
    instants = schedule(load, 100, np.random.default_rng(10))
    total = float(expected(np.array([100.0]))[0])
    gaps = np.diff(expected(instants), prepend=0)

    assert instants.size == pytest.approx(total, abs=4 * np.sqrt(total))
    assert stats.kstest(gaps, stats.expon().cdf).pvalue > 0.01
    assert abs(stats.spearmanr(gaps[:-1], gaps[1:]).statistic) < 4 / np.sqrt(gaps.size)
    for begin in range(0, 100, 10):  # and the same number in each part
        ends = expected(np.array([begin, begin + 10.0]))
        due = float(ends[1] - ends[0])
        assert np.sum((instants >= begin) & (instants < begin + 10)) == pytest.approx(due, abs=4 * np.sqrt(due) + 1e-9)


def test_a_wrong_rate_is_found_by_the_test_above() -> None:
    instants = schedule(Load(arrivals="ramp", from_rps=0, to_rps=800), 100, np.random.default_rng(10))
    gaps = np.diff(_ramp_expected(400, 400, 100)(instants), prepend=0)
    assert stats.kstest(gaps, stats.expon().cdf).pvalue < 1e-6


def test_a_trace_is_replayed_as_it_is_cut_at_the_turn() -> None:
    trace_s = (0.0, 0.5, 0.5, 2.0)
    assert schedule(Load(arrivals="trace", trace="t"), 9, np.random.default_rng(1), trace_s).tolist() == list(trace_s)
    assert replay(trace_s, 2.0).tolist() == [0.0, 0.5, 0.5]
    assert len(trace_s) / length_s(trace_s) == pytest.approx(3 / 2)  # three gaps in two seconds
    assert replay(trace_s, length_s(trace_s)).size == 4


def test_a_closed_loop_has_no_schedule() -> None:
    with pytest.raises(ValueError, match="closed"):
        schedule(Load(), 1, np.random.default_rng(1))


def test_a_seed_fixes_the_schedule_and_the_digest_names_it() -> None:
    first, again, other = (digest(poisson(100, 1, np.random.default_rng(seed))) for seed in (1, 1, 2))

    assert first == again
    assert first != other
    assert digest(np.array([0.0, 0.5])) == "sha256:" + hashlib.sha256(struct.pack("<2d", 0.0, 0.5)).hexdigest()


@pytest.mark.parametrize(
    "load",
    [
        Load(arrivals="constant", rate_rps=80),
        Load(arrivals="gamma", rate_rps=80, cv=2),
        Load(arrivals="ramp", from_rps=20, to_rps=140),
        Load(arrivals="steps", steps_rps=(40, 120, 80)),
    ],
)
def test_the_mean_rate_is_what_is_drawn_on_average(load: Load) -> None:
    rng = np.random.default_rng(8)
    drawn = np.mean([schedule(load, 3.0, rng).size for _ in range(300)]) / 3.0
    assert mean_rate_rps(load, 3.0) == pytest.approx(80)
    assert drawn == pytest.approx(80, rel=0.03)


def test_a_trace_has_the_rate_of_the_turn_and_a_closed_loop_has_none() -> None:
    trace = Load(arrivals="trace", trace="t")
    assert mean_rate_rps(trace, 2.0, (0.0, 0.5, 1.0, 5.0)) == 1.5
    assert mean_rate_rps(Load(), 2.0) is None
