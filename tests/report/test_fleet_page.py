from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest

from perfgate.fleet.answer import FleetAnswer
from perfgate.fleet.moved_models import worst
from perfgate.fleet.schema import Correction, Family
from perfgate.fleet.summary import sorted_gates
from perfgate.gate.verdict import Verdict
from perfgate.report.html.fleet import MOST_DRAWN, fleet_page, write_fleet
from perfgate.report.html.fleet_model import MOST_ENTRIES, model_page
from perfgate.report.html.fleet_rows import page_names
from perfgate.report.html.frame import minus
from tests.capacity.answers import HOSTILE
from tests.fleet.answers import (
    SAMPLES,
    SINCE,
    explained,
    failing,
    history,
    hostile,
    interrupted,
    invalid,
    many,
    no_baseline_demand,
    no_ends,
    objectives_only,
    passing,
)
from tests.report.test_html import assert_keeps_to_itself

MOST_BYTES = 1_000_000
_FILES = r"gates/[^/:][^:]*/\d/(report\.html|capacity\.html|perfgate\.log)"
BESIDE = rf"(models/[\w.-]+\.html|{_FILES})"
ABOVE = rf"\.\./(index\.html(#method)?|{_FILES})"


def _sections(text: str) -> list[str]:
    return re.findall(r'<section id="([a-z]+)"', text)


def _words(cell: str) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", cell)).strip()


def _rows(text: str, section: str) -> list[list[str]]:
    """Return the cells of a section's first table."""
    body = text.partition(f'<section id="{section}">')[2].partition("<tbody>")[2].partition("</tbody>")[0]
    return [list(map(_words, re.findall(r"<t[dh][ >].*?</t[dh]>", row))) for row in body.split("</tr>")[:-1]]


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "hostile"])
def test_the_pages_are_whole_and_lead_only_to_files_of_the_fleet(name: str) -> None:
    found = SAMPLES[name]()
    assert_keeps_to_itself(fleet_page(found), BESIDE)
    for model in sorted({gate.model_name for gate in found.gates})[:3]:
        assert_keeps_to_itself(model_page(found, model, history(found)), ABOVE)


def test_the_answer_comes_first_and_what_it_rests_on_below() -> None:
    text = fleet_page(failing())
    places = [text.index(minus(words)) for words in (
        '<span class="word">FAIL</span>',
        "1 of 3 gates fail: ranker--bursty latency_p99_ms +16.6% [+13.6, +19.6]",
        "3 gates: 1 fail, 2 undecided",
        "Measured on this machine (n1), 8 cores",
        "At most 1% of fleets raise any false alarm",
        '<nav class="contents"',
        "Of 3 such gates, up to 0.03 would pass on average.",
        "perfgate fleet production.toml",
    )]  # fmt: skip
    assert places == sorted(places)
    assert _sections(text) == ["chart", "gates", "moved", "servers", "method", "provenance", "words"]


def test_gates_are_listed_in_the_answers_order_with_what_moved() -> None:
    text = fleet_page(failing())
    rows = _rows(text, "gates")
    assert [(row[0], row[1], row[2]) for row in rows] == [
        ("fail", "ranker", "bursty"), ("inconclusive", "audio", "steady"), ("inconclusive", "ranker", "steady"),
    ]  # fmt: skip
    assert rows[0][3:] == [
        "ranking team",
        minus("latency_p99_ms  +16.6%  [+13.6, +19.6]"),
        SINCE[:10],
        "models/ranker/1",
    ]
    assert "rss_peak_mb needs about 90 s more" in rows[1][4]
    assert rows[2][5] == "", "the history does not say since when"
    assert '<a href="gates/ranker--steady/2/report.html">steady</a>' in text, "the round that the numbers come from"
    assert '<a href="models/ranker.html">ranker</a>' in text


def test_without_owners_there_is_no_column_of_them() -> None:
    found = passing()
    nobody = replace(found, gates=tuple(replace(gate, owner="") for gate in found.gates))
    assert ">owner</th>" in fleet_page(found)
    assert ">owner</th>" not in fleet_page(nobody)


@pytest.mark.parametrize(
    ("found", "word", "tone"),
    [
        (passing(), "PASS", "pass"),
        (failing(), "FAIL", "fail"),
        (invalid(), "INVALID", "invalid"),
        (interrupted(), "INCOMPLETE", "interrupted"),
        (replace(failing(), complete=False), "FAIL", "fail"),
    ],
)
def test_the_banner_has_the_verdict_as_a_word_and_a_colour(found: FleetAnswer, word: str, tone: str) -> None:
    text = fleet_page(found)
    assert f'<header class="banner {tone}">' in text
    assert f'<span class="word">{word}</span>' in text


def test_what_was_not_judged_or_measured_has_its_reason_and_its_log() -> None:
    text = fleet_page(invalid())
    assert _rows(text, "unjudged") == [
        [
            "invalid", "audio", "steady",
            "the model of baseline prod was changed since: run  perfgate baseline record  again", "none",
        ],
        ["invalid", "ranker", "bursty", "node n2 was lost (3 attempts)", "log of round 1"],
    ]  # fmt: skip
    assert '<a href="gates/ranker--bursty/1/perfgate.log">' in text
    assert "Measured again because a node was lost: vision--steady, ranker--bursty." in text
    assert 'id="unjudged"' not in fleet_page(failing())
    assert _rows(fleet_page(interrupted()), "unjudged")[0][3].startswith("not measured: ")


def test_models_that_moved_are_listed_the_furthest_for_the_worse_first() -> None:
    text = fleet_page(failing())
    assert "2 of 2 models moved: 1 for the worse, 1 in both directions." in text
    rows = _rows(text, "moved")
    assert [row[:2] for row in rows] == [["ranker", "worse"], ["audio", "mixed"]]
    assert "(bursty)" in rows[0][2]
    assert "(steady)" in rows[0][2]
    assert rows[1][3] == minus("execute_ms -8.4% [-11.4, -5.4] (steady)")
    assert "1 of 2 models moved: 1 for the better." in fleet_page(passing())
    assert "No gated metric moved in 4 models." in fleet_page(no_baseline_demand())


def test_servers_are_shown_by_model_and_in_all() -> None:
    text = fleet_page(failing())
    assert "Servers needed for 20,900 requests/s of 2 models: baselines 61.3 [" in text
    assert [row[:5] for row in _rows(text, "servers")] == [
        ["ranker", "20,000", "30%", "59 [57, 61]", "70 [68, 72]"], ["audio", "900", "30%", "4 [4, 4]", "4 [4, 4]"],
    ]  # fmt: skip
    text = fleet_page(no_baseline_demand())
    assert "Not counted, because their capacity is not known: audio, vision, text." in text
    assert [row[4] for row in _rows(text, "servers")] == ["70 [68, 72]", "at most 3", "at least 1", "not known"]
    assert 'id="servers"' not in fleet_page(passing())


def test_how_it_was_judged_follows_family_and_correction() -> None:
    alone = fleet_page(replace(failing(), family=Family.GATE))
    assert "Each gate is judged alone" in alone
    assert "all gated metrics of a gate together" in alone
    assert "wider than those in the report" not in alone
    assert "wider than those in the report" in fleet_page(failing())
    hochberg = fleet_page(replace(failing(), correction=Correction.BENJAMINI_HOCHBERG, rounds=1))
    assert "k gates fail if each does at k / 3 of 1%" in hochberg
    assert "gets a second round" not in hochberg
    assert "gets a second round" in alone


def test_the_chart_has_its_table_and_the_most_urgent_gates_only() -> None:
    text = fleet_page(many(100))
    assert f"The {MOST_DRAWN} most urgent of 100 gates; all are in the table below." in text
    assert text.count('role="img"') == text.count("<summary>Data table</summary>") == 1
    assert len(_rows(text, "chart")) == MOST_DRAWN
    assert len(_rows(text, "gates")) == 100
    assert "2 gates without a compared metric are not drawn." in fleet_page(invalid())
    assert fleet_page(objectives_only()).count('role="img"') == 0


def test_numbers_that_are_not_known_are_said_to_be_so() -> None:
    text = fleet_page(no_ends())
    assert "+0.1, n/a]" in text
    assert not re.search(r"\b(nan|inf)\b", text.partition("<main")[2].partition("<script>")[0])
    rows = {row[1].split()[0]: row[2:4] for row in _rows(model_page(no_ends(), "ranker", ()), "gates")}
    assert rows["rss_peak_mb"] == ["n/a", "[n/a, n/a]"]


def test_a_model_has_all_its_gates_metrics_reports_and_digests() -> None:
    found = failing()
    text = model_page(found, "ranker", history(found))
    assert "1 of 2 gates fail: ranker--bursty latency_p99_ms" in text
    assert _sections(text) == ["gates", "servers", "history", "measurements", "words"]
    assert re.findall(r"<h3>.*</svg> (.*?)</h3>", text) == ["bursty: fail", "steady: inconclusive"]
    for gate in found.gates:
        for each in gate.measurements:
            assert (f'href="../{each.directory}/report.html"' in text) == (gate.model_name == "ranker")
        for digest in gate.digests.values():
            assert digest in text
    assert [row[1].split()[0] for row in _rows(text, "gates")] == ["latency_p99_ms", "execute_ms"]
    assert text.count('role="img"') == text.count("<summary>Data table</summary>") == 2


def test_a_model_leads_to_its_capacity() -> None:
    found = failing()
    gates = tuple(
        replace(gate, measurements=(*gate.measurements, replace(gate.measurements[0], round_number=0)))
        for gate in found.gates
    )
    text = model_page(replace(found, gates=gates), "audio", ())
    assert '<a href="../gates/audio--steady/1/capacity.html">capacity</a>' in text


def test_the_history_is_the_newest_first_and_limited() -> None:
    found = failing()
    rows = _rows(model_page(found, "ranker", history(found)), "history")
    assert [(row[0][:10], row[1], row[2]) for row in rows[:2]] == [
        ("2026-11-29", "steady", "inconclusive"), ("2026-11-29", "bursty", "fail"),
    ]  # fmt: skip
    assert rows[-1][2:4] == ["pass", "nothing"]
    assert len(rows) == 6
    text = model_page(found, "ranker", history(found) * 40)
    assert len(_rows(text, "history")) == MOST_ENTRIES
    assert "140 older measurements are in history.jsonl." in text
    assert 'id="history"' not in model_page(found, "ranker", ())


def test_foreign_text_is_shown_and_does_nothing() -> None:
    found = hostile()
    pages = [model_page(found, gate.model_name, history(found)) for gate in found.gates]
    for text in (fleet_page(found), *pages):
        assert text.count("<script") == 1
        assert text.count("&lt;script&gt;alert(1)") >= 5
        assert HOSTILE not in text
        assert "{{ 7*7 }}" in text
        assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text)
        links = [unescape(link) for link in re.findall(r'href="([^"]*)"', text)]
        assert [link for link in links if ":" in link or link.startswith("/")] == []


def test_every_model_has_a_file_name_of_its_own_that_is_safe() -> None:
    models = [gate.model_name for gate in hostile().gates]
    names = page_names([*models, "a/b", "a-b", "A-B", "", "ranker-2.1_x"])
    assert all(re.fullmatch(r"\w[\w.-]{0,120}\.html", name, re.ASCII) for name in names.values())
    assert len({name.casefold() for name in names.values()}) == len(names)
    assert names["ranker-2.1_x"] == "ranker-2.1_x.html"
    assert names == page_names(reversed(list(names))), "whatever the order"


def test_the_pages_are_written_with_those_of_models_that_left_removed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    index = write_fleet(failing(), out, history(failing()))
    assert index.read_text(encoding="utf-8") == fleet_page(failing())
    foreign = out / "models" / "notes.html"
    foreign.write_bytes(b"\xff not ours")
    gone = tuple(gate for gate in failing().gates if gate.model_name == "audio")
    write_fleet(replace(failing(), gates=gone), out)
    assert sorted(file.name for file in (out / "models").iterdir()) == ["audio.html", "notes.html"]
    assert sorted(file.name for file in out.iterdir()) == ["index.html", "models"]


def test_every_link_to_a_model_leads_to_a_file(tmp_path: Path) -> None:
    index = write_fleet(hostile(), tmp_path)
    links = re.findall(r'href="(models/[^"]+)"', index.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (tmp_path / unquote(link)).is_file()] == []


def test_an_index_of_many_gates_stays_small() -> None:
    small, large = (len(fleet_page(many(count)).encode()) for count in (60, 100))
    assert small < MOST_BYTES / 2
    assert large - small < 40 * 3_500, "3.5 MB for 1,000 gates"


def test_the_most_urgent_gate_is_first_even_if_a_number_is_missing() -> None:
    known, unknown = failing().gates[0], no_ends().gates[1]
    assert unknown.verdict is Verdict.INCONCLUSIVE
    found = sorted_gates((unknown, replace(unknown, gate_id="a", moves=unknown.moves[::-1]), known))
    assert [gate.gate_id for gate in found] == [known.gate_id, "a", unknown.gate_id]


def test_the_causes_of_a_failure_are_on_both_pages(tmp_path: Path) -> None:
    index = write_fleet(explained(), tmp_path).read_text(encoding="utf-8")
    page = (tmp_path / "models" / "ranker.html").read_text(encoding="utf-8")
    for text in (index, page):
        assert "Operations were added in tower_4: +0.371 ms [+0.363, +0.38]" in text
        assert "Casts &lt;b&gt;to&lt;/b&gt; float64" in text


def test_a_gate_is_shown_by_a_metric_whose_interval_is_beyond_the_tolerance() -> None:
    """One that fails only at Holm's later levels may have an interval that includes no change."""
    found = failing().gates[0]
    clear = next(each for each in found.moves if each.verdict is Verdict.FAIL)
    vague = replace(clear, metric="execute_ms", worse_by=clear.worse_by + 9, worse_lower=-0.1)
    shown = worst(replace(found, moves=(vague, clear)))
    assert shown == clear
