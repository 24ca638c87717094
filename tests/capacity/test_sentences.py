from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf, nan

import pytest

from perfgate.capacity.answer import ArmCapacity, Bound, CapacityAnswer, CapacityChange, CapacityKind, FleetChange
from perfgate.capacity.needs_sentences import difference_words, needs_sentences
from perfgate.capacity.sentences import (
    capacity_sentence,
    change_sentence,
    final_words,
    limit_sentence,
    low_load_sentence,
    notes,
    summary_lines,
    told_apart,
)
from perfgate.capacity.sentences import tested_sentence as rates_tested  # by its own name, pytest would collect it
from perfgate.capacity.servers_needed import servers_needed
from perfgate.gate.verdict import Verdict
from tests.capacity.answers import (
    OBJECTIVES,
    SAMPLES,
    above,
    below,
    generator,
    interrupted,
    low_load,
    no_difference,
    one_arm,
    open_,
    two_arms,
    undecided,
    unknown_numbers,
)

V2 = "models/ranker/2"


def _arm(answer: CapacityAnswer) -> ArmCapacity:
    return answer.arms[-1]


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (one_arm, "412 requests/s [398, 425] (95%); latency_p99_ms at most 20 ms breaks first"),
        (above, "above 640 requests/s, the highest rate that was tried"),
        (below, "no rate holds: latency_p99_ms at most 20 ms is missed already at 20 requests/s"),
        (generator, "the load generator is the limit at 41,000 requests/s: the capacity is not known"),
        (open_, "not known: 216 requests are too few for a 99th percentile"),
        (unknown_numbers, "412 requests/s, at least 398/s (95%); latency_p99_ms at most 20 ms breaks first"),
        (interrupted, "not known: no requests were recorded"),
    ],
)
def test_each_kind_has_its_sentence(build: Callable[[], CapacityAnswer], words: str) -> None:
    assert capacity_sentence(_arm(build()), OBJECTIVES) == f"{V2}: {words}"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lower_rps": 0.0}, "412 requests/s, at most 425/s (95%); latency"),
        ({"lower_rps": 0.0, "upper_rps": nan}, "412 requests/s, without an interval; latency"),
        ({"objective": ""}, "412 requests/s [398, 425] (95%)"),
        ({"objective": "error_rate"}, "[398, 425] (95%); error_rate at most 0.1% breaks first"),
        ({"objective": "latency_p50_ms"}, "(95%); latency_p50_ms breaks first"),
        ({"rate_rps": 0.1234, "lower_rps": 0.1, "upper_rps": 0.15}, "0.123 requests/s [0.1, 0.15] (95%)"),
        ({"rate_rps": 1.2e6, "lower_rps": 1.1e6, "upper_rps": 1.3e6}, "1,200,000 requests/s [1,100,000, 1,300,000]"),
    ],
)
def test_intervals_may_have_one_end_or_none(changes: dict[str, float | str], words: str) -> None:
    assert words in capacity_sentence(replace(_arm(one_arm()), **changes), OBJECTIVES)  # type: ignore[arg-type]


def test_what_is_open_has_its_reason_and_what_is_known() -> None:
    baseline = interrupted().arms[0]
    assert capacity_sentence(baseline, OBJECTIVES).endswith(
        "not known: 49,200 requests did not decide it; at least 280/s (95%)"
    )
    few = replace(baseline, points=(replace(baseline.points[0], requests=1),), lower_rps=10.0, upper_rps=900.0)
    assert capacity_sentence(few, OBJECTIVES).endswith("1 request is too few for a 99th percentile; [10, 900] (95%)")
    strict = (Bound("latency_p99_ms", 0.0005, 20.0),)
    assert "49,200 requests are too few for a 99.95th percentile" in capacity_sentence(baseline, strict)
    failures = (Bound("error_rate", 0.001),)
    assert "49,200 requests are too few for an error_rate of 0.1%" in capacity_sentence(baseline, failures)
    assert "did not decide it" in capacity_sentence(baseline, ())


def test_nothing_is_known_without_a_request_whatever_the_kind() -> None:
    arm = replace(_arm(one_arm()), points=(), rate_rps=0.0, lower_rps=0.0, upper_rps=inf)
    for kind in (CapacityKind.ABOVE, CapacityKind.BELOW, CapacityKind.ESTIMATED):
        found = replace(arm, kind=kind)
        assert capacity_sentence(found, OBJECTIVES) == f"{V2}: not known: no requests were recorded"
        assert final_words(replace(one_arm(), arms=(found,))) == f"CAPACITY {V2} not known"


def test_rates_that_were_tested() -> None:
    arm = _arm(one_arm())
    assert rates_tested(arm) == (
        "holds at 380 requests/s and breaks at 440 requests/s (tested on turns that did not choose these rates)"
    )
    assert rates_tested(replace(arm, breaks_rps=nan)) == (
        "holds at 380 requests/s (tested on turns that did not choose this rate)"
    )
    assert rates_tested(replace(arm, holds_rps=nan)).startswith("breaks at 440 requests/s (")
    assert rates_tested(_arm(unknown_numbers())) == ""


def test_too_little_load_is_a_reason_to_break_and_batches_explain_it() -> None:
    arm = _arm(low_load())
    assert low_load_sentence(arm, OBJECTIVES) == (
        "breaks at low load: at 20 requests/s latency_p99_ms is missed by 8% of requests: batches wait for more "
        "requests (server.batching.batch_timeout_micros)"
    )
    assert low_load_sentence(_arm(one_arm()), OBJECTIVES) == ""
    plain = replace(arm, points=tuple(replace(point, batch_size=nan) for point in arm.points))
    assert low_load_sentence(plain, OBJECTIVES).endswith("is missed by 8% of requests")
    assert low_load_sentence(replace(arm, points=()), OBJECTIVES) == (
        "breaks at low load: at 20 requests/s an objective is missed"
    )


def test_the_objective_that_is_missed_most_for_what_it_allows_is_named() -> None:
    arm = _arm(low_load())
    failing = replace(arm.points[0], missed={"latency_p99_ms": 0.02, "error_rate": 0.01})
    assert "error_rate is missed by 1%" in low_load_sentence(replace(arm, points=(failing,)), OBJECTIVES)


def test_an_unknown_limit_is_not_mentioned() -> None:
    assert limit_sentence(_arm(one_arm())) == f"Limit of {V2}: the server uses 1.9 of its 2 CPUs near the capacity."
    assert limit_sentence(_arm(below())) == ""


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (one_arm, ""),
        (two_arms, "Capacity -16.1% [-18.9, -13.2] (99%), beyond the accepted decline of 4.76%."),
        (no_difference, "No difference shown: +0.3% [-1.9, +2.6] (99%), within the accepted decline of 4.76%."),
        (undecided, ("No difference shown: -4.1% [-9.3, +1.2] (99%), which is on both sides of the accepted decline "
                     "of 4.76%.")),
        (above, f"The change of the capacity is not known: {V2} has no estimate."),
        (interrupted, f"The change of the capacity is not known: models/ranker/1 and {V2} have no estimate."),
    ],
)  # fmt: skip
def test_the_change_is_said_or_why_it_is_not_known(build: Callable[[], CapacityAnswer], words: str) -> None:
    assert change_sentence(build()) == words


def _judged(lower: float, upper: float, verdict: Verdict) -> CapacityAnswer:
    return replace(two_arms(), change=CapacityChange(-0.04, lower, upper, 0.05, verdict))


def test_an_undecided_change_is_on_both_sides_only_if_its_interval_is() -> None:
    assert "which is not certain enough for the accepted" in change_sentence(
        _judged(-0.046, -0.03, Verdict.INCONCLUSIVE)
    )
    assert "[n/a, +3.0] (99%), which is on both sides" in change_sentence(_judged(-inf, 0.03, Verdict.INCONCLUSIVE))
    assert "which cannot be judged" in change_sentence(_judged(-0.06, 0.03, Verdict.INVALID))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (one_arm, f"CAPACITY {V2} 412/s [398, 425]"),
        (two_arms, "FAIL capacity_rps -16.1% [-18.9, -13.2] < -4.76%; 412/s instead of 491/s"),
        (no_difference, "PASS capacity_rps +0.3% [-1.9, +2.6] >= -4.76%; 412/s instead of 411/s"),
        (undecided, "INCONCLUSIVE capacity_rps -4.1% [-9.3, +1.2] is on both sides of -4.76%; 412/s instead of 430/s"),
        (above, f"INCONCLUSIVE capacity_rps: {V2} above 640/s, models/ranker/1 491/s [474, 507]"),
        (below, f"CAPACITY {V2} below 20/s"),
        (generator, (f"INVALID capacity_rps: {V2} not known (the load generator is the limit at 41,000/s), "
                     "models/ranker/1 491/s [474, 507]")),
        (open_, f"CAPACITY {V2} not known"),
        (unknown_numbers, f"CAPACITY {V2} 412/s (at least 398/s)"),
        (interrupted, f"INTERRUPTED capacity_rps: {V2} not known, models/ranker/1 not known (at least 280/s)"),
    ],
)  # fmt: skip
def test_the_final_line_has_the_verdict_and_the_most_important_numbers(
    build: Callable[[], CapacityAnswer], words: str
) -> None:
    assert final_words(build()) == words


def test_the_final_line_of_odd_answers() -> None:
    assert final_words(replace(one_arm(), arms=())) == "CAPACITY nothing was measured"
    assert final_words(_judged(-0.06, 0.03, Verdict.INVALID)) == (
        "INVALID capacity_rps -4.0% [-6.0, +3.0]; 412/s instead of 491/s"
    )
    one_sided = replace(above(), change=CapacityChange(0.3, 0.2, inf, 0.05, Verdict.PASS))
    assert final_words(one_sided) == ("PASS capacity_rps +30.0% [+20.0, n/a] >= -4.76%; above 640/s instead of 491/s")


def test_equal_names_are_told_apart_by_their_side() -> None:
    answer = two_arms()
    alike = replace(answer, arms=tuple(replace(arm, model=V2) for arm in answer.arms))
    assert [arm.model for arm in told_apart(alike)] == [f"{V2} (baseline)", f"{V2} (candidate)"]
    assert told_apart(answer) == answer.arms


def test_servers_are_said_with_an_interval_and_what_they_extrapolate_from() -> None:
    answer = replace(two_arms(), needs=servers_needed(two_arms(), 3e5, 0.3, 2))
    head, first, second, difference, last = needs_sentences(answer, answer.arms)
    assert head == "Servers for 300,000 requests/s, with 30% headroom and 2 spare servers:"
    assert first.startswith("models/ranker/1: 906 servers by the lower end of the interval (875 by the estimate, 848")
    assert second.endswith("each at 278 requests/s.")
    assert difference == f"{V2} needs 15.2% to 23.3% more servers (+137 to +211) than models/ranker/1 (99%)."
    assert last.startswith("Extrapolated from one server at a time, alone on its 2 CPUs of this machine")
    plain = replace(one_arm(), needs=servers_needed(one_arm(), 10.0, 0.0, 1))
    head, line, _ = needs_sentences(plain, plain.arms)
    assert head == "Servers for 10 requests/s, with no headroom and 1 spare server:"
    assert line.startswith(f"{V2}: 2 servers by the lower end of the interval (2 by the estimate, 2 by its upper end)")
    assert needs_sentences(one_arm(), one_arm().arms) == ()


def _needs(answer: CapacityAnswer, demand_rps: float = 3e5) -> str:
    return "\n".join(needs_sentences(replace(answer, needs=servers_needed(answer, demand_rps, 0.3, 0)), answer.arms))


def test_without_an_estimate_servers_are_a_bound_or_not_given() -> None:
    text = _needs(above())
    assert f"{V2}: at most 670 servers, by the highest rate that it was shown to carry." in text
    assert "cannot be said: the change is not known" in text
    assert "no number can be given, because no rate is known that it carries; fewer than 21,429" in _needs(below())
    unknown = replace(two_arms().arms[0], kind=CapacityKind.OPEN, lower_rps=0.0, upper_rps=inf, holds_rps=nan)
    answer = replace(two_arms(), arms=(unknown, two_arms().arms[1]))
    assert "cannot be said: no rate is known that models/ranker/1 carries." in _needs(answer)


def test_servers_with_too_little_load_are_warned_of() -> None:
    assert "because there is too little load for each" not in _needs(low_load())
    answer = replace(low_load(), needs=servers_needed(low_load(), 100.0, 0.3, 9))
    assert "because there is too little load for each" in "\n".join(needs_sentences(answer, answer.arms))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (FleetChange(0.05, 0.03, 0.07, 355, 212, 498), "3% to 7% more servers (+212 to +498)"),
        (FleetChange(-0.05, -0.07, -0.03, -355, -498, -212), "3% to 7% fewer servers (-498 to -212)"),
        (FleetChange(0.0, -0.02, 0.01, 0, -20, 10), "between 2% fewer and 1% more servers (-20 to +10)"),
        (FleetChange(0.1, 0.03, inf, 10, 3, None), "at least 3% more servers (+3)"),
        (FleetChange(0.1, -0.03, inf, 10, -3, None), "at most 3% fewer servers (-3), but any number more"),
        (FleetChange(0.0, 0.0, 0.0, 0, 0, 0), "0% to 0% more servers (+0 to +0)"),
    ],
)
def test_the_difference_of_servers_is_never_a_bare_point(found: FleetChange, words: str) -> None:
    assert difference_words(found) == words


@pytest.mark.parametrize("name", SAMPLES)
def test_every_line_of_every_answer_is_a_sentence(name: str) -> None:
    answer = SAMPLES[name]()
    lines = summary_lines(replace(answer, needs=servers_needed(answer, 3e5, 0.3, 2, 0.4)))
    assert all(line.rstrip()[-1] in ".:" for line in lines)
    assert not any(word in line for line in lines for word in ("nan", "inf ", "None", "n/a", ".."))


def test_the_summary_is_in_reading_order() -> None:
    answer = replace(two_arms(), complete=False, needs=servers_needed(two_arms(), 3e5, 0.3, 2))
    words = ("Interrupted: this is what was known", "models/ranker/1: 491", "models/ranker/2: 412", "Capacity -16",
             "models/ranker/1 holds", "Limit of models/ranker/1", "models/ranker/2 holds", "Limit of", "Servers for",
             "models/ranker/1: 906", "models/ranker/2: 1,079", "models/ranker/2 needs", "Extrapolated")  # fmt: skip
    lines = summary_lines(answer)
    assert len(lines) == len(words)
    assert all(line.startswith(word) for line, word in zip(lines, words, strict=True))


def test_notes_say_what_was_assumed_and_where_numbers_do_not_fit() -> None:
    assumed, clock = notes(one_arm())
    assert assumed == "The scenario does not state error_rate at most 0.1%: perfgate assumed it."
    assert clock.startswith("The clock")
    answer = replace(one_arm(), objectives=OBJECTIVES[:1], notes=())
    assert notes(answer) == ()
    arm = _arm(answer)
    points = tuple(replace(each, little=1.2 if each.rate_rps == 280 else each.little) for each in arm.points)
    (off,) = notes(replace(answer, arms=(replace(arm, points=points),)))
    assert off.startswith(f"{V2} at 280 requests/s: requests in flight differ by more than 10% from")
