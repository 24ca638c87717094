from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from math import inf, nan
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate.errors import UsageError
from perfgate.fleet.answer import FleetAnswer, MetricMove
from perfgate.fleet.document import from_json, read, to_json, write
from perfgate.gate.verdict import Verdict
from tests.fleet.answers import SAMPLES, answer, gate, passing, undecided

_NUMBERS = st.floats(-1e6, 1e6)


@pytest.mark.parametrize("build", SAMPLES.values(), ids=list(SAMPLES))
def test_every_kind_of_answer_comes_back(build: Callable[[], FleetAnswer]) -> None:
    found = build()
    assert repr(from_json(to_json(found))) == repr(found), "NaN differs from itself, but not its text"


@settings(max_examples=30)
@given(
    numbers=st.lists(st.one_of(st.just(nan), _NUMBERS), min_size=3, max_size=3),
    lower=st.one_of(st.just(-inf), _NUMBERS),
    upper=st.one_of(st.just(inf), _NUMBERS),
    text=st.text(st.characters(codec="utf-8"), max_size=20),
    verdict=st.sampled_from(Verdict),
)
def test_any_numbers_and_any_text_come_back(
    numbers: list[float], lower: float, upper: float, text: str, verdict: Verdict
) -> None:
    change, tolerance, worse_by = numbers
    moved = lower > 0
    move = MetricMove(text, change, lower, upper, tolerance, verdict, moved, worse_by, lower, upper)
    found = replace(gate("ranker", "steady"), moves=(move,), owner=text, headline=text, verdict=verdict)
    after = from_json(to_json(replace(answer(gate("audio", "steady")), gates=(found,))))
    assert repr(after.gates) == repr((found,))


def test_the_file_is_strict_json() -> None:
    for build in SAMPLES.values():
        json.loads(to_json(build()), parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


def test_write_and_read_by_directory_and_by_file(tmp_path: Path) -> None:
    path = write(passing(), tmp_path / "out")
    assert [file.name for file in path.parent.iterdir()] == ["fleet.json"]
    assert read(path.parent) == read(path) == passing()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not a perfgate fleet"),
        ("[]", "it has no schema_version"),
        ('{"schema_version": 1}', "not a perfgate fleet: "),
        ('{"schema_version": 2}', "this fleet has schema version 2"),
    ],
)
def test_what_is_no_answer_is_a_usage_error_of_one_line(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        from_json(text)
    assert "\n" not in caught.value.problem
    assert caught.value.remedy


def test_the_measurement_shown_is_that_of_the_round_that_decided() -> None:
    (found,) = undecided().gates
    assert [each.round_number for each in found.measurements] == [1, 2]
    assert found.shown is found.measurements[1], "of an older perfgate: the last one"
    assert replace(found, shown_round=1).shown is found.measurements[0]
