from __future__ import annotations

import re
from dataclasses import replace
from math import nan
from pathlib import Path

import numpy as np
import pytest

from perfgate.capacity.answer import CapacityAnswer
from perfgate.capacity.sentences import capacity_sentence, change_sentence
from perfgate.capacity.servers_needed import servers_needed
from perfgate.report.html.capacity import capacity_page, write_capacity
from perfgate.report.html.capacity_tables import misses_table, times_table
from perfgate.report.html.frame import minus
from perfgate.trials import Arm
from tests.capacity.answers import HOSTILE, SAMPLES, answer, arm, interrupted, one_arm, open_, two_arms
from tests.report.test_html import assert_keeps_to_itself

MOST_BYTES = 1_000_000


def many_points() -> CapacityAnswer:
    """Return two versions with as many rates as a long measurement has."""
    rates = tuple(np.geomspace(17.31, 812.7, 60).round(4).tolist())
    found = two_arms()
    arms = (
        arm(each, f"models/ranker/{name}", mid, rates)
        for name, each, mid in zip("12", Arm, (491.0, 412.0), strict=True)
    )
    return replace(found, arms=tuple(arms))


def with_demand(found: CapacityAnswer) -> CapacityAnswer:
    """Return it with the servers that a demand needs."""
    return replace(found, needs=servers_needed(found, 20_000.0, 0.3, 2, 0.34))


def _sections(text: str) -> list[str]:
    return re.findall(r'<section id="([a-z]+)"', text)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_page_is_whole_and_fetches_nothing(name: str) -> None:
    assert_keeps_to_itself(capacity_page(SAMPLES[name]()))
    assert_keeps_to_itself(capacity_page(with_demand(SAMPLES[name]())))


def test_the_answer_comes_first_and_what_it_rests_on_below() -> None:
    found = with_demand(two_arms())
    text = capacity_page(found)
    places = [text.index(words) for words in (
        '<span class="word">FAIL</span>',
        f'<p class="sentence">{minus(change_sentence(found))}</p>',
        minus(capacity_sentence(found.arms[0], found.objectives)),
        minus(capacity_sentence(found.arms[1], found.objectives)),
        '<nav class="contents"',
    )]  # fmt: skip
    assert places == sorted(places)
    assert _sections(text) == ["curves", "limit", "rates", "servers", "notes", "method", "provenance", "words"]


def test_one_version_has_no_verdict() -> None:
    text = capacity_page(one_arm())
    assert "<h1>Capacity</h1>" in text
    assert 'class="word"' not in text
    assert "baseline" not in re.sub(r"<(style|script)>.*?</\1>", "", text, flags=re.DOTALL)
    assert 'id="servers"' not in text


def test_charts_have_their_tables_and_are_left_out_without_data() -> None:
    text = capacity_page(two_arms())
    assert text.count("<summary>Data table</summary>") == text.count('role="img"') == 2
    assert capacity_page(open_()).count('role="img"') == 1
    nothing = capacity_page(answer(arm(Arm.CANDIDATE, "m", 412.0, ())))
    assert nothing.count("<summary>Data table</summary>") == nothing.count('role="img"') == 0
    assert_keeps_to_itself(nothing)


def test_the_tables_have_every_point() -> None:
    found = two_arms()
    times, shares = times_table(found), misses_table(found)
    assert len(times.rows) == len(shares.rows) == 22
    assert times.rows[0][:3] == ("20", "baseline", "holds")
    assert {row[1] for row in times.rows} == {"baseline", "candidate"}
    unknown = replace(found.arms[0].points[0], p99_ms=nan)
    few = replace(found, arms=(replace(found.arms[0], points=(unknown,)),))
    assert times_table(few).rows[0][5] == "n/a"


def test_an_interrupted_answer_says_so() -> None:
    assert "Interrupted: this is what was known after 7 turns." in capacity_page(interrupted())
    assert "Interrupted" not in capacity_page(two_arms())


def test_foreign_text_is_shown_and_does_nothing() -> None:
    text = capacity_page(with_demand(SAMPLES["hostile"]()))
    assert text.count("<script") == 1
    assert text.count("&lt;script&gt;alert(1)") >= 5
    assert HOSTILE not in text
    assert "{{ 7*7 }}" in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text)


def test_a_models_name_is_whole_in_the_title_of_a_column() -> None:
    found = two_arms()
    odd = replace(found.arms[1], model="v1->v2")
    text = capacity_page(with_demand(replace(found, arms=(found.arms[0], odd))))
    assert re.search(r'<th scope="col" class="n" align="right">v1-&gt;v2</th>', text)


def test_a_long_measurement_stays_small() -> None:
    found = many_points()
    assert [len(each.points) for each in found.arms] == [60, 60]
    assert len(capacity_page(with_demand(found)).encode()) < MOST_BYTES


def test_provenance_is_whole() -> None:
    text = capacity_page(two_arms())
    for words in ("Example CPU", "ranking-20261129-104502", "sha256:a1b2a1b2a1b2", "<td>7</td>", "perfgate 0.9.0"):
        assert words in text


def test_the_page_is_written_in_one_step(tmp_path: Path) -> None:
    path = write_capacity(two_arms(), tmp_path / "out")
    assert [file.name for file in path.parent.iterdir()] == ["capacity.html"]
    assert path.read_text(encoding="utf-8") == capacity_page(two_arms())
