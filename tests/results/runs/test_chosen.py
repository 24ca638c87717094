from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from perfgate.results.runs.chosen import NEEDED, Choice, choose
from perfgate.results.runs.local import LocalPlace
from perfgate.results.runs.reading import read_step
from tests.results.runs.stored import write

_MARCH = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    home: Path = tmp_path_factory.mktemp("runs")
    write(home / "old", model="models/a/1", scenario="single", created_utc=_MARCH)
    write(home / "mid", model="models/a/2", verdict="fail", created_utc=_MARCH + timedelta(days=1))
    write(home / "new", model="models/b.v[0-9]", scenario_digest="sha256:feed", created_utc=_MARCH + timedelta(days=2))
    write(home / "alone", models={}, status="running", judgement=None, created_utc=_MARCH + timedelta(days=3))
    place = LocalPlace(str(home))
    return read_step(place, list(place.find())).select(NEEDED)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Choice(), "alone new mid old"),
        (Choice(model="models/a"), "mid old"),
        (Choice(model=".v[0-9]"), "new"),
        (Choice(model="sha256:b2b2"), "new mid old"),
        (Choice(model="b2b2b2"), "new mid old"),
        (Choice(model="sha256"), "new mid old"),
        (Choice(model="2b2b2x"), ""),
        (Choice(scenario="single"), "old"),
        (Choice(scenario="singl"), ""),
        (Choice(scenario="sha256:feed"), "new"),
        (Choice(scenario="fee"), "new"),
        (Choice(verdicts=("fail", "running")), "alone mid"),
        (Choice(since=_MARCH + timedelta(days=1)), "alone new mid"),
        (Choice(until=_MARCH + timedelta(days=1)), "old"),
        (Choice(since=_MARCH + timedelta(days=1), until=_MARCH + timedelta(days=2)), "mid"),
        (Choice(model="models/a", verdicts=("pass",)), "old"),
        (Choice(model="nothing"), ""),
    ],
)
def test_what_is_asked_for_is_chosen_newest_first(runs: pa.Table, choice: Choice, expected: str) -> None:
    assert choose(runs, choice)["run_id"].to_pylist() == expected.split()


def test_of_no_runs_none_are_chosen(runs: pa.Table) -> None:
    every = Choice("a", "b", ("fail",), _MARCH, _MARCH)
    assert choose(runs.slice(0, 0), every).num_rows == 0
