from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from perfgate.planning.answer import ObjectiveStatus, Scale, ScaleRange
from perfgate.planning.scale_sentences import fixed_words, scale_sentences, short_words
from tests.planning.answers import limit, one_dimension, two_dimensions

WIDTH = ScaleRange("layers.width", 256, 4096)
PROVEN = "1,408 is proven to hold, 1,536 to break (latency_p99_ms)."


def _scale(changes: Mapping[str, Any]) -> Scale:
    return Scale((WIDTH,), (replace(limit(1460.0), **changes),), 100.0)


@pytest.mark.parametrize(
    ("changes", "words", "short"),
    [
        ({}, f"may be up to 1,460 [1,379, 1,562] (95%); {PROVEN}", "up to 1,460 [1,379, 1,562]"),
        ({"upper": inf}, f"may be up to 1,460, at least 1,379 (95%); {PROVEN}", "up to 1,460 (at least 1,379)"),
        ({"lower": 256.0}, f"may be up to 1,460, at most 1,562 (95%); {PROVEN}", "up to 1,460 (at most 1,562)"),
        ({"lower": 256.0, "upper": inf}, f"may be up to 1,460, without an interval; {PROVEN}", "up to 1,460"),
        ({"breaks": None, "objective": ""}, ("may be up to 1,460 [1,379, 1,562] (95%); 1,408 is proven to hold."),
         "up to 1,460 [1,379, 1,562]"),
        ({"holds": None}, ("may be up to 1,460 [1,379, 1,562] (95%); 1,536 is proven to break (latency_p99_ms)."),
         "up to 1,460 [1,379, 1,562]"),
        ({"estimate": nan, "holds": 4096, "breaks": None, "objective": ""},
         "holds up to 4,096, the largest value that was tried.", "holds up to 4,096"),
        ({"estimate": nan, "holds": None, "breaks": 256},
         "breaks already at 256, the smallest value that was tried (latency_p99_ms).", "breaks already at 256"),
        ({"estimate": nan}, f"has no limit that is known: {PROVEN}", "without a known limit"),
        ({"estimate": nan, "holds": None, "breaks": None, "points": ()}, "has no limit that is known.",
         "without a known limit"),
        ({"estimate": 3.98, "lower": nan, "upper": 4.2}, f"may be up to 3, at most 4 (95%); {PROVEN}",
         "up to 3 (at most 4)"),
    ],
)  # fmt: skip
def test_each_kind_of_limit_has_its_sentence(changes: Mapping[str, Any], words: str, short: str) -> None:
    assert scale_sentences(_scale(changes)) == (f"layers.width {words}",)
    assert short_words(_scale(changes)) == f"layers.width {short}"


def test_values_that_are_open_are_named_where_no_limit_is_known() -> None:
    points = tuple(replace(each, status=ObjectiveStatus.OPEN) for each in limit(1460.0).points[3:])
    nothing = {"estimate": nan, "holds": None, "breaks": None}
    assert scale_sentences(_scale({**nothing, "points": points})) == (
        "layers.width has no limit that is known: 1,408 to 4,096 are open.",
    )
    assert scale_sentences(_scale({**nothing, "points": points[:1]}))[0].endswith("known: 1,408 is open.")


def test_two_dimensions_have_a_line_for_each_value_of_the_second() -> None:
    found = two_dimensions().scale
    assert found
    lines = scale_sentences(found)
    assert len(lines) == len(found.limits)
    assert lines[0] == (
        "layers.width with embeddings.user.lookups=10 may be up to 3,800, at least 3,591 (95%); 2,048 is proven to "
        "hold."
    )
    assert lines[3].startswith("layers.width with embeddings.user.lookups=400 breaks already at 256")
    assert fixed_words(found.limits[0]) == "embeddings.user.lookups=10"


def test_no_scale_says_nothing() -> None:
    assert scale_sentences(None) == ()
    assert short_words(None) == short_words(Scale((WIDTH,), (), 1.0)) == ""


def test_the_answers_agree_with_themselves() -> None:
    found = one_dimension().scale
    assert found
    (one,) = found.limits
    assert one.holds is not None
    assert one.breaks is not None
    assert one.holds < one.estimate < one.breaks
    for point in one.points:
        assert point.ratio_lower < point.ratio < point.ratio_upper
        assert (point.status is ObjectiveStatus.HOLDS) == (point.ratio_upper <= 1)
        assert (point.status is ObjectiveStatus.BREAKS) == (point.ratio_lower > 1)
