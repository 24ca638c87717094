from __future__ import annotations

import csv
import io
from dataclasses import fields, replace
from pathlib import Path

import pytest

from perfgate.capacity.answer import CapacityAnswer, Point
from perfgate.report.formats.capacity_csv import capacity_csv, write_csv
from tests.capacity.answers import SAMPLES, hostile, interrupted, open_, two_arms, unknown_numbers


def _rows(answer: CapacityAnswer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(capacity_csv(answer))))


@pytest.mark.parametrize("name", SAMPLES)
def test_one_line_for_each_version_and_rate(name: str) -> None:
    answer = SAMPLES[name]()
    rows = _rows(answer)
    expected = [(arm.arm.value, str(point.rate_rps)) for arm in answer.arms for point in arm.points]
    assert [(row["arm"], row["rate_rps"]) for row in rows] == expected


def test_every_key_of_a_point_is_a_column_and_numbers_come_back() -> None:
    row, point = _rows(two_arms())[0], two_arms().arms[0].points[0]
    names = {field.name for field in fields(Point)} - {"missed"}
    assert row.keys() == {"arm", "model", *names, "missed_latency_p99_ms", "missed_error_rate"}
    assert (row["status"], row["turns"]) == ("holds", "6")
    assert all(float(row[name]) == getattr(point, name) for name in names - {"status"})
    assert float(row["missed_latency_p99_ms"]) == point.missed["latency_p99_ms"]


def test_what_is_not_known_is_empty() -> None:
    assert {row["p99_ms"] for row in _rows(open_())} == {""}
    assert {row["memory_mb"] for row in _rows(unknown_numbers())} == {""}
    points = interrupted().arms[0].points
    partly = (replace(points[0], missed={}), *points[1:])
    answer = replace(interrupted(), arms=(replace(interrupted().arms[0], points=partly),))
    assert _rows(answer)[0]["missed_error_rate"] == ""
    assert _rows(answer)[1]["missed_error_rate"] == "0.0"


def test_a_name_is_no_formula_and_moves_no_cursor() -> None:
    assert "\x07" not in capacity_csv(hostile())
    answer = two_arms()
    named = replace(answer, arms=(replace(answer.arms[0], model='=HYPERLINK("x")\n2'),))
    assert _rows(named)[0]["model"] == '\'=HYPERLINK("x") 2'


def test_the_file_is_written_under_its_name(tmp_path: Path) -> None:
    path = write_csv(two_arms(), tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["capacity.csv"]
    assert path.read_text(encoding="utf-8") == capacity_csv(two_arms())


def test_nothing_measured_is_a_header_alone() -> None:
    assert capacity_csv(replace(two_arms(), arms=())).startswith("arm,model,rate_rps,turns")
