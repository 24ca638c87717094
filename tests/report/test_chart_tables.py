"""The tables of the charts have the charts' numbers."""

from __future__ import annotations

import numpy as np

from perfgate.report.charts.panels import panels
from perfgate.report.charts.series import Panel
from perfgate.report.charts.tracks import tracks
from perfgate.report.html.chart_tables import aligned_table, forest_table, panel_table, percentile_table
from perfgate.report.html.page import render_html
from perfgate.report.rows import in_order
from perfgate.stats.summary import Curve
from tests.report import example
from tests.report.kinds import KINDS


def test_percentiles_end_with_the_slowest_request_and_few_requests_are_marked() -> None:
    share = np.arange(1, 301) / 300
    table = percentile_table([Curve("candidate", 300, tuple((100 * share).tolist()), tuple(share.tolist()))])
    cells = {row[0]: row[1] for row in table.rows}
    assert cells["90%"] == "90.0 ms"
    assert cells["99%"] == "99.0 ms (few)"
    assert "99.9%" not in cells
    assert cells["requests"] == "300"


def test_a_percentile_among_requests_without_an_answer_is_no_time() -> None:
    table = percentile_table([Curve("candidate", 1000, (1.0, 2.0, 3.0), (0.1, 0.5, 0.8))])
    cells = {row[0]: row[1] for row in table.rows}
    assert (cells["50%"], cells["75%"], cells["90%"], cells["99%"]) == ("2.00 ms", "2.83 ms", "no answer", "no answer")


def test_the_forest_is_in_tolerances_worse_above_0() -> None:
    rows = {row[0]: row for row in forest_table(in_order(example.failing())).rows}
    assert float(rows["execute_ms"][2]) > 1
    assert rows["execute_ms"][-1] == "2.5%"
    assert 0 < float(rows["throughput_rps"][3]) < float(rows["throughput_rps"][2]) < float(rows["throughput_rps"][4])
    assert forest_table(in_order(example.one_replica())).rows[0][3] == "n/a"


def test_a_stretch_has_what_was_measured_in_it() -> None:
    result = KINDS["inconclusive"]()
    table = aligned_table(result, tracks(result))
    assert {row[0] for row in table.rows} == {"executions", "single requests", "load"}
    assert len(table.rows) == 3 * 4 * 2
    place = {name: index for index, name in enumerate(table.columns)}
    execution, load = table.rows[2], table.rows[-1]
    assert (execution[0], execution[3], load[0], load[3]) == ("executions", "baseline", "load", "candidate")
    assert execution[place["Throughput under load, answered requests, 1/s"]] == ""
    assert execution[place["disturbed blocks"]] != "0 of 17"
    assert load[place["Failed requests, share"]].endswith("%")
    assert {row[place["Failed requests, share"]] for row in table.rows[:16]} == {"0%"}


def test_nothing_measured_is_an_empty_table() -> None:
    result = KINDS["died_in_warm_up"]()
    assert aligned_table(result, tracks(result)).rows == ()


def test_a_series_has_its_medians_and_extremes() -> None:
    t = np.arange(8.0)
    table = panel_table(Panel("p", "Time", "ms", {"baseline": (t, t + 1)}))
    assert [row[2:] for row in table.rows] == [
        ("baseline", "1.50", "1.00", "2.00", "2"),
        ("baseline", "3.50", "3.00", "4.00", "2"),
        ("baseline", "5.50", "5.00", "6.00", "2"),
        ("baseline", "7.50", "7.00", "8.00", "2"),
    ]
    assert all(panel_table(panel).rows for panel in panels(example.passing().trials))


def test_every_chart_has_its_table_on_the_page() -> None:
    text = render_html(example.failing())
    assert (
        text.count("<summary>Data table</summary>") == text.count('role="img"') - 2
    )  # ecdf and percentiles share one,
    assert ">candidate execute" not in text  # and that of the stages is beside the chart


def test_a_failure_that_only_warns_has_that_word_here_too() -> None:
    table = forest_table(in_order(example.lenient()))
    words = {row[0]: row[1] for row in table.rows}
    assert (words["throughput_rps"], words["execute_ms"]) == ("warn", "accepted")
