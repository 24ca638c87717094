from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from perfgate.report.html.assets import script
from perfgate.report.html.page import render_html, write
from perfgate.results.result import BlockColumns, Outcome, TrialColumns
from tests.report import example
from tests.report.kinds import KINDS, page

_FETCHING = {"src", "href", "srcset", "data", "action", "formaction", "poster", "background", "xlink:href", "ping"}
_VOID = {"meta", "br", "col"}


class _Page(HTMLParser):
    """Collects what a browser would show, and checks that every opened element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.ids: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script", "nav"} & set(self._open):
            self.words += data


def _svgs(text: str) -> list[ET.Element]:
    return [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)]  # noqa: S314 - our own


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_the_page_is_whole_and_every_picture_is_well_formed(name: str) -> None:
    text = page(name)
    seen = _Page(text)
    assert len(seen.ids) == len(set(seen.ids))
    assert len(_svgs(text)) == sum(tag == "svg" for tag, _ in seen.tags)


def assert_keeps_to_itself(text: str, beside: str = "(?!)") -> None:
    """Allow a page to link to itself and to its own data, to run its own script, and nothing else.

    `beside`: pattern of the links to other pages that are allowed, too.
    """
    page = _Page(text)
    attributes = [(name, value or "") for _, pairs in page.tags for name, value in pairs.items()]
    links = [value for name, value in attributes if name in _FETCHING]
    others = [link for link in links if not link.startswith(("#", "data:application/gzip;base64,"))]
    assert [link for link in others if not re.fullmatch(beside, link)] == []
    assert {link[1:] for link in links if link.startswith("#")} <= set(page.ids)
    assert not {name for name, _ in attributes if name.startswith("on") or name == "style"}
    assert not {tag for tag, _ in page.tags} & {"link", "img", "iframe", "object", "embed", "base", "form"}
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert text.count("<script") == text.count(f"<script>{script()}</script>") == 1
    assert set(re.findall(r"https?://[^\"'\s<]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert "url(" not in text
    assert "@import" not in text


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_nothing_is_fetched_and_nothing_foreign_runs(name: str) -> None:
    assert_keeps_to_itself(page(name))


@pytest.mark.parametrize("name", KINDS)
def test_charts_speak_to_those_who_cannot_see_them_and_carry_their_own_ink(name: str) -> None:
    for svg in _svgs(page(name)):
        if svg.get("aria-hidden"):
            continue
        title, desc = svg[0], svg[1]
        assert svg.get("role") == "img"
        assert title.tag.endswith("title")
        assert title.text
        assert desc.text
        assert svg.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
        assert svg.get("width")
        for part in svg.iter():
            if part.tag.endswith(("line", "polyline", "path")):
                assert part.get("stroke"), ET.tostring(part)


def test_hostile_words_are_shown_and_do_nothing() -> None:
    text = page("hostile")
    words = _Page(text).words
    assert words.count(example.HOSTILE) > page("fail").count("models/ranker/1")
    for section in ("differences", "plan", "cautions"):
        part = text[text.index(f'<section id="{section}"') :]
        assert "&lt;script&gt;alert" in part[: part.index("</section>")], section
    assert "<script>alert" not in text
    assert "{{ 7*7 }}" in words
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text)


@pytest.mark.slow
def test_the_same_result_gives_the_same_bytes() -> None:
    assert render_html(example.failing()) == render_html(example.failing())


def test_the_banner_says_the_verdict_in_word_shape_and_colour() -> None:
    text = render_html(example.failing())
    assert '<font color="#C4281C"><span class="word">FAIL</span></font>' in text
    assert 'class="icon fail"' in text
    assert "perfgate compare models/ranker/1 models/ranker/2 --seed 2" in text


def test_failures_stand_above_passes_and_gated_metrics_above_others() -> None:
    words = _Page(render_html(example.failing())).words
    gate = words[words.index("The gate") : words.index("Objectives")]
    metrics = ("cpu_ms_per_request", "execute_ms", "service_mean_ms", "rss_peak_mb", "not gated", "throughput_rps")
    places = [gate.index(metric) for metric in metrics]
    assert places == sorted(places)


@pytest.mark.slow
def test_the_sections_follow_what_was_measured() -> None:
    ids = {name: set(_Page(page(name)).ids) for name in KINDS}
    assert {"gate", "objectives", "effects", "latency", "run", "replicas"} <= ids["fail"]
    assert "cautions" not in ids["fail"]
    assert {"cautions", "run", "replicas"} <= ids["invalid"]
    assert not {"gate", "forest-title", "ecdf-title"} & ids["invalid"]
    assert {"run", "replicas"} <= ids["interrupted"]
    assert {"objectives", "typical", "ecdf-title"} <= ids["no_baseline"]
    assert "gate" not in ids["no_baseline"]


def test_a_run_of_which_nothing_was_measured_still_has_a_page() -> None:
    bare = replace(
        example.interrupted(),
        models={},
        trials=TrialColumns(),
        blocks=BlockColumns(),
        replicas=(),
        environment={},
        plan={},
        scenario={},
        command=(),
        phases_s={},
        status=Outcome.RUNNING,
    )
    words = _Page(render_html(bare)).words
    assert "RUNNING" in words
    assert "there is no verdict" in words


def test_a_long_run_stays_small() -> None:
    text = page("long")
    assert len(text.encode()) < 1_000_000
    marks = [len(re.findall(r"h0|,", part)) for part in re.findall(r' (?:points|d)="([^"]*)"', text)]
    assert 100 < max(marks) <= 2_000


def test_the_page_is_written_in_one_step(tmp_path: Path) -> None:
    path = write(example.passing_small(), tmp_path / "run")
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]
    assert path.read_text(encoding="utf-8") == render_html(example.passing_small())


@pytest.mark.slow
def test_numbers_of_the_plan_stay_numbers() -> None:
    """1 is not "yes", though 1 == True."""
    plan = {"load": {"workers": 1, "think_time_s": 0.0, "cv": None}, "fresh": True, "segments": [{"seconds": 1.0}]}
    words = _Page(render_html(replace(example.failing(), plan=plan))).words
    shown = [line.strip() for line in words[words.index("Plan") :].splitlines() if line.strip()]
    assert shown[1:5] == ["load.workers1", "load.think_time_s0", "load.cv\N{EN DASH}", "freshyes"]
    assert "segments" not in words


@pytest.mark.slow
def test_stored_numbers_are_shown_as_such_and_a_refusal_too() -> None:
    result = example.stored_numbers()
    page = render_html(result)
    assert "stored numbers of prod (models/ranker/1)" in page
    assert "Compared with the stored numbers of prod, 2 records from 2 days" in page
    assert result.stored
    refused = render_html(replace(result, stored=replace(result.stored, records=())))
    assert "The stored numbers are not comparable here" in refused
