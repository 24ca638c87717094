from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from perfgate.fleet.answer import FleetAnswer
from perfgate.gate.verdict import Verdict
from perfgate.report.formats.fleet_github import fleet_commands, fleet_summary
from tests.fleet.answers import SAMPLES, answer, explained, failing, gate, interrupted, invalid, many, move, passing

RENDERER = MarkdownIt("commonmark", {"html": True}).enable("table")
EVERY = pytest.mark.parametrize("build", SAMPLES.values(), ids=list(SAMPLES))


def test_each_gate_that_needs_somebody_is_annotated_and_undecided_ones_together() -> None:
    error, warning = fleet_commands(failing())
    assert error == (
        "::error title=perfgate production%3A ranker--bursty (ranking team)::latency_p99_ms +16.6%25 [+13.6, +19.6]"
    )
    assert warning == "::warning title=perfgate production%3A 2 gates undecided::audio--steady, ranker--steady"
    assert fleet_commands(passing()) == ()


def test_an_annotation_says_why() -> None:
    (slower,) = fleet_commands(explained())
    assert slower.endswith("; Operations were added in tower_4: +0.371 ms [+0.363, +0.38]")
    assert [line.partition("::error")[2].rpartition("::")[2] for line in fleet_commands(invalid())[1:]] == [
        "the model of baseline prod was changed since: run `perfgate baseline record` again",
        "node n2 was lost (3 attempts)",
    ]


def test_no_more_errors_than_github_shows_and_the_last_one_names_the_rest() -> None:
    def fleet(count: int) -> FleetAnswer:
        return answer(*(gate(f"m{place:02d}", "s", move("execute_ms", 0.2)) for place in range(count)))

    assert len(fleet_commands(fleet(10))) == 10
    *nine, last = fleet_commands(fleet(12))
    assert [f"m{place:02d}--s" in line for place, line in enumerate(nine)] == [True] * 9
    assert last == "::error title=perfgate production%3A 3 more gates::m09--s, m10--s, m11--s"


@EVERY
def test_an_annotation_is_one_command_whatever_its_strings_are(build: Callable[[], FleetAnswer]) -> None:
    for line in fleet_commands(build()):
        assert "\n" not in line
        assert "," not in line.split("::")[1].partition("title=")[2]


def test_the_summary_has_verdicts_owners_causes_servers_and_the_command() -> None:
    text = fleet_summary(failing())
    assert text.startswith("### ❌ FAIL production\n\n1 of 3 gates fail: ")
    shown = RENDERER.render(text)
    assert shown.count("<table>") == 1
    assert "<td>❌ fail</td>\n<td>ranker--bursty</td>\n<td>ranking team</td>\n<td>latency_p99_ms +16.6%" in shown
    assert "Servers needed for 20,900 requests/s of 2 models" in shown
    assert "At most 1% of fleets raise any false alarm" in shown
    assert text.endswith("run again ` perfgate fleet production.toml `\n")
    assert "<br>Operations were added in tower_4: +0.371 ms" in RENDERER.render(fleet_summary(explained()))


def test_gates_that_pass_are_listed_only_if_something_moved() -> None:
    shown = RENDERER.render(fleet_summary(passing()))
    assert "<th>what moved, and passes</th>" in shown
    assert [name in shown for name in ("ranker--bursty", "ranker--steady", "audio--steady")] == [True, False, False]


def test_an_unfinished_fleet_is_incomplete() -> None:
    assert fleet_summary(interrupted()).startswith("### ⏹ INCOMPLETE production\n")
    assert fleet_summary(replace(failing(), complete=False)).startswith("### ❌ FAIL ")


@EVERY
def test_strings_from_outside_are_text_in_the_summary(build: Callable[[], FleetAnswer]) -> None:
    found = build()
    nasty = "<img src=x onerror=1> [a](http://b) ![c](d) `e` **f** | g\n# h\n- @someone https://i.example www.j.example"
    told = tuple(
        replace(each, gate_id=nasty, owner=nasty, headline=nasty, causes=(nasty,), verdict=Verdict.FAIL)
        for each in found.gates
    )
    for each in (found, replace(found, fleet=nasty, headline=nasty, engine=nasty, gates=told)):
        text = fleet_summary(each)
        shown = RENDERER.render(text)
        for tag in ("<script", "<img", "<a ", "<svg", "<h1"):
            assert tag not in shown
        assert shown.count("<tr>") == shown.count("<th>verdict</th>") + text.count("\n| ") - text.count("\n| verdict")
    assert "https://i" not in text
    assert "@someone" not in text


def test_what_does_not_fit_is_shortened_and_then_left_out() -> None:
    whole = fleet_summary(many())
    short = fleet_summary(many(), len(whole.encode()) - 1)
    assert short.startswith("### ❌ FAIL ")
    assert "|" not in short
    assert fleet_summary(many(), 10) == ""
