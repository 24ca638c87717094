from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from perfgate.baseline.store import PLANS, Store
from perfgate.errors import UsageError
from perfgate.results import plan_document
from perfgate.results.plan_store import checks_of, keep_check, keep_plan, newest_plan
from tests.planning.answers import check, one_dimension, passes

SCENARIO = "ranking"


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "store")


def _plan_at(created_utc: str, plan_id: str) -> str:
    return repr(replace(passes(), created_utc=created_utc, plan_id=plan_id))


def test_the_newest_plan_of_a_scenario_comes_back_whole(store: str) -> None:
    times = ("2026-11-29T10:45:02+00:00", "2026-12-01T00:00:00+00:00", "2026-11-30T23:59:59+00:00")
    for number, created_utc in enumerate(times):
        keep_plan(store, replace(passes(), created_utc=created_utc, plan_id=f"a-plan-{number:08x}"))
    assert repr(newest_plan(store, SCENARIO)) == _plan_at(times[1], "a-plan-00000001")


def test_times_of_other_zones_are_compared_as_instants(store: str) -> None:
    keep_plan(store, replace(passes(), created_utc="2026-11-29T12:00:00+03:00", plan_id="early-0000000f"))
    keep_plan(store, replace(passes(), created_utc="2026-11-29T10:00:00+00:00", plan_id="late-00000001"))
    assert newest_plan(store, SCENARIO).plan_id == "late-00000001"


def test_two_plans_of_one_second_are_both_kept(store: str) -> None:
    places = {keep_plan(store, replace(passes(), plan_id=f"p-{number:08x}")) for number in range(2)}
    assert len(places) == 2
    assert all(Path(place).is_file() for place in places)


def test_a_plan_of_another_scenario_is_not_found(store: str) -> None:
    keep_plan(store, replace(passes(), scenario={"name": "ranking-2"}))
    with pytest.raises(UsageError, match="no plan of scenario ranking in ") as raised:
        newest_plan(store, SCENARIO)
    assert "perfgate plan SKETCH -s ranking --keep" in raised.value.remedy


def test_a_check_is_no_plan(store: str) -> None:
    keep_check(store, check())
    with pytest.raises(UsageError, match="no plan"):
        newest_plan(store, SCENARIO)


def test_no_store_is_no_plan_and_no_checks(store: str) -> None:
    with pytest.raises(UsageError, match="no plan of scenario ranking"):
        newest_plan(store, SCENARIO)
    assert checks_of(store, SCENARIO) == ()
    assert not Path(store).exists(), "reading leaves nothing behind"


@pytest.mark.parametrize("text", ["", "{", "{}", '{"schema_version": 999}'])
def test_a_damaged_plan_is_a_usage_error(store: str, text: str) -> None:
    Path(keep_plan(store, passes())).write_text(text)
    with pytest.raises(UsageError):
        newest_plan(store, SCENARIO)


def test_checks_come_back_oldest_first_without_unreadable_ones(store: str) -> None:
    times = ("2026-12-02T00:00:00+00:00", "2026-11-30T00:00:00+00:00", "2026-12-01T00:00:00+00:00")
    kept = [
        Path(keep_check(store, replace(check(), created_utc=created_utc, check_id=f"c-{number:08x}")))
        for number, created_utc in enumerate(times)
    ]
    keep_plan(store, passes())
    assert [each.check_id for each in checks_of(store, SCENARIO)] == ["c-00000001", "c-00000002", "c-00000000"]
    kept[2].write_text("not JSON")
    newer = json.loads(kept[1].read_text())
    kept[1].write_text(json.dumps({**newer, "schema_version": 999}))
    assert [each.check_id for each in checks_of(store, SCENARIO)] == ["c-00000000"]


def test_plans_are_no_baselines(store: str) -> None:
    keep_plan(store, passes())
    keep_check(store, check())
    assert Store(store).list() == ()
    assert {path.parent.name for path in Path(store, PLANS).rglob("*.json")} == {SCENARIO}


def test_a_search_for_a_size_comes_back_too(store: str) -> None:
    place = keep_plan(store, one_dimension())
    assert repr(plan_document.read(Path(place))) == repr(one_dimension())


def test_a_store_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UsageError):
            keep_plan(str(place), passes())
