from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from benchmarks.page.__main__ import main
from benchmarks.page.points import Chart, charts_of
from tests.report.kinds import page


@pytest.mark.slow
def test_a_made_up_run_has_a_page_and_its_figures() -> None:
    done = CliRunner().invoke(main, ["--requests", "30000", "--replicas", "2", "--turns", "3", "--repeats", "1"])
    assert done.exception is None
    assert done.output.startswith("30,000 + 30,000 requests in 4,212 trials\n")
    assert re.search(r"page: \d+ kB, including \d+ kB of charts\nrendered in \d\.\d\d s", done.output)
    rows = [line for line in done.output.splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + 3 + 1 + 1 + 5


def test_points_are_counted_in_lines_and_clouds() -> None:
    line, dots = '<polyline points="1,2 3,4"/>', '<path d="M1 2h0M3 4h0M5 6h0"/>'
    picture = f'<svg xmlns="http://www.w3.org/2000/svg" role="img"><title>T</title>{line}{dots}</svg>'
    assert charts_of(f"<p>{picture}</p>") == (Chart("T", len(picture), 2, 3),)


@pytest.mark.slow
def test_no_series_of_a_long_run_has_more_than_two_thousand_points() -> None:
    charts = charts_of(page("long"))
    assert len(charts) == 10
    assert 200 < max(chart.most_points for chart in charts) <= 2_000
