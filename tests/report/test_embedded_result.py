from __future__ import annotations

import base64
import gzip
import re
from dataclasses import replace

import pytest

from perfgate.report.html.embedded_result import MOST_BYTES, attach
from perfgate.report.html.page import render_html
from perfgate.results.document import from_json, to_json
from perfgate.results.result import BlockColumns, Result, TrialColumns
from tests.report import example
from tests.report.kinds import KINDS


def _held(link: str) -> str:
    kind, _, packed = link.partition(",")
    assert kind == "data:application/gzip;base64"
    return gzip.decompress(base64.b64decode(packed)).decode()


def _in_page(result: Result) -> str:
    (link,) = re.findall(r'<a download="result.json.gz" href="([^"]*)">', render_html(result))
    return _held(str(link))


def test_the_page_holds_the_whole_result() -> None:
    result = example.failing()
    assert _in_page(result) == to_json(result)


def test_what_is_hostile_in_it_stays_inside_the_link() -> None:
    result = replace(example.passing_small(), run_id='</script><!--"><img src=x onerror=alert(1)>')
    assert _in_page(result) == to_json(result)


@pytest.mark.slow
def test_a_long_run_leaves_its_trials_out_and_says_so() -> None:
    result = KINDS["long"]()
    data = attach(result)
    assert not data.is_whole
    assert len(data.link) < MOST_BYTES
    held = from_json(_held(data.link))
    assert held.trials == TrialColumns()
    assert held.blocks == BlockColumns()
    assert held.judgement == result.judgement
    page = render_html(result)
    assert "Individual trials" in page
    assert "Individual trials" not in render_html(example.failing())


@pytest.mark.slow
def test_a_page_of_a_million_requests_a_side_is_below_a_megabyte() -> None:
    assert len(render_html(KINDS["long"]()).encode()) < 1_000_000


def test_the_same_result_gives_the_same_bytes() -> None:
    assert attach(example.failing()) == attach(example.failing())
