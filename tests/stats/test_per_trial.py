from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.metrics import Source
from perfgate.stats.per_trial import Units, block_matrix, failures, quantile_of, rows_of, trial_values
from perfgate.stats.table import Floats, Ints, TrialTable
from perfgate.trials import Arm
from tests.stats.build import NAN, execute_trials, requests, trial

_TIMES = st.lists(st.floats(0.01, 1e4), min_size=1, max_size=30)


@given(st.lists(_TIMES, min_size=1, max_size=5), st.sampled_from([0.5, 0.9, 0.99]))
def test_quantiles_are_numpys(series: list[list[float]], share: float) -> None:
    table = TrialTable.of([trial(i, Arm.BASELINE, 0, requests(times)) for i, times in enumerate(series)])
    expected = [np.quantile(times, share) for times in series]
    assert trial_values(table.columns, f"response_q{share}") == pytest.approx(expected)


def test_quantiles_of_nothing_and_of_unanswered_requests_are_missing() -> None:
    rows = [requests([]), requests([1.0, NAN]), requests([1.0, 2.0, NAN])]
    table = TrialTable.of([trial(i, Arm.BASELINE, 0, done) for i, done in enumerate(rows)])
    assert np.isnan(trial_values(table.columns, "service_q0.9")).tolist() == [True, True, True]
    assert trial_values(table.columns, "service_q0.5")[2] == 2.0


def test_each_plain_statistic() -> None:
    table = TrialTable.of([trial(0, Arm.BASELINE, 0, requests([1.0, 3.0, 8.0], [0, 0, 4]), cpu_ms=6.0, wall_s=0.5)])
    assert trial_values(table.columns, "service_mean").tolist() == [4.0]
    assert trial_values(table.columns, "cpu_ms_per_request").tolist() == [2.0]
    assert trial_values(table.columns, "throughput_rps").tolist() == [4.0]
    assert trial_values(table.columns, "cpu_cores")[0] == pytest.approx(0.012)
    assert failures(table.columns).tolist() == [1]


def test_trials_without_requests_take_none_of_the_others() -> None:
    rows = [requests([]), requests([1.0, 2.0], [4, 0]), requests([]), requests([5.0], [14]), requests([])]
    columns = TrialTable.of([trial(i, Arm.BASELINE, 0, done) for i, done in enumerate(rows)]).columns
    assert failures(columns).tolist() == [0, 1, 0, 1, 0]
    np.testing.assert_array_equal(trial_values(columns, "service_mean"), [NAN, 1.5, NAN, 5.0, NAN])
    np.testing.assert_array_equal(trial_values(columns, "response_q0.5"), [NAN, 1.5, NAN, 5.0, NAN])


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [("response_q0.99", ("response", 0.99)), ("service_mean", None), ("cpu_ms_per_request", None)],
)
def test_statistics_that_are_quantiles_say_so(statistic: str, expected: tuple[str, float] | None) -> None:
    assert quantile_of(statistic) == expected


def _matrix(table: TrialTable) -> tuple[Units, Floats, Ints]:
    rows, values = rows_of(table.columns, Source.EXECUTE), trial_values(table.columns, "service_mean")
    return block_matrix(table.columns, rows, values)


@pytest.mark.parametrize("bad", [0.0, NAN, -1.0, float("inf")])
def test_a_block_in_which_an_arm_is_missing_is_left_out(bad: float) -> None:
    table = TrialTable.of(execute_trials(4, 2, lambda block, arm, _: bad if (block, arm) == (2, "candidate") else 2.0))
    units, logs, payload = _matrix(table)
    assert logs.shape == (3, 4)
    assert payload.tolist() == [-1, -1, -1]
    assert units.arm.tolist() == [0, 0, 1, 1]
    assert units.replica.tolist() == [0, 2, 1, 3]


def test_a_missing_visit_costs_no_block_and_is_filled_in_from_its_arm() -> None:
    def time_ms(block: int, arm: Arm, number: int) -> float:
        missing = (block, arm, number) == (1, Arm.CANDIDATE, 0)
        return NAN if missing else (1 + 0.1 * number) * (1 + block) * (3.0 if arm is Arm.CANDIDATE else 1.0)

    _, logs, _ = _matrix(TrialTable.of(execute_trials(4, 5, time_ms)))
    whole = _matrix(
        TrialTable.of(
            execute_trials(
                4,
                5,
                lambda b, a, n: (
                    time_ms(b, a, n) if b != 1 else ((1 + 0.1 * n) * 2 * (3.0 if a is Arm.CANDIDATE else 1.0))
                ),
            )
        )
    )[1]
    assert logs == pytest.approx(whole)


def test_nothing_is_left_where_a_replica_misses_half_of_its_visits() -> None:
    missing = execute_trials(4, 5, lambda b, a, n: NAN if (a, n) == (Arm.CANDIDATE, 0) and b % 2 else 1.0)
    assert not _matrix(TrialTable.of(missing))[1].size


def test_several_trials_of_a_replica_in_a_block_are_averaged_as_logs() -> None:
    times = [(0, 2.0), (0, 8.0), (1, 4.0)]
    table = TrialTable.of([trial(0, Arm.BASELINE, replica, requests([ms])) for replica, ms in times])
    assert np.exp(_matrix(table)[1]) == pytest.approx(np.array([[4.0, 4.0]]))
