"""Content of the charts, read back from their elements."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from perfgate.report.charts.ecdf import at_share, ecdf
from perfgate.report.charts.forest import forest
from perfgate.report.charts.panels import panels
from perfgate.report.charts.series import Panel, series
from perfgate.report.rows import in_order
from perfgate.results.result import TrialColumns
from perfgate.stats.summary import Curve
from tests.report import example

_SVG = "{http://www.w3.org/2000/svg}"


def _root(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - our own


def _words(root: ET.Element) -> list[str]:
    return [node.text or "" for node in root.iter(f"{_SVG}text")]


def _x_range(root: ET.Element) -> tuple[float, float]:
    xs = [float(line.get(name, "nan")) for line in root.iter(f"{_SVG}line") for name in ("x1", "x2")]
    return min(xs), max(xs)


def test_the_forest_names_every_metric_in_order_and_describes_it() -> None:
    verdicts = in_order(example.failing())
    root = _root(forest(verdicts))
    words = _words(root)
    places = [words.index(verdict.metric) for verdict in verdicts]
    assert places == sorted(places)
    assert "cpu_ms_per_request" in (root[1].text or "")
    assert "fail" in (root[1].text or "")


def test_the_forest_puts_worse_to_the_right_whichever_direction_is_better() -> None:
    (throughput,) = (m for m in in_order(example.failing()) if m.metric == "throughput_rps")
    assert throughput.effect.change < -throughput.tolerance
    root = _root(forest([replace(throughput, gated=True)]))
    (limit,) = {float(line.get("x1", "nan")) for line in root.iter(f"{_SVG}line") if line.get("stroke-dasharray")}
    (diamond,) = (p for p in root.iter(f"{_SVG}polygon"))
    assert all(float(point.split(",")[0]) > limit for point in diamond.get("points", "").split())


@pytest.mark.parametrize("bounds", [(9.0, 11.0), (-0.9, 11.0), (-math.inf, math.inf), (math.nan, math.nan)])
def test_the_forest_keeps_what_is_far_off_or_unknown_inside_its_frame(bounds: tuple[float, float]) -> None:
    verdict = in_order(example.failing())[0]
    effect = replace(verdict.effect, lower=bounds[0], upper=bounds[1], change=math.nan)
    low, high = _x_range(_root(forest([replace(verdict, effect=effect)])))
    assert (low, high) == (10, 470)


def test_no_metrics_no_forest() -> None:
    assert forest(()) == ""


def test_the_ecdf_reads_its_own_quantiles() -> None:
    curve = Curve("candidate", 1000, tuple(np.linspace(1, 101, 101)), tuple(np.linspace(0.01, 1, 101)))
    assert at_share(curve, 0.505) == pytest.approx(51)
    root = _root(ecdf([curve]))
    assert "50% within 50.5 ms" in (root[1].text or "")
    assert "99% within 100 ms" in (root[1].text or "")
    assert len(list(root.iter(f"{_SVG}polygon"))) == 1 + 3  # the legend's square, and three percentiles


def test_the_ecdf_shows_no_percentile_that_its_sample_cannot_support() -> None:
    curve = Curve("baseline", 20, tuple(np.linspace(1, 2, 20)), tuple(np.linspace(0.05, 1, 20)))
    root = _root(ecdf([curve]))
    assert "99%" not in (root[1].text or "")
    assert len(list(root.iter(f"{_SVG}circle"))) == 1 + 2


def test_the_ecdf_marks_no_percentile_among_requests_without_an_answer() -> None:
    root = _root(ecdf([Curve("baseline", 1000, (1.0, 2.0, 3.0), (0.1, 0.5, 0.8))]))
    assert root[1].text == "baseline: 1,000 requests, 50% within 2.00 ms"


def test_one_value_or_none_makes_no_ecdf_and_equal_values_do() -> None:
    assert ecdf([]) == ""
    assert ecdf([Curve("baseline", 1, (1.0,), (1.0,))]) == ""
    _root(ecdf([Curve("baseline", 2, (1.0, 1.0), (0.5, 1.0))]))


def test_panels_hold_what_was_measured() -> None:
    titles = [panel.title for panel in panels(example.failing().trials)]
    assert titles[0] == "Execution time, cold"
    assert "CPU time per request under load" in titles
    assert panels(TrialColumns()) == ()


def test_panels_divide_cpu_time_by_requests_and_leave_out_the_unknown() -> None:
    trials = TrialColumns(
        lane=("load",) * 3,
        depth=("request",) * 3,
        block=(0, 0, 0),
        arm=("candidate", "baseline", "baseline"),
        replica=(0, 0, 0),
        start_s=(2.0, 1.0, 3.0),
        wall_s=(1.0, 1.0, 1.0),
        requests=(100, 50, 0),
        errors=(0, 0, 0),
        service_mean_ms=(None, None, None),
        response_p50_ms=(None, None, None),
        response_max_ms=(None, None, None),
        cpu_ms=(300.0, 100.0, 7.0),
        rss_mb=(None, None, None),
        pss_mb=(None, None, None),
        uss_mb=(None, None, None),
    )
    cpu = next(panel for panel in panels(trials) if panel.slug == "cpu-load")
    assert {arm: values.tolist() for arm, (_, values) in cpu.arms.items()} == {"baseline": [2.0], "candidate": [3.0]}


def test_a_series_counts_what_lies_above_its_frame() -> None:
    t = np.arange(1000.0)
    values = np.where(t % 200 == 0, 50.0, 2.0 + 0.1 * np.sin(t))
    text = series(Panel("p", "Time", "ms", {"baseline": (t, values)}))
    assert "▲ 5 above, up to 50.0 ms" in _words(_root(text))
    assert len(list(_root(text).iter(f"{_SVG}polygon"))) == 5


def test_a_series_draws_few_enough_points_of_a_long_run() -> None:
    rng = np.random.default_rng(1)
    data = (np.arange(40_000.0), rng.lognormal(0, 0.1, 40_000))
    text = series(Panel("p", "Time", "ms", {"baseline": data, "candidate": data}))
    assert len(re.findall(r"h0", text)) <= 2 * 2000
    assert len(text) < 60_000


def test_a_series_marks_what_lies_above_over_the_whole_run() -> None:
    t = np.arange(40_000.0)
    values = np.where(t % 100 == 0, 50.0, 2.0 + 0.1 * np.sin(t))
    marks = [
        float(mark.get("points", "").split(",")[0])
        for mark in _root(series(Panel("p", "Time", "ms", {"candidate": (t, values)}))).iter(f"{_SVG}polygon")
    ]
    assert min(marks) < 70
    assert max(marks) > 450
    assert len(marks) < 100


@pytest.mark.parametrize("values", [[5.0], [5.0, 5.0], [0.0, 0.0, 0.0]])
def test_a_series_of_one_or_equal_values_has_a_frame(values: list[float]) -> None:
    data = (np.arange(float(len(values))), np.array(values))
    low, high = _x_range(_root(series(Panel("p", "Time", "ms", {"candidate": data}))))
    assert math.isfinite(low)
    assert math.isfinite(high)


def test_a_series_of_nothing_is_no_picture() -> None:
    assert series(Panel("p", "Time", "ms", {})) == ""
