from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from perfgate.baseline.record import StoredModel
from perfgate.report.history.page import render_history, write_history
from perfgate.results.history import History, group_of, series_of
from tests.report.example import HOSTILE
from tests.report.history_records import record, records, step
from tests.report.test_html import _Page, _svgs, assert_keeps_to_itself

NASTY = HOSTILE + "\x1b[31m\x00\u202e\n' & <svg onload=x> {{ 7*7 }} </style> [bold]"


def plain() -> History:
    made = records({
        "execute_ms": [*step(40, 25, 0.10)],
        "rss_peak_mb": [*step(40, 40, 0.0, 300, seed=3)],
        "throughput_rps": [*step(40, 10, 0.2, 450, seed=2)],
    })  # fmt: skip
    return History("prod", "baselines", group_of(made), tuple(series_of(made)))


def short() -> History:
    made = records({"execute_ms": [2.0], "error_rate": [0.0]})
    return History("prod", "baselines", group_of(made), tuple(series_of(made)))


def empty() -> History:
    return History("prod", "baselines", group_of(records({"execute_ms": [None]})), ())


def hostile() -> History:
    model = StoredModel(NASTY, "sha256:00", 1, None)
    made = tuple(
        replace(each, scenario_name=NASTY, fingerprint=NASTY, model=replace(model, digest=f"sha256:{n:064x}"))
        for n, each in enumerate(records({NASTY: [*step(40, 20, 0.2)], "execute_ms": [2.0] * 40}))
    )
    other = group_of([record(0, {}, scenario_name=NASTY, environment={"cpu_model": NASTY})])
    return History(NASTY, NASTY, group_of(made), tuple(series_of(made)), (other,), unreadable=1)


EVERY = (plain, short, empty, hostile)
BUILDERS = pytest.mark.parametrize("build", EVERY)


@BUILDERS
def test_the_page_is_whole_and_keeps_to_itself(build: Callable[[], History]) -> None:
    text = render_history(build(), small=True)
    page = _Page(text)
    assert len(page.ids) == len(set(page.ids))
    assert_keeps_to_itself(text)


@BUILDERS
def test_every_chart_speaks_and_carries_its_own_ink(build: Callable[[], History]) -> None:
    history = build()
    drawn = _svgs(render_history(history, small=True))
    assert len(drawn) == len(history.series)
    for svg in drawn:
        assert svg.get("role") == "img"
        assert svg.get("aria-labelledby") == f"{svg[0].get('id')} {svg[1].get('id')}"
        assert svg[0].text
        assert svg[1].text
        for part in svg.iter():
            if part.tag.endswith(("line", "polyline", "path")):
                assert part.get("stroke"), ET.tostring(part)


def test_hostile_words_are_shown_and_do_nothing() -> None:
    text = render_history(hostile(), small=True)
    words = _Page(text).words
    assert HOSTILE in words
    assert "<script>alert" not in text
    assert "<svg onload" not in text
    assert "{{ 7*7 }}" in words
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text)


def test_change_points_stand_in_the_table_and_at_their_chart() -> None:
    page = _Page(render_history(plain(), small=False))
    words = " ".join(page.words.split())
    table = words[words.index("Change points") : words.index("All metrics")]
    assert re.search(r"execute_ms\s*1\s*2026-01-28", table)
    assert "worse" in table
    assert "better" in table
    assert "models/25" in table
    assert "1 since 2026-01-28: +" in words


def test_charts_of_what_changed_come_first() -> None:
    words = _Page(render_history(plain(), small=False)).words
    charts = words[words.index("All metrics") : words.index("How change points")]
    places = [charts.index(metric) for metric in ("execute_ms", "throughput_rps", "rss_peak_mb")]
    assert places == sorted(places)


def test_a_page_without_change_points_says_so_and_has_no_table() -> None:
    page = _Page(render_history(short(), small=False))
    assert "changes" not in page.ids
    assert "change points need at least 20" in page.words


def test_small_changes_are_on_the_page_where_asked() -> None:
    made = records({"execute_ms": [*step(60, 30, 0.02, spread=0.002)]})
    history = History("prod", "baselines", group_of(made), tuple(series_of(made)))
    assert "changes" not in _Page(render_history(history, small=False)).ids
    assert "changes" in _Page(render_history(history, small=True)).ids


def test_the_same_history_gives_the_same_bytes_in_one_step(tmp_path: Path) -> None:
    path = write_history(plain(), tmp_path / "deep" / "page.html", small=False)
    assert [file.name for file in path.parent.iterdir()] == ["page.html"]
    assert path.read_text(encoding="utf-8") == render_history(plain(), small=False)
