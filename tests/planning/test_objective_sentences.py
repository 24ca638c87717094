from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import pytest

from perfgate.gate.verdict import Verdict
from perfgate.planning.answer import ObjectiveAnswer, ObjectiveStatus
from perfgate.planning.objective_sentences import margin_words, objective_sentence, verdict_sentence, verdict_words
from tests.planning.answers import BREAKING, HOLDING, NO_ERRORS, OPEN

FAST = ObjectiveAnswer(
    "throughput_rps", ObjectiveStatus.HOLDS, bound=400.0, is_maximum=False, value=480.0, lower=440.0, upper=inf
)


@pytest.mark.parametrize(
    ("objective", "words"),
    [
        (HOLDING, "latency_p99_ms holds: 8.40 ms [7.80, 9.40], at most 20 ms; 58% left (53% to 61%)."),
        (NO_ERRORS, "error_rate holds: 0% [0%, 0.02%], at most 0.1%; 100% left (80% to 100%)."),
        (BREAKING, "latency_p99_ms breaks: 28.4 ms [25.8, 31.6], at most 20 ms; 42% beyond (29% to 58%)."),
        (replace(BREAKING, warns=True), ("latency_p99_ms breaks: 28.4 ms [25.8, 31.6], at most 20 ms; 42% beyond "
                                         "(29% to 58%) (warn-only).")),
        (replace(BREAKING, upper=inf), ("latency_p99_ms breaks: 28.4 ms (at least 25.8 ms), at most 20 ms; 42% beyond "
                                        "(at least 29%).")),
        (OPEN, ("latency_p99_ms is open: 19.2 ms [17.8, 21.6] is not clearly on either side of 20 ms; needs about "
                "4,100 more requests, 12,400 in total.")),
        (replace(OPEN, value=nan, lower=-inf, upper=inf, more=""), "latency_p99_ms is open: no usable data."),
        (FAST, ("throughput_rps holds: 480 1/s (at least 440 1/s), at least 400 1/s; 20% left (at least 10%).")),
        (replace(FAST, status=ObjectiveStatus.BREAKS, value=300.0, lower=-inf, upper=320.0),
         ("throughput_rps breaks: 300 1/s (at most 320 1/s), at least 400 1/s; 25% beyond (at least 20%).")),
        (replace(NO_ERRORS, bound=0.0, upper=0.0), "error_rate holds: 0% [0%, 0%], at most 0%."),
    ],
)  # fmt: skip
def test_each_objective_says_whether_it_holds_and_by_how_much(objective: ObjectiveAnswer, words: str) -> None:
    assert objective_sentence(objective) == words


def test_what_is_open_has_no_margin() -> None:
    assert margin_words(OPEN) == ""
    assert margin_words(replace(OPEN, status=ObjectiveStatus.HOLDS)) == "4% left (8% to 11%)", "the check can fail"


def _decided(verdict: Verdict, *objectives: ObjectiveAnswer) -> str:
    return verdict_words(verdict, "m", objectives).removeprefix("m")


def test_the_objective_that_is_furthest_beyond_comes_first_and_warnings_last() -> None:
    errors = replace(NO_ERRORS, status=ObjectiveStatus.BREAKS, value=0.004, lower=0.002, upper=0.007)
    assert _decided(Verdict.FAIL, BREAKING, errors) == (
        " breaks: error_rate 0.4% > 0.1% (also latency_p99_ms 28.4 ms > 20 ms)"
    )
    slow = replace(FAST, status=ObjectiveStatus.BREAKS, value=100.0, lower=90.0, upper=110.0)
    assert _decided(Verdict.FAIL, BREAKING, slow).startswith(" breaks: throughput_rps 100 1/s < 400 1/s (also latency")
    warned = replace(BREAKING, warns=True)
    assert _decided(Verdict.PASS, warned, NO_ERRORS) == (
        " holds: error_rate 0% <= 0.1%; warning: latency_p99_ms 28.4 ms > 20 ms"
    )
    assert _decided(Verdict.PASS, warned) == ": every objective is warn-only; warning: latency_p99_ms 28.4 ms > 20 ms"
    assert _decided(Verdict.PASS) == ": no objective was judged"


def test_the_objective_that_is_nearest_to_its_bound_names_a_pass() -> None:
    assert _decided(Verdict.PASS, NO_ERRORS, FAST, HOLDING) == " holds: throughput_rps 480 1/s >= 400 1/s"


def test_what_is_open_without_data_says_so() -> None:
    nothing = replace(OPEN, value=nan, lower=-inf, upper=inf)
    assert _decided(Verdict.INCONCLUSIVE, nothing) == " is open: latency_p99_ms has no usable data"


def test_what_could_not_be_judged_says_so() -> None:
    assert _decided(Verdict.INVALID, HOLDING) == ": its objectives could not be judged"
    assert _decided(Verdict.INCONCLUSIVE, HOLDING) == ": its objectives could not be judged"


@pytest.mark.parametrize(
    ("verdict", "objectives", "words"),
    [
        (Verdict.PASS, (NO_ERRORS, HOLDING), ("m holds its objectives: latency_p99_ms is 8.40 ms [7.80, 9.40] and must "
                                              "be at most 20 ms.")),
        (Verdict.FAIL, (NO_ERRORS, BREAKING), ("m breaks an objective: latency_p99_ms is 28.4 ms [25.8, 31.6] and must "
                                               "be at most 20 ms.")),
        (Verdict.INCONCLUSIVE, (OPEN,), "The data does not show whether m holds its objective for latency_p99_ms."),
        (Verdict.INVALID, (OPEN,), "The measurement is not valid, so m was not judged."),
        (Verdict.PASS, (), "No objective of m counts."),
    ],
)  # fmt: skip
def test_the_finding_is_one_sentence(verdict: Verdict, objectives: tuple[ObjectiveAnswer, ...], words: str) -> None:
    assert verdict_sentence(verdict, "m", objectives) == words


def test_what_the_capacity_decided_is_said() -> None:
    decided = replace(OPEN, status=ObjectiveStatus.HOLDS, by_capacity=True, more="", upper=inf)
    assert objective_sentence(decided) == (
        "latency_p99_ms holds, by the capacity (the test of this load alone is open): 19.2 ms (at least 17.8 ms), "
        "at most 20 ms; 4% left."
    )
    assert verdict_words(Verdict.PASS, "m", (decided,)) == (
        "m holds: latency_p99_ms 19.2 ms <= 20 ms; by the capacity: latency_p99_ms"
    )
    assert "capacity" not in verdict_words(Verdict.PASS, "m", (HOLDING,))
