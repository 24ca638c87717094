from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import pytest

from perfgate.gate.verdict import MetricVerdict
from perfgate.report.html.interval_bar import WIDTH, gauge
from tests.report import example


def _verdict(metric: str, lower: float, change: float, upper: float, tolerance: float = 0.1) -> MetricVerdict:
    result = example.failing()
    assert result.judgement is not None
    found = next(each for each in result.judgement.metrics if each.metric == metric)
    return replace(found, tolerance=tolerance, effect=replace(found.effect, change=change, lower=lower, upper=upper))


def test_the_interval_lies_where_it_is_against_the_limit() -> None:
    drawn = gauge(_verdict("execute_ms", 0.2, 0.25, 0.3), ascii_only=True)
    assert drawn.index("-") < drawn.index("|") < drawn.index("=") < drawn.index("o")


def test_of_what_should_be_more_worse_is_to_the_right_too() -> None:
    drawn = gauge(_verdict("throughput_rps", -0.3, -0.25, -0.2), ascii_only=True)
    assert drawn.index("|") < drawn.index("=") < drawn.index("o")


def test_it_narrows_with_its_interval() -> None:
    lengths = [
        gauge(_verdict("execute_ms", 0.2 - half, 0.2, 0.2 + half), ascii_only=True).count("=")
        for half in (0.3, 0.1, 0.05)
    ]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] > lengths[-1]


@pytest.mark.parametrize(
    ("ends", "signs"),
    [((-0.9, 50.0), "<>"), ((-1.0, 1e30), "<>"), ((2.0, 3.0), ">"), ((-inf, inf), "<>"), ((nan, nan), ">")],
)
def test_what_lies_outside_ends_in_an_arrow_head(ends: tuple[float, float], signs: str) -> None:
    drawn = gauge(_verdict("execute_ms", ends[0], 0.0, ends[1]), ascii_only=True)
    assert len(drawn) == WIDTH
    assert "".join(sign for sign in drawn if sign in "<>") == signs


@pytest.mark.parametrize("ascii_only", [True, False])
def test_every_metric_can_be_drawn(ascii_only: bool) -> None:
    for result in (example.failing(), example.leaking(), example.one_replica()):
        assert result.judgement is not None
        for metric in result.judgement.metrics:
            drawn = gauge(metric, ascii_only=ascii_only)
            assert len(drawn) == WIDTH
            assert drawn.isascii() or not ascii_only
