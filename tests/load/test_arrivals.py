import hashlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.load.arrivals import constant, digest, poisson

RATES = st.floats(0.5, 2000)
DURATIONS = st.floats(0.01, 5)


@given(RATES, DURATIONS)
def test_constant_arrivals_are_even_and_end_before_the_duration(rate_rps: float, duration_s: float) -> None:
    instants = constant(rate_rps, duration_s)

    assert instants[0] == 0
    assert instants[-1] < duration_s <= instants[-1] + 1.000001 / rate_rps
    assert np.allclose(np.diff(instants), 1 / rate_rps)


@given(RATES, DURATIONS, st.integers(0, 2**32))
def test_poisson_arrivals_ascend_within_the_duration(rate_rps: float, duration_s: float, seed: int) -> None:
    instants = poisson(rate_rps, duration_s, np.random.default_rng(seed))

    assert np.all(np.diff(instants) >= 0)
    assert np.all((instants >= 0) & (instants < duration_s))


def test_poisson_arrivals_have_the_rate_and_the_gaps_of_their_name() -> None:
    instants = poisson(1000, 100, np.random.default_rng(7))
    gaps = np.diff(instants)

    assert instants.size == pytest.approx(100_000, abs=5 * np.sqrt(100_000))
    assert gaps.mean() == pytest.approx(0.001, rel=0.02)
    assert gaps.std() == pytest.approx(0.001, rel=0.02)  # equal to the mean: exponential; constant gaps have 0
    assert np.mean(gaps > 0.003) == pytest.approx(np.exp(-3), rel=0.1)


def test_a_seed_fixes_the_schedule_and_the_digest_names_it() -> None:
    first, again, other = (digest(poisson(100, 1, np.random.default_rng(seed))) for seed in (1, 1, 2))

    assert first == again
    assert first != other
    assert digest(np.array([0.0, 0.5])) == "sha256:" + hashlib.sha256(struct.pack("<2d", 0.0, 0.5)).hexdigest()
