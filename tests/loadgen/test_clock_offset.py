import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.loadgen.clock_offset import ClockOffset, clock_offset
from perfgate.loadgen.load_worker import LoadWorker

delays = st.floats(1e-5, 0.5)


@given(st.lists(st.tuples(delays, delays), min_size=1, max_size=8), st.floats(-1e5, 1e5))
def test_the_true_offset_is_within_the_uncertainty(trips: list[tuple[float, float]], offset_s: float) -> None:
    found = clock_offset(
        (number * 2.0, number * 2.0 + to_s + offset_s, number * 2.0 + to_s + back_s)
        for number, (to_s, back_s) in enumerate(trips)
    )

    assert abs(found.offset_s - offset_s) <= found.uncertainty_s + 1e-9
    assert found.uncertainty_s == pytest.approx(min(sum(trip) for trip in trips) / 2)
    assert found.there(10.0) == pytest.approx(10.0 + offset_s, abs=found.uncertainty_s + 1e-9)


def test_a_clock_has_moved_if_the_uncertainties_do_not_explain_it() -> None:
    before = ClockOffset(10.0, 0.001)

    assert before.moved_s(ClockOffset(10.0015, 0.001)) == 0
    assert before.moved_s(ClockOffset(9.9, 0.001)) == pytest.approx(0.098)


def test_a_worker_keeps_the_worst_of_all_series() -> None:
    worker = LoadWorker("load worker 2")
    worker = worker.after(ClockOffset(5.0, 0.002), ClockOffset(5.1, 0.001), late_ms=30.0)
    worker = worker.after(ClockOffset(5.1, 0.001), ClockOffset(5.1, 0.001), late_ms=1.0)

    assert worker.clock_moved_ms == pytest.approx(97)
    assert worker.clock_offset_ms == pytest.approx(5100)
    assert (worker.series, worker.clock_uncertainty_ms, worker.late_series, worker.late_ms) == (2, 2.0, 1, 30.0)
