from __future__ import annotations

import re
from dataclasses import replace
from math import nan
from pathlib import Path

import pytest

from perfgate.explain.profile import GroupTime
from perfgate.planning.answer import PlanAnswer, Scale, ScaleRange, Unseen
from perfgate.planning.check_sentences import checked_sentence, record_sentence
from perfgate.planning.scale_sentences import scale_sentences
from perfgate.report.html.frame import minus
from perfgate.report.html.plan import plan_page, write_plan
from perfgate.report.html.plan_check import check_page, write_check
from tests.capacity.answers import HOSTILE
from tests.planning.answers import (
    BREAKING,
    CHECKS,
    NO_ERRORS,
    OPEN,
    SAMPLES,
    alone,
    breaks,
    check,
    everything,
    hostile,
    hostile_check,
    limit,
    no_numbers,
    nothing_checked,
    one_dimension,
    passes,
    profile,
    two_dimensions,
    undecided,
)
from tests.report.test_html import assert_keeps_to_itself

MOST_BYTES = 1_000_000


def _sections(text: str) -> list[str]:
    return re.findall(r'<section id="([a-z]+)"', text)


def _headline(text: str) -> str:
    found = re.search(r'<p class="sentence">(.*?)</p>', text)
    assert found
    return found[1]


def large() -> PlanAnswer:
    """Return an answer as long as an answer becomes: many operations with long names, many values of two dimensions."""
    name = "StatefulPartitionedCall/ranker/encoder/block_{}/attention/query/Tensordot/MatMul"
    ops = tuple(replace(profile().ops[0], name=name.format(number), layer=name.format(number)) for number in range(100))
    groups = tuple(GroupTime(name.format(number), 0.1, 0.09, 0.11) for number in range(30))
    found = replace(profile(), ops=ops, by_layer=groups, by_type=groups, op_count=1742)
    ranges = (ScaleRange("layers.width", 16, 65_536), ScaleRange("blocks.encoder.depth", 1, 64))
    limits = tuple(replace(limit(2000.0 / depth), fixed={ranges[1].dimension: depth}) for depth in range(1, 13))
    return replace(passes(), profile=found, scale=Scale(ranges, limits, 7204.0))


@pytest.mark.parametrize("name", SAMPLES)
def test_the_page_is_whole_and_fetches_nothing(name: str) -> None:
    assert_keeps_to_itself(plan_page(SAMPLES[name]()))


def test_the_answer_comes_first_and_what_it_rests_on_below() -> None:
    found = everything()
    text = plan_page(found)
    places = [text.index(words) for words in (
        '<span class="word">PASS</span>',
        '<p class="sentence">ranker.toml, untrained, holds its objectives: latency_p99_ms is 8.40 ms [7.80, 9.40]',
        f'<p class="reason">{minus(scale_sentences(found.scale)[0])}</p>',
        '<p class="reason">To hold the objectives at 200 requests/s, plan 1 server',
        "embeddings.user.rows=10,000, layers.depth=3, layers.width=512",
        '<nav class="contents"',
    )]  # fmt: skip
    assert places == sorted(places)
    assert _sections(text) == [
        "objectives", "size", "time", "server", "capacity", "servers", "unseen", "notes", "method", "provenance",
        "words",
    ]  # fmt: skip


def test_every_verdict_has_its_word_and_its_sentence() -> None:
    missed = plan_page(breaks())
    assert '<span class="word">FAIL</span>' in missed
    assert _headline(missed) == (
        "ranker.toml, untrained, breaks an objective: latency_p99_ms is 28.4 ms [25.8, 31.6] and must be at most 20 ms."
    )
    assert _headline(plan_page(undecided())) == (
        "The data does not show whether ranker.toml, untrained, holds its objective for latency_p99_ms."
    )
    lost = plan_page(no_numbers())
    assert '<span class="word">INTERRUPTED</span>' in lost
    assert _headline(lost) == "The measurement is not valid, so ranker.toml, untrained, was not judged."
    assert "Interrupted: this is what was known by then." in lost
    warned = replace(passes(), objectives=(replace(BREAKING, warns=True),))
    assert _headline(plan_page(warned)) == "No objective of ranker.toml, untrained, counts."


def test_objectives_have_their_status_and_what_would_decide() -> None:
    found = replace(undecided(), objectives=(OPEN, replace(BREAKING, warns=True), NO_ERRORS))
    text = plan_page(found)
    rows = re.findall(r'<td class="verdict (\w+)">.*?<b>(.*?)</b>', text)
    assert rows == [("inconclusive", "open"), ("warn", "breaks (warn)"), ("pass", "holds")]
    assert OPEN.more in text
    assert "99th percentile of the response time, under load" in text


def test_with_many_limits_the_first_and_the_last_are_said_first_and_all_below() -> None:
    text = plan_page(two_dimensions())
    banner, _, rest = text.partition("</header>")
    assert "ranker.toml, the largest that is proven to hold (toml)" in banner
    assert "layers.width up to 3,800 (at least 3,591) with embeddings.user.lookups=10, breaks already at 256" in banner
    assert "1,460" not in banner
    assert all(line in rest for line in scale_sentences(two_dimensions().scale))
    assert "Values that were tried" in rest
    assert "Values that were tried" not in plan_page(one_dimension()), "the table behind the chart has them"


@pytest.mark.parametrize(
    ("answer", "charts"),
    [
        (everything(), 6),  # objectives, limit, layers, types, and two of the capacity
        (one_dimension(), 1),
        (two_dimensions(), 1),
        (breaks(), 3),
        (replace(breaks(), capacity=None), 1),
        (no_numbers(), 0),
    ],
)
def test_charts_have_their_tables_and_are_left_out_without_data(answer: PlanAnswer, charts: int) -> None:
    text = plan_page(answer)
    assert text.count("<summary>Data table</summary>") == text.count('role="img"') == charts
    assert len(re.findall(r"<desc [^>]*>[^<]+</desc>", text)) == charts


def test_what_is_unseen_has_its_remedy_as_code_if_it_is_code() -> None:
    answer = replace(passes(), unseen=(Unseen("skew", "Ids were even.", "Set `payload.requests`."),))
    text = plan_page(answer)
    assert "<h2>What random weights cannot show</h2>" in text
    assert '<p class="remedy">Set <code>payload.requests</code>.</p>' in text
    assert 'id="unseen"' not in plan_page(replace(passes(), unseen=()))


def test_a_scale_with_too_few_points_for_a_picture_still_has_its_table() -> None:
    found = one_dimension()
    assert found.scale
    one = replace(found.scale.limits[0], points=found.scale.limits[0].points[:1], estimate=nan)
    text = plan_page(replace(found, scale=replace(found.scale, limits=(one,))))
    assert "Nearest objective relative to its bound" not in text
    assert "Values that were tried" in text
    assert_keeps_to_itself(text)


def test_foreign_text_is_shown_and_does_nothing() -> None:
    for text in (plan_page(hostile()), check_page(hostile_check())):
        assert text.count("<script") == 1
        assert text.count("&lt;script&gt;alert(1)") >= 5
        assert HOSTILE not in text
        assert "{{ 7*7 }}" in text
        assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text)


def test_a_long_answer_stays_small() -> None:
    text = plan_page(large())
    assert text.count("<tr>") > 300
    assert len(text.encode()) < MOST_BYTES
    assert_keeps_to_itself(text)


def test_provenance_is_whole() -> None:
    text = plan_page(passes())
    digests = ("sha256:a1b2a1b2a1b2", "sha256:c3d4c3d4c3d4", "sha256:e5f6e5f6e5f6", "sha256:a7b8a7b8a7b8")
    for words in (
        "Example CPU",
        "plan-ranking-20261129-104502",
        "<td>7</td>",
        "ids of user",
        "perfgate 0.9.0",
        *digests,
    ):
        assert words in text
    assert "rows of a request" not in text
    assert "rows of a request" in plan_page(replace(passes(), sketch=replace(passes().sketch, batch=8)))


@pytest.mark.parametrize("name", CHECKS)
def test_the_page_of_a_check_is_whole_and_fetches_nothing(name: str) -> None:
    assert_keeps_to_itself(check_page(CHECKS[name]()))


def test_a_check_says_how_promises_were_kept_first() -> None:
    text = check_page(check())
    places = [text.index(minus(words)) for words in (
        '<span class="word">PASS</span>', "models/ranker/1 holds its objectives: latency_p99_ms is 8.90 ms",
        record_sentence(check()), '<nav class="contents"', *map(checked_sentence, check().promises),
    )]  # fmt: skip
    assert places == sorted(places)
    assert _sections(text) == ["promises", "objectives", "notes", "method", "provenance", "words"]
    assert text.count("<summary>Data table</summary>") == text.count('role="img"') == 2
    assert "measured side by side in this check" in text
    assert "measured side by side in this check" not in check_page(alone())
    assert check_page(nothing_checked()).count('role="img"') == 0


def test_the_pages_are_written_in_one_step(tmp_path: Path) -> None:
    plan, checked = write_plan(passes(), tmp_path / "out"), write_check(check(), tmp_path / "out")
    assert sorted(file.name for file in plan.parent.iterdir()) == ["plan-check.html", "plan.html"]
    assert plan.read_text(encoding="utf-8") == plan_page(passes())
    assert checked.read_text(encoding="utf-8") == check_page(check())
