from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.change_points.__main__ import COUNTS, PLACES, SIZES, coverage, main, power
from benchmarks.change_points.methods import METHODS, chosen
from benchmarks.change_points.noise import NOISES, Change, autoregressive, normal, shifted


@pytest.mark.parametrize("name", NOISES)
def test_noise_has_no_level_and_about_unit_variance(name: str) -> None:
    values = NOISES[name](np.random.default_rng(1), 20_000)
    spiky = "spikes" in name
    assert np.median(values) == pytest.approx(0.0, abs=0.35)
    assert np.std(values) == pytest.approx(1.0, abs=1.5 if spiky else 0.25)


def test_an_autoregression_remembers() -> None:
    values = autoregressive(0.4)(np.random.default_rng(1), 20_000)
    assert np.corrcoef(values[1:], values[:-1])[0, 1] == pytest.approx(0.4, abs=0.03)


def test_a_shift_is_the_noise_with_a_change_of_level() -> None:
    true = Change(30, 20, 3.0)
    expected = normal(np.random.default_rng(5), 30) + np.where(np.arange(30) < 20, 0.0, 3.0)
    assert shifted(normal, (5,), true) == pytest.approx(expected)


def test_power_counts_hits_near_the_place_only() -> None:
    true = Change(40, 20, 9.0)
    assert power(chosen, normal, true, 10) == 1.0
    assert power(lambda _: (23,), normal, true, 3) == 0.0
    assert power(lambda _: (22,), normal, true, 3) == 1.0
    assert power(lambda _: (22,), normal, true, 3, near=1) == 0.0


def test_coverage_of_nothing_found_is_not_known() -> None:
    assert np.isnan(coverage(normal, Change(30, 15, 0.0), 2)[0])


@pytest.mark.slow
def test_the_tables_are_whole() -> None:
    done = CliRunner().invoke(main, ["--series", "2"], catch_exceptions=False)
    tables = [[row.split("|")[1:-1] for row in table.splitlines()] for table in done.stdout.strip().split("\n\n")]
    assert [len(table) - 2 for table in tables] == [len(NOISES), 2 * len(SIZES), len(METHODS), 2 * len(SIZES)]
    assert [len(table[0]) for table in tables] == [1 + len(COUNTS), 2 + len(PLACES), 6, 5]
    assert all(len(row) == len(table[0]) for table in tables for row in table)
