from __future__ import annotations

import math

import pytest

from perfgate.report import figures


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (5.0, "5.00"),
        (12.345, "12.3"),
        (0.012345, "0.0123"),
        (99.96, "100"),
        (1234.5, "1,234"),
        (-3.21987, "-3.22"),
        (None, "n/a"),
        (math.nan, "n/a"),
        (math.inf, "n/a"),
    ],
)
def test_three_significant_digits(value: float | None, text: str) -> None:
    assert figures.figure(value) == text


def test_changes_carry_their_sign_and_never_say_minus_zero() -> None:
    assert figures.change(0.1239) == "+12.4%"
    assert figures.change(-0.0001) == "+0.0%"
    assert figures.change(1.234) == "+123%"
    assert figures.change(30.29) == "+3,029%"
    assert figures.change(42051124678212.5) == ">+9,999%"
    assert figures.interval(0.081, 0.169) == "[+8.1, +16.9]"
    assert figures.interval(-math.inf, math.nan) == "[n/a, n/a]"


def test_quantities_have_the_unit_of_the_metrics_table() -> None:
    assert figures.quantity(2.61, "service_mean_ms") == "2.61 ms"
    assert figures.quantity(0.015, "error_rate") == "1.5%"
    assert figures.quantity(2.0, "metric_of_tomorrow") == "2.00"


def test_shares_and_durations() -> None:
    assert [figures.share(value) for value in (0.025, 0.05, 1.5, math.nan)] == ["2.5%", "5%", "150%", "n/a"]
    assert [figures.duration(value) for value in (0.42, 45.2, 125.0)] == ["0.42 s", "45 s", "2 min 5 s"]


def test_a_count_has_no_unit_beside_it() -> None:
    assert figures.with_unit(5.19, "1") == "5.19"
    assert figures.with_unit(5.19, "1/s") == "5.19 1/s"
