from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from perfgate.baseline.calibration import (
    AgainstItself,
    Calibration,
    Detectable,
    calibrations_of,
    find_calibration,
    from_json,
    keep_calibration,
    nearest_calibration,
    to_json,
)
from perfgate.baseline.record import Record
from perfgate.baseline.store import Store
from perfgate.errors import UsageError
from perfgate.stats.variance_components import Components

CALIBRATION = Calibration(
    created_utc="2026-02-03T04:05:06.789+00:00",
    fingerprint="0123456789abcdef",
    scenario_name="ranking",
    scenario_digest="sha256:aa",
    model_digest="sha256:bb",
    components=(Components("execute_ms", 0.04, 0.006, 0.002, 0.03, 15.0, -0.01, 3), Components("pss_mb", 0.1, 0.0)),
    detectable=(Detectable("execute_ms", 45.0, 0.043),),
    overhead_s=12.5,
    runs=(AgainstItself("r1", "2026-02-03T04:00:00+00:00", "pass"),),
)


def _same(one: Calibration | None, other: Calibration) -> bool:
    return one is not None and to_json(one) == to_json(other)  # NaN is not equal to itself


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "store")


def test_a_calibration_survives_the_way_to_json_and_back() -> None:
    again = from_json(to_json(CALIBRATION), "x")
    assert _same(again, CALIBRATION)
    assert again.components[0].occasion_sd == 0.03
    assert math.isnan(again.components[1].occasion_sd)
    assert json.loads(to_json(CALIBRATION))["components"][1]["occasion_sd"] is None


def test_the_newest_of_the_scenario_and_environment_is_found(store: str) -> None:
    newer = replace(CALIBRATION, created_utc="2026-02-03T06:05:07+02:00", overhead_s=9.0)
    elsewhere = replace(CALIBRATION, fingerprint="ffff", created_utc="2027-01-01T00:00:00Z")
    other = replace(CALIBRATION, scenario_digest="sha256:cc", created_utc="2027-01-01T00:00:00Z")
    for each in (newer, CALIBRATION, elsewhere, other):
        keep_calibration(store, each)
    assert _same(find_calibration(store, CALIBRATION.fingerprint, "sha256:aa"), newer)
    assert _same(find_calibration(store, "ffff", "sha256:aa"), elsewhere)
    assert find_calibration(store, "ffff", "sha256:cc") is None


def test_without_one_of_the_scenario_the_nearest_is_the_environments_newest(store: str) -> None:
    assert nearest_calibration(store, CALIBRATION.fingerprint) is None
    keep_calibration(store, CALIBRATION)
    assert find_calibration(store, CALIBRATION.fingerprint, "sha256:other") is None
    assert _same(nearest_calibration(store, CALIBRATION.fingerprint), CALIBRATION)
    assert nearest_calibration(store, "another") is None


def test_looking_makes_nothing(store: str) -> None:
    assert find_calibration(store, "0123", "sha256:aa") is None
    assert not Path(store).exists()


def test_a_fingerprint_never_leads_out_of_the_store(store: str, tmp_path: Path) -> None:
    outside = replace(CALIBRATION, fingerprint="../../outside")
    with pytest.raises(UsageError, match="is not a fingerprint"):
        keep_calibration(store, outside)
    assert find_calibration(store, outside.fingerprint, "sha256:aa") is None
    assert not list(tmp_path.iterdir())


def test_calibrations_are_no_baselines(store: str, make_record: Callable[..., Record]) -> None:
    keep_calibration(store, CALIBRATION)
    Store(store).add(make_record(), None)
    assert Store(store).names() == ("prod",)


def test_any_store_keeps_them() -> None:
    url = "memory://calibrated"
    where = keep_calibration(url, CALIBRATION)
    assert where.startswith(f"{url}/calibrations/0123456789abcdef/20260203T040506.789Z-")
    assert _same(find_calibration(url, CALIBRATION.fingerprint, "sha256:aa"), CALIBRATION)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text[:40], "invalid calibration: "),
        (lambda _: "[]", "invalid calibration: "),
        (lambda text: text.replace('"overhead_s": 12.5', '"overhead_s": "long"'), "overhead_s: Input should be"),
        (lambda text: text.replace('"scenario_name"', '"name"'), "scenario_name: Field required"),
        (lambda text: text.replace('"sha256:bb"', "null"), "model_digest: Input should be a valid string"),
        (lambda text: text.replace("2026-02-03T04:05", "soon"), "Invalid isoformat"),
        (lambda text: text.replace('"schema_version": 1', '"schema_version": 9'), "schema version 9"),
    ],
)
def test_a_broken_file_is_named_in_one_line(damage: Callable[[str], str], words: str, store: str) -> None:
    file = Path(keep_calibration(store, CALIBRATION))
    file.write_text(damage(file.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        find_calibration(store, CALIBRATION.fingerprint, "sha256:aa")
    assert caught.value.problem.startswith(f"{file}: ")
    assert words in caught.value.problem
    assert "\n" not in caught.value.problem
    assert "calibrate again" in caught.value.remedy


def test_a_place_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "calibrations").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot write"):
        keep_calibration(str(tmp_path), CALIBRATION)


def test_all_calibrations_of_a_scenario_are_found_and_broken_ones_left_out(store: str) -> None:
    newer = replace(CALIBRATION, created_utc="2026-02-05T06:05:07+00:00")
    other = replace(CALIBRATION, scenario_digest="sha256:cc", created_utc="2026-02-06T00:00:00Z")
    broken = replace(CALIBRATION, created_utc="2026-02-04T00:00:00Z")
    *_, path = [keep_calibration(store, each) for each in (newer, CALIBRATION, other, broken)]
    Path(path).write_text("{", encoding="utf-8")
    found = calibrations_of(store, CALIBRATION.fingerprint, CALIBRATION.scenario_digest)
    assert [each.created_utc for each in found] == [newer.created_utc, CALIBRATION.created_utc]
