from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import pytest

from perfgate.planning.check import TrackRecord
from perfgate.planning.check_sentences import (
    check_final_words,
    check_lines,
    checked_sentence,
    covered_words,
    record_sentence,
)
from perfgate.planning.tables import check_table
from tests.planning.answers import CHECKS, alone, check, nothing_checked


def test_a_promise_is_covered_or_not_and_by_how_much_it_is_off() -> None:
    lines = [checked_sentence(each) for each in check().promises]
    assert lines[1] == ("latency_p99_ms: promised 8.40 ms [7.10, 10.0], shows 8.90 ms [8.20, 9.80]: covered (+6.0%).")
    assert lines[2] == "rss_peak_mb: promised 612 MiB [598, 627], shows 641 MiB [633, 649]: not covered (+4.7%)."
    assert lines[5] == "model_size_mb: promised 3.42 MiB, shows 3.42 MiB: covered (+0.0%)."


def test_a_changed_speed_of_the_machine_is_named_only_where_it_may_be_the_reason() -> None:
    slow = alone().promises[0]
    assert checked_sentence(slow).endswith("not covered (+125%); the machine's speed may have changed since.")
    assert checked_sentence(replace(slow, same_speed=True)).endswith("not covered (+125%).")
    assert checked_sentence(replace(slow, covered=True)).endswith(": covered (+125%).")


def test_what_was_not_measured_or_has_one_end_says_so() -> None:
    lost = alone().promises[2]
    assert checked_sentence(lost) == "load_time_s: promised 0.840 s [0.710, 0.990], not measured."
    one_sided = replace(check().promises[1], promised_upper=inf, error=nan)
    assert checked_sentence(one_sided) == (
        "latency_p99_ms: promised 8.40 ms (at least 7.10 ms), shows 8.90 ms [8.20, 9.80]: covered."
    )


def test_promises_are_counted_with_those_of_earlier_plans() -> None:
    assert record_sentence(check()) == (
        "5 of 6 promises covered; plans of this scenario so far: 16 of 18 in 3 checks, errors 2.7% at the median and "
        "6.1% at the 90th percentile."
    )
    assert record_sentence(alone()) == (
        "0 of 2 promises covered; this is the first plan of this scenario that was checked, errors 182% at the median "
        "and 238% at the 90th percentile."
    )
    assert record_sentence(nothing_checked()) == "no promise checked."
    few = replace(check(), record=TrackRecord(2, 2, 1, 0.1, nan), promises=check().promises[:1])
    assert record_sentence(few) == (
        "1 of 1 promise covered; plans of this scenario so far: 1 of 2 in 2 checks, errors 10% at the median."
    )
    assert covered_words(alone().promises) == "0 of 2 promises covered", "what was not measured does not count"


def test_the_final_line_has_the_verdict_and_the_promises() -> None:
    assert check_final_words(check()) == (
        "PASS models/ranker/1 holds: latency_p99_ms 8.90 ms <= 20 ms; 5 of 6 promises covered"
    )
    assert check_final_words(alone()).startswith("FAIL models/ranker/1 breaks: latency_p99_ms 28.4 ms > 20 ms; 0 of")
    assert check_final_words(nothing_checked()) == (
        "INTERRUPTED models/ranker/1: no objective was judged; no promise checked"
    )


def test_everything_is_said_in_order() -> None:
    words = ("latency_p99_ms holds", "error_rate holds", "execute_ms:", "latency_p99_ms:", "rss", "load", "cold",
             "model_size", "The untrained model was measured again", "5 of 6")  # fmt: skip
    lines = check_lines(check())
    assert len(lines) == len(words)
    assert all(line.startswith(word) for line, word in zip(lines, words, strict=True))
    assert check_lines(alone())[-2].startswith("Compared with what the plan recorded")
    assert check_lines(nothing_checked())[0].startswith("Interrupted")


@pytest.mark.parametrize("name", CHECKS)
def test_every_promise_has_a_row(name: str) -> None:
    found = CHECKS[name]()
    table = check_table(found.promises)
    assert len(table.rows) == len(found.promises)
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_the_table_has_promise_measured_value_and_error() -> None:
    rows = check_table((*check().promises[1:3], alone().promises[2])).rows
    assert rows == (
        ("latency_p99_ms", "covered", "8.40 ms", "[7.10, 10.0]", "8.90 ms", "[8.20, 9.80]", "+6.0%"),
        ("rss_peak_mb", "not covered", "612 MiB", "[598, 627]", "641 MiB", "[633, 649]", "+4.7%"),
        ("load_time_s", "not measured", "0.840 s", "[0.710, 0.990]", "n/a", "", ""),
    )


def test_the_samples_agree_with_themselves() -> None:
    for promise in (*check().promises, *alone().promises[:2]):
        assert promise.covered == (promise.promised_lower <= promise.measured <= promise.promised_upper)
        assert promise.error == pytest.approx(promise.measured / promise.promised - 1)
