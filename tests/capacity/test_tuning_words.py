from __future__ import annotations

from dataclasses import replace
from math import nan

import pytest

from perfgate.capacity.answer import CapacityKind, Tuning
from perfgate.capacity.sentences import final_words
from perfgate.capacity.tuning_words import (
    caution,
    compared_sentence,
    paste_blocks,
    short_words,
    tuning_lines,
    tuning_table,
)
from tests.capacity.tuned import tuned


def _tuning(lower: float = 0.12, change: float = 0.28) -> Tuning:
    found = tuned(lower, change).tuning
    assert found is not None
    return found


def test_an_interval_above_zero_beats_the_current_settings() -> None:
    assert compared_sentence(_tuning()) == (
        "Batch 128, wait 1 ms, 1 thread: beats the current settings by +28.0% [+12.0, +56.0] (99%); "
        "515 instead of 402 requests/s, on fresh turns of both."
    )


def test_an_interval_with_zero_is_no_better() -> None:
    for lower in (0.0, -0.02):
        assert ": no better than the current settings: +3.0% [" in compared_sentence(_tuning(lower, 0.03))
        assert _tuning(lower, 0.03).objective == "current settings"


def test_fewer_requests_are_no_better_either() -> None:
    assert "no better than the current settings: -20.0%" in compared_sentence(_tuning(-0.3, -0.2))


def test_without_a_comparison_it_says_why() -> None:
    found = replace(_tuning(), compared=None)
    assert compared_sentence(found).endswith("is not known: it was interrupted before.")
    alone = replace(found, settings=found.settings[:1])
    assert compared_sentence(alone).endswith("is not known: no other settings worked.")
    assert short_words(found) == ""


def _without_change(*, breaks_rps: float, kind: CapacityKind) -> Tuning:
    """The same, where the chosen settings have no estimate."""
    compared = _tuning().compared
    assert compared is not None
    other = replace(compared.other, kind=kind, rate_rps=515.0, lower_rps=515.0, holds_rps=nan)
    current = replace(compared.current, breaks_rps=breaks_rps)
    return replace(_tuning(), compared=replace(compared, other=other, current=current, change=None))


def test_a_capacity_above_the_highest_rate_is_a_claim_where_the_current_settings_are_proven_to_break() -> None:
    found = _without_change(breaks_rps=440.0, kind=CapacityKind.ABOVE)
    assert compared_sentence(found) == (
        "Batch 128, wait 1 ms, 1 thread: beats the current settings: carries 515 requests/s, while they break at 440 "
        "(tested on fresh turns of both)."
    )
    assert short_words(found).startswith("batch 128, wait 1 ms, 1 thread: beats the current settings: carries 515")


@pytest.mark.parametrize(("holds_rps", "proven"), [(440.0, True), (430.0, False), (nan, False)])
def test_settings_far_apart_are_decided_by_a_rate_at_which_one_holds_and_the_other_breaks(
    holds_rps: float, *, proven: bool
) -> None:
    compared = _tuning().compared
    assert compared is not None
    other = replace(compared.other, kind=CapacityKind.OPEN, holds_rps=holds_rps)
    found = replace(compared, other=other, current=replace(compared.current, breaks_rps=440.0), change=None)
    assert (found.proven, found.better) == (proven, proven)
    sentence = compared_sentence(replace(_tuning(), compared=found))
    assert ("beats the current settings: carries 440 requests/s" in sentence) is proven


@pytest.mark.parametrize(("breaks_rps", "proven"), [(380.0, True), (449.0, True), (451.0, False)])
def test_a_known_capacity_counts_from_twice_as_far_below_as_its_interval_reaches(
    breaks_rps: float, *, proven: bool
) -> None:
    compared = _tuning().compared
    assert compared is not None
    other = replace(compared.other, rate_rps=500.0, lower_rps=474.34, holds_rps=nan)
    current = replace(compared.current, kind=CapacityKind.OPEN, breaks_rps=breaks_rps)
    found = replace(compared, other=other, current=current, change=None)
    assert found.carried_rps == pytest.approx(450, abs=0.1)
    assert found.better is proven


@pytest.mark.parametrize(
    ("breaks_rps", "kind", "words"),
    [
        (nan, CapacityKind.ABOVE, "above 515 requests/s"),
        (600.0, CapacityKind.ABOVE, "above 515 requests/s"),
        (440.0, CapacityKind.GENERATOR, "not known"),
        (440.0, CapacityKind.OPEN, "not known"),
    ],
)
def test_otherwise_it_is_no_claim(breaks_rps: float, kind: CapacityKind, words: str) -> None:
    found = _without_change(breaks_rps=breaks_rps, kind=kind)
    assert f"not known: {words} with batch 128" in compared_sentence(found)
    assert found.compared is not None
    assert not found.compared.better
    assert short_words(found) == ""


def test_all_sentences() -> None:
    _, choice, alike = tuning_lines(_tuning())
    assert choice == (
        "Take for the highest rate at the objectives, batch 128, wait 1 ms, 1 thread; for throughput alone, "
        "batch 128, wait 1 ms, 1 thread; for latency alone, no batching."
    )
    assert alike == "Current settings and no batching cannot be told apart."


def test_many_pairs_are_counted() -> None:
    found = replace(_tuning(), alike=tuple((f"a{n}", f"b{n}") for n in range(9)))
    assert tuning_lines(found)[-1] == "Nor can 3 more pairs of settings on the front."


def test_the_table_has_intervals_the_front_and_what_failed() -> None:
    table = tuning_table(_tuning())
    current, fast, large, failed = table.rows
    assert current[1:3] == ("400", "[370, 430]")
    assert fast[3:5] == ("9.00 ms", "[8, 11]")
    assert current[-1] == fast[-1] == large[-1] == "front"
    assert large[4] == "at least 20"
    assert failed[-1].startswith("failed: the first request failed")
    assert set(failed[1:-1]) == {""}
    assert {len(row) for row in table.rows} == {len(table.columns)}


def test_the_claim_is_limited_to_the_fresh_comparison() -> None:
    assert caution(_tuning()).startswith("The best of 3 settings look better than they are")
    assert caution(_tuning()) in tuning_table(_tuning()).note


def test_without_batching_there_is_no_file_to_paste() -> None:
    (_, text), (_, toml) = paste_blocks(replace(_tuning(), batching_file=""))
    assert "without --enable_batching" in text
    assert toml.startswith("[server]")


def test_the_final_line_has_the_claim() -> None:
    assert "; batch 128, wait 1 ms, 1 thread: beats the current settings by +28.0% [+12.0" in final_words(tuned())


def test_settings_that_the_comparison_tells_apart_are_not_said_to_be_alike() -> None:
    name = "batch 128, wait 1 ms, 1 thread"
    found = replace(_tuning(), alike=(("current settings", name),))
    assert not any("told apart" in line for line in tuning_lines(found))
    undecided = replace(_tuning(0.0, 0.03), alike=(("current settings", name),))
    assert any("told apart" in line for line in tuning_lines(undecided))
