from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from perfgate import formatting
from perfgate.metrics import METRICS


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
def test_measured_numbers_have_three_significant_digits(value: float | None, text: str) -> None:
    assert formatting.number(value) == text


def test_a_number_that_somebody_chose_is_as_short_as_it_was_given() -> None:
    numbers = (20.0, 12.25, 0.1 + 0.2, 1500, 1e6, 4.0, -0.0, 0.6562500000000001, 3.4e38, math.inf)
    texts = ["20", "12.25", "0.3", "1,500", "1,000,000", "4", "0", "0.65625", "3.4e+38", "n/a"]
    assert [formatting.given(value) for value in numbers] == texts


def test_a_rate_has_no_zeros_that_say_nothing() -> None:
    values = (20.0, 12.46, 0.5, 0.01234, 99.96, 387.29, 41_000.4, 0.0, None, float("inf"))
    assert [formatting.rate(value) for value in values] == [
        "20", "12.5", "0.5", "0.0123", "100", "387", "41,000", "0", "n/a", "n/a",
    ]  # fmt: skip


def test_changes_carry_their_sign_and_never_say_minus_zero() -> None:
    assert formatting.change(0.1239) == "+12.4%"
    assert formatting.change(-0.0001) == "+0.0%"
    assert formatting.change(1.234) == "+123%"
    assert formatting.change(30.29) == "+3,029%"
    assert formatting.change(42051124678212.5) == ">+9,999%"
    assert formatting.change(math.inf) == "n/a"
    assert formatting.interval(0.081, 0.169) == "[+8.1, +16.9]"
    assert formatting.interval(-math.inf, math.nan) == "[n/a, n/a]"


def test_differences_are_in_the_metrics_unit_and_shares_differ_by_percentage_points() -> None:
    assert formatting.change(0.0123, "error_rate") == "+1.23 pp"
    assert formatting.change(0.98, "rss_growth_mb_per_1k") == "+0.98 MiB/1k requests"
    assert formatting.interval(-0.00001, 0.0213, "error_rate") == "[-0.001, +2.13]"
    assert formatting.seen(0.0123, 0.001, 0.02, "error_rate") == "+1.23 [+0.1, +2]"
    assert formatting.difference(-0.0, "ms") == "+0 ms"
    assert formatting.difference(1234.5, "1") == "+1,234"
    assert formatting.difference(math.nan, "ms") == "n/a"


@pytest.mark.parametrize(
    ("lower", "upper", "metric", "text"),
    [
        (3.8, 4.6, "latency_p99_ms", "[3.80, 4.60]"),
        (0.0, 0.0002, "error_rate", "[0%, 0.02%]"),
        (3.8, math.inf, "latency_p99_ms", "(at least 3.80 ms)"),
        (-math.inf, 0.0002, "error_rate", "(at most 0.02%)"),
        (-math.inf, math.nan, "error_rate", ""),
    ],
)
def test_an_interval_has_the_ends_that_are_known(lower: float, upper: float, metric: str, text: str) -> None:
    assert formatting.ends(lower, upper, metric) == text
    assert formatting.measured(4.1, lower, upper, metric) == f"{formatting.quantity(4.1, metric)} {text}".rstrip()


def test_quantities_have_the_unit_of_the_metrics_table() -> None:
    assert formatting.quantity(2.61, "service_mean_ms") == "2.61 ms"
    assert formatting.quantity(0.015, "error_rate") == "1.5%"
    assert formatting.quantity(5.19, "context_switches_per_request") == "5.19"
    assert formatting.quantity(2.0, "metric_of_tomorrow") == "2.00"
    assert formatting.bound(20.0, "service_mean_ms") == "20 ms"
    assert formatting.bound(0.01, "error_rate") == "1%"


def test_shares_have_as_many_digits_as_tell_them_from_all() -> None:
    shares = (0.0, -0.0, 0.025, 0.05, 0.123456, 0.99, 0.995, 0.9987, 0.99963, 0.99999, 1.0, 1.5, 123.0, math.nan)
    texts = ["0", "0", "2.5", "5", "12.3", "99", "99.5", "99.9", "99.96", "99.999", "100", "150", ">9,999", "n/a"]
    assert [formatting.share(value).rstrip("%") for value in shares] == texts
    assert formatting.share(0.05) == "5%"


def test_a_limit_is_the_change_at_which_it_is_reached() -> None:
    assert formatting.limit(0.05, "execute_ms") == "5%"
    assert formatting.limit(0.05, "throughput_rps") == "-4.76%"
    assert formatting.limit(0.25, "throughput_rps") == "-20%"
    assert formatting.limit(0.01, "error_rate") == "1 pp"
    assert formatting.limit(0.5, "rss_growth_mb_per_1k") == "0.5 MiB/1k requests"
    assert formatting.limit(0.05, "metric_of_tomorrow") == "5%"
    assert formatting.limit(math.inf, "throughput_rps") == "n/a"
    assert formatting.size(0.05, "throughput_rps") == "5%"


def test_a_long_unit_is_left_out_of_a_cell() -> None:
    texts = {metric.name: formatting.change(0.5, metric.name) for metric in METRICS}
    assert formatting.in_cell(texts["rss_growth_mb_per_1k"], "rss_growth_mb_per_1k") == "+0.5"
    assert formatting.in_cell(texts["error_rate"], "error_rate") == "+50 pp"


def test_durations() -> None:
    assert [formatting.duration(value) for value in (0.42, 45.2, 125.0)] == ["0.42 s", "45 s", "2 min 5 s"]


def test_a_factor_is_rounded_up() -> None:
    assert [formatting.about_times(factor) for factor in (1.1, 6.2, 12.1, 1234.0)] == [
        "about 1.5 times",
        "about 6.5 times",
        "about 13 times",
        "about 1,234 times",
    ]


PACKAGE = Path(formatting.__file__).parent
FOR_MACHINES = {
    "baseline/plain_json.py": "digits that a file keeps",
    "loadgen/trace.py": "a time stamp as its file has it",
    "report/charts/tooltips.py": "scales, for the script",
    "report/charts/svg.py": "coordinates",
    "pipeline/fleet_orders.py": "options of a command line",
    "report/formats/fleet_junit.py": "seconds, as the format has them",
    "report/formats/junit.py": "seconds, as the format has them",
    "report/formats/openmetrics.py": "values, as the format has them",
    "server/rest/encode.py": "JSON of an answer",
    "server/stages.py": "a Server-Timing header",
}
"""Files that format numbers themselves, because no person reads these as a result."""
BY_HAND = re.compile(r"\.\d+[ge%]|\.[1-9]\d*f|[g%]$")


def formatted_by_hand(package: Path) -> Iterator[str]:
    """List the files that format a number in place: `{x:.3g}`, `{x:+g}`, `{x:.0%}`; not `{count:,}`."""
    for file in sorted(package.rglob("*.py")):
        nodes = ast.walk(ast.parse(file.read_text()))
        specs = (
            ast.unparse(node.format_spec) for node in nodes if isinstance(node, ast.FormattedValue) and node.format_spec
        )
        if any(BY_HAND.search(spec[2:-1]) for spec in specs):  # without f"…"
            yield file.relative_to(package).as_posix()


@pytest.mark.slow
def test_numbers_are_formatted_in_one_place() -> None:
    assert set(formatted_by_hand(PACKAGE)) == {"formatting.py", *FOR_MACHINES}


def test_a_number_that_is_formatted_in_place_is_found(tmp_path: Path) -> None:
    texts = {"a.py": 'f"{x:.3g} ms"', "b.py": 'f"{x:+g}"', "c.py": 'f"{x:.0%}"', "d.py": 'f"{x:,} {y} {z:<5} {n:.0f}"'}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    assert list(formatted_by_hand(tmp_path)) == ["a.py", "b.py", "c.py"]
