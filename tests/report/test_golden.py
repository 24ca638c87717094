"""Pages compared byte for byte with those in golden/, so that every change of a page is visible and intended.

After an intended change: run `python -m tests.report.test_golden`, and check the diff. It also writes the sample in
reports/ again, from the result inside the sample.

The style sheet, the script, their policy and the packed result appear in the golden files by name only: each is checked
here to be the page's, and has tests of its own. Pictures have one line an element.
"""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from perfgate.report.html.assets import policy, script, style
from perfgate.report.html.capacity import capacity_page
from perfgate.report.html.embedded_result import attach
from perfgate.report.html.fleet import fleet_page
from perfgate.report.html.fleet_model import model_page
from perfgate.report.html.page import render_html
from perfgate.report.html.plan import plan_page
from perfgate.report.html.plan_check import check_page
from perfgate.results import document
from perfgate.results.result import RecordFacts, Result
from tests.capacity.answers import two_arms
from tests.explain.samples import extra_layer
from tests.fleet.answers import failing, history
from tests.planning.answers import breaks, check, one_dimension, passes, two_dimensions
from tests.report.kinds import died_in_warm_up, short
from tests.report.test_capacity_page import with_demand

GOLDEN = Path(__file__).with_name("golden")
SAMPLE = Path(__file__).parents[2] / "reports" / "sample" / "report.html"


def measured_small() -> Result:
    """Return a run of three seconds with two metrics and another machine's record: most parts of a page, in small."""
    result = short()
    assert result.judgement
    metrics, summaries = result.judgement.metrics, result.summaries
    then = {**result.environment, "cores": 4.0, "kernel": "6.0.9"}
    return replace(
        result,
        judgement=replace(result.judgement, metrics=(metrics[0], metrics[2])),
        summaries=tuple(each for each in summaries if each.metric in {"latency_p50_ms", "latency_p999_ms"}),
        record=RecordFacts("prod/20260228T101500.000Z-0123456789ab", "2026-02-28T10:15:00Z", "sha256:0e", then),
    )


def explained_small() -> Result:
    """Return a run of which nothing but the explanation is on the page."""
    return replace(died_in_warm_up(), explanation=extra_layer())


def searched_small() -> Result:
    """Return a run of which nothing but the search for the capacity is on the page."""
    return replace(died_in_warm_up(), capacity=two_arms())


def run_page(result: Result) -> str:
    """Render a run's page without its packed result."""
    return without(render_html(result), {attach(result).link: "(result.json)"})


PAGES: dict[str, Callable[[], str]] = {
    "measured": lambda: run_page(measured_small()),
    "died_in_warm_up": lambda: run_page(died_in_warm_up()),
    "explained": lambda: run_page(explained_small()),
    "searched": lambda: run_page(searched_small()),
    "capacity": lambda: capacity_page(with_demand(two_arms())),
    "plan": lambda: plan_page(passes()),
    "plan_breaks": lambda: plan_page(replace(breaks(), capacity=None)),
    "plan_one_dimension": lambda: plan_page(one_dimension()),
    "plan_two_dimensions": lambda: plan_page(two_dimensions()),
    "fleet": lambda: fleet_page(failing()),
    "fleet_model": lambda: model_page(failing(), "ranker", history(failing())),
    "plan_check": lambda: check_page(check()),
}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_the_golden_one(name: str) -> None:
    assert readable(PAGES[name]()) == (GOLDEN / f"{name}.html").read_text(encoding="utf-8")


def test_a_changed_byte_would_show() -> None:
    golden = (GOLDEN / "died_in_warm_up.html").read_text(encoding="utf-8")
    page = PAGES["died_in_warm_up"]()
    for before, after in (("sha256:a1", "sha256:a2"), ("</h2>", "</h2> "), ("<svg", "<svg ")):
        assert readable(page.replace(before, after, 1)) != golden


@pytest.mark.slow
def test_the_sample_is_what_is_rendered_today() -> None:
    assert SAMPLE.read_text(encoding="utf-8") == render_html(carried(SAMPLE))


def carried(page: Path) -> Result:
    """Read the result that a page carries for download."""
    packed = re.search(r'href="data:[^",]*;base64,([^"]+)"', page.read_text(encoding="utf-8"))
    assert packed
    return document.from_json(gzip.decompress(base64.b64decode(packed[1])).decode())


def readable(page: str) -> str:
    """Replace the parts that have their own tests by their names, and give each element of a picture its own line."""
    parts = {
        f"<style>{style()}</style>": "<style>(style sheet)</style>",
        f"<script>{script()}</script>": "<script>(script)</script>",
        str(policy()).replace("'", "&#39;"): "(policy)",
    }
    short = without(page, parts)
    return re.sub(r"<svg.*?</svg>", lambda svg: svg[0].replace("><", ">\n<"), short, flags=re.DOTALL)


def without(page: str, parts: Mapping[str, str]) -> str:
    """Replace parts, each of which the page has once, by their names."""
    for part, name in parts.items():
        assert page.count(part) == 1, name
        page = page.replace(part, name)
    return page


def main() -> None:
    """Write the golden files and the sample again."""
    for name, build in PAGES.items():
        (GOLDEN / f"{name}.html").write_text(readable(build()), encoding="utf-8")
    SAMPLE.write_text(render_html(carried(SAMPLE)), encoding="utf-8")


if __name__ == "__main__":
    main()
