from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from perfgate.errors import ExitCode
from perfgate.fleet.answer import FleetAnswer
from perfgate.fleet.method import method_sentences
from perfgate.fleet.moved_models import moved_models, moved_sentence, worst
from perfgate.fleet.schema import Correction, Family
from perfgate.fleet.sentences import count_words, demand_sentences, level_sentence, moved_words, state_sentences
from perfgate.fleet.summary import exit_code_of, final_word, headline_of
from perfgate.gate.verdict import Verdict
from tests.fleet.answers import (
    failing,
    gate,
    interrupted,
    invalid,
    many,
    move,
    no_baseline_demand,
    no_ends,
    objectives_only,
    passing,
    undecided,
)


def test_gates_are_counted_by_verdict_the_most_urgent_first() -> None:
    assert count_words(invalid().gates) == "1 fail, 2 could not be judged"
    assert count_words(many().gates) == "33 fail, 20 undecided, 7 pass"
    assert next(iter(state_sentences(undecided()))) == "1 gate: 1 undecided."
    assert next(iter(state_sentences(passing()))) == (
        "3 gates: 3 pass; 3 unchanged since an earlier call, and not measured again."
    )


def test_what_a_node_that_was_lost_and_a_second_round_took_is_said() -> None:
    assert list(state_sentences(failing()))[1] == (
        "Measured on this machine (n1), 8 cores in 67 min 38 s; the measurements took 255 min 11 s in total. "
        "1 undecided gate got the time that others left."
    )
    assert (
        "Measured again because a node was lost: vision--steady, ranker--bursty." in list(state_sentences(invalid()))[1]
    )


def test_the_headline_names_what_fails_the_worst_first_and_at_most_three() -> None:
    assert headline_of(passing().gates, Verdict.PASS) == "all 3 gates pass"
    assert headline_of(failing().gates, Verdict.FAIL) == (
        "1 of 3 gates fail: ranker--bursty latency_p99_ms +16.6% [+13.6, +19.6]"
    )
    assert many().headline.endswith("(and 30 more)")
    assert invalid().headline.endswith("; 1 fails")
    assert undecided().headline.startswith("the gate is undecided: ranker--bursty ")


def test_a_gate_that_only_an_objective_fails_is_named_with_the_objective() -> None:
    assert objectives_only().headline == "1 of 2 gates fail: ranker--bursty latency_p99_ms 28.4 ms > 20 ms"
    found = gate("ranker", "bursty", move("execute_ms", 0.002))
    broken = replace(found, verdict=Verdict.FAIL, headline="error_rate 2% > 1%")
    assert headline_of((broken,), Verdict.FAIL) == "the gate fails: ranker--bursty error_rate 2% > 1%"


def test_an_incomplete_fleet_says_so_unless_it_fails_already() -> None:
    assert final_word(interrupted()) == "incomplete"
    assert final_word(replace(failing(), complete=False)) == "fail"
    assert final_word(replace(invalid(), complete=False)) == "invalid"
    assert final_word(passing()) == "pass"


@pytest.mark.parametrize(
    ("family", "correction", "words"),
    [
        (Family.FLEET, Correction.HOLM, "At most 1% of fleets raise any false alarm, over all 3 gates"),
        (Family.FLEET, Correction.BENJAMINI_HOCHBERG, "At most 1% of the gates that fail do so falsely"),
        (Family.GATE, Correction.HOLM, "with 3 gates that do not differ, up to 2.97% of fleets"),
    ],
)
def test_the_level_says_what_it_covers(family: Family, correction: Correction, words: str) -> None:
    found = replace(failing(), family=family, correction=correction)
    assert words in level_sentence(found)
    assert "two rounds of measuring included" in level_sentence(found)
    assert "in one round of measuring" in level_sentence(replace(found, rounds=1))
    assert level_sentence(found) not in method_sentences(found), "it is said before"


def test_of_many_gates_some_pass_wrongly_and_this_is_said() -> None:
    assert any("Of 60 such gates, up to 0.6 would pass on average." in words for words in method_sentences(many()))
    assert not any("such gates" in words for words in method_sentences(undecided())), "of one gate there are no others"


def test_a_gate_alone_is_judged_alone_whatever_the_family() -> None:
    alone = next(method_sentences(undecided()))
    assert alone == "Each gate is judged alone, as perfgate run judges it (there is only one)."
    assert next(method_sentences(replace(failing(), family=Family.GATE))).endswith("judges it (family: gate).")


def test_nothing_measured_took_no_time_of_a_machine() -> None:
    said = list(state_sentences(replace(undecided(), seconds=8.8e-05, measured_s=0.0)))[-1]
    assert said.startswith("Nothing was measured in this call, which took less than 0.01 s.")


def test_models_that_moved_come_with_their_metrics_the_furthest_first() -> None:
    ranker, audio = moved_models(failing().gates)
    assert [(each.scenario_name, each.move.change) for each in ranker.worse] == [("bursty", 0.166), ("steady", 0.031)]
    assert (audio.direction, audio.better[0].move.metric, audio.worse[0].move.metric) == (
        "mixed", "execute_ms", "rss_peak_mb",
    )  # fmt: skip
    assert ranker.since_utc < "2026-11-28"
    assert moved_sentence((), undecided().gates) == "No gated metric moved in 1 model."
    assert [each.model_name for each in moved_models(no_ends().gates)] == ["audio", "ranker"]


def test_more_throughput_is_for_the_better() -> None:
    (found,) = moved_models([gate("ranker", "steady", move("throughput_rps", 0.2), move("execute_ms", 0.2))])
    assert [each.move.metric for each in found.better] == ["throughput_rps"]
    assert [each.move.metric for each in found.worse] == ["execute_ms"]


def test_a_gate_is_shown_by_what_fails_before_what_is_further_and_undecided() -> None:
    far = replace(move("rss_peak_mb", 0.3), verdict=Verdict.INCONCLUSIVE)
    found = worst(gate("ranker", "steady", far, move("execute_ms", 0.166)))
    assert found
    assert found.metric == "execute_ms"
    undecided_first = worst(gate("ranker", "steady", move("rss_peak_mb", 0.002), replace(far, worse_by=-0.4)))
    assert undecided_first
    assert undecided_first.verdict is Verdict.INCONCLUSIVE
    assert worst(gate("ranker", "steady")) is None


def test_moved_metrics_are_listed_with_intervals() -> None:
    assert moved_words(failing().gates[0]) == "latency_p99_ms +16.6% [+13.6, +19.6]"
    assert moved_words(passing().gates[0]) == ""


def test_servers_are_added_up_with_and_without_baselines() -> None:
    both = list(demand_sentences(failing()))
    assert both[0].startswith("Servers needed for 20,900 requests/s of 2 models: baselines 61.3 [")
    assert both[1].startswith("Change from the baselines to the candidates: +11.1 servers [")
    assert list(demand_sentences(no_baseline_demand())) == [
        "Servers needed for 20,000 requests/s of 1 model: 69.3 [67.2, 71.8] (95% interval).",
        "Not counted, because their capacity is not known: audio, vision, text.",
    ]
    gates = tuple(replace(each, compared_with="prod") for each in no_baseline_demand().gates)
    assert next(demand_sentences(replace(no_baseline_demand(), gates=gates))) == (
        "Servers needed for 20,000 requests/s of 1 model: candidates 69.3 [67.2, 71.8] (95% interval); those of the "
        "baselines are not all known."
    )
    assert list(demand_sentences(passing())) == []


@pytest.mark.parametrize(
    ("build", "code"),
    [
        (passing, ExitCode.PASS), (failing, ExitCode.FAIL), (invalid, ExitCode.INVALID),
        (undecided, ExitCode.PASS),
    ],
)  # fmt: skip
def test_only_what_is_undecided_may_pass_by_an_option(build: Callable[[], FleetAnswer], code: ExitCode) -> None:
    assert exit_code_of(build(), "pass", interrupted=False) == code
    assert exit_code_of(build(), "pass", interrupted=True) == ExitCode.INTERRUPTED
    assert exit_code_of(undecided(), "fail", interrupted=False) == ExitCode.INCONCLUSIVE
