from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import fsspec
import pyarrow.parquet as pq
import pytest

from perfgate.errors import UsageError
from perfgate.results.runs.export import COLUMNS, TABLES, Exported, export, partition_of
from perfgate.results.runs.index import Index
from perfgate.results.runs.local import LocalPlace
from perfgate.results.runs.places import place_of
from perfgate.results.runs.schema import METRICS, RUNS
from tests.report import example
from tests.results.runs.stored import tree, write

_DAY = datetime(2026, 3, 1, 10, tzinfo=UTC)


def _export(reports: Path, out: str | Path) -> Exported:
    place = LocalPlace(str(reports))
    found = Index(place, reports / "cache").runs(COLUMNS, 1, lambda *_: None)
    return export(found.table, place_of(str(out)), place.shown, lambda *_: None)


def _rows(out: Path, what: str = "*", table: str = "runs", more: str = "") -> list[Any]:
    return duckdb.execute(f"SELECT {what} FROM '{out}/{table}/**/*.parquet' {more}").fetchall()  # noqa: S608 - a test's words


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    home = tmp_path / "reports"
    write(home / "a", model="models/ranker/1", created_utc=_DAY)
    write(home / "b", model="models/ranker/2", created_utc=_DAY, change=0.07, lower=None, upper=None)
    write(home / "c", model="other", scenario="x y=z/é%", created_utc=_DAY.replace(hour=23, minute=59, month=2, day=27))
    return home


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_runs_and_metrics_are_partitioned_by_model_scenario_and_day(reports: Path, out: Path) -> None:
    assert _export(reports, out) == Exported(3, 0, 2, 2)
    paths = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert paths == [
        f"{table}/{partition}/{table}.parquet"
        for table in ("metrics", "runs")
        for partition in (
            "model=models%2Franker/scenario=ranker/day=2026-03-01",
            "model=other/scenario=x y%3Dz%2F%C3%A9%25/day=2026-02-27",
        )
    ]
    days = {"a": "2026-03-01", "b": "2026-03-01", "c": "2026-02-27"}
    found = _rows(out, "run_id, model, scenario, day, verdict, directory", more="ORDER BY run_id")
    assert [(row[0], row[1], row[2], str(row[3]), *row[4:]) for row in found] == [
        ("a", "models/ranker", "ranker", days["a"], "pass", f"{reports}/a"),
        ("b", "models/ranker", "ranker", days["b"], "pass", f"{reports}/b"),
        ("c", "other", "x y=z/é%", days["c"], "pass", f"{reports}/c"),
    ]
    changes = _rows(out, "run_id, model_given, change, lower", "metrics", "WHERE gated ORDER BY run_id")
    assert changes == [
        ("a", "models/ranker/1", 0.02, 0.01),
        ("b", "models/ranker/2", 0.07, None),
        ("c", "other", 0.02, 0.01),
    ]


def test_files_have_the_documented_columns_and_types(reports: Path, out: Path) -> None:
    _export(reports, out)
    for table, schema in (("runs", RUNS), ("metrics", METRICS)):
        described = duckdb.execute(f"DESCRIBE SELECT * FROM '{out}/{table}/**/*.parquet'").fetchall()  # noqa: S608
        assert {row[0] for row in described} == {*schema.names, "day"}
        types = {row[0]: row[1] for row in described}
        assert (types["created_utc"], types["day"]) == ("TIMESTAMP WITH TIME ZONE", "DATE")
        for file in (out / table).rglob("*.parquet"):
            assert pq.read_schema(file).remove_metadata().equals(TABLES[table])
    assert "BOOLEAN" in {row[1] for row in described}


@pytest.mark.parametrize("kind", example.EVERY, ids=lambda kind: kind.__name__)
def test_every_kind_of_run_is_exported(kind: Any, tmp_path: Path, out: Path) -> None:
    from perfgate.results import document  # noqa: PLC0415

    write(tmp_path / "reports" / "x", document.to_json(kind()))
    assert _export(tmp_path / "reports", out).runs == 1
    assert _rows(out, "count(*)") == [(1,)]


def test_exporting_again_writes_nothing_and_repeats_nothing(reports: Path, out: Path) -> None:
    _export(reports, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    assert _export(reports, out) == Exported(3, 0, 2, 0)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")} == before


def test_what_a_newer_perfgate_reads_from_the_same_files_is_exported(
    reports: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _export(reports, out)
    monkeypatch.setattr("perfgate.results.runs.export.VERSION", b"2")
    assert _export(reports, out).written == 2


def test_changed_runs_are_replaced_and_new_ones_added(reports: Path, out: Path) -> None:
    write(reports / "b", model="models/ranker/2", created_utc=_DAY, status="running", judgement=None, summaries=[])
    _export(reports, out)
    assert _rows(out, "verdict", more="WHERE run_id = 'b'") == [("running",)]
    assert _rows(out, "*", "metrics", "WHERE run_id = 'b'") == []
    write(reports / "b", model="models/ranker/2", created_utc=_DAY, verdict="fail")
    write(reports / "d", model="models/ranker/2", created_utc=_DAY)
    assert _export(reports, out) == Exported(4, 0, 2, 1)
    assert _rows(out, "run_id, verdict", more="ORDER BY run_id") == [
        ("a", "pass"), ("b", "fail"), ("c", "pass"), ("d", "pass")
    ]  # fmt: skip
    per_run = _rows(out, "run_id, count(*), count(DISTINCT metric)", "metrics", "GROUP BY run_id")
    assert {(count, distinct) for _, count, distinct in per_run} == {(per_run[0][1],) * 2}


def test_two_places_share_an_export(reports: Path, tmp_path: Path, out: Path) -> None:
    write(tmp_path / "mine" / "z", model="models/ranker/9", created_utc=_DAY)
    for _ in range(2):
        _export(reports, out)
        _export(tmp_path / "mine", out)
    assert sorted(_rows(out, "run_id")) == [("a",), ("b",), ("c",), ("z",)]
    metrics = _rows(out, "run_id, metric", "metrics")
    assert len(metrics) == len(set(metrics))


def test_metrics_keep_their_order(tmp_path: Path, out: Path) -> None:
    from perfgate.results import document  # noqa: PLC0415

    write(tmp_path / "one" / "x", document.to_json(example.failing()))
    write(tmp_path / "two" / "y", document.to_json(example.failing()).replace("-0002", "-0003"))
    for place in ("one", "two"):
        _export(tmp_path / place, out)
    (file,) = (out / "metrics").rglob("*.parquet")
    table = pq.read_table(file, partitioning=None)
    ids, metrics = table["run_id"].to_pylist(), table["metric"].to_pylist()
    assert ids == sorted(ids)
    half = len(metrics) // 2
    assert metrics[:half] == metrics[half:]
    assert metrics[0] == "execute_ms"


def test_runs_of_one_name_at_different_times_are_different(tmp_path: Path, out: Path) -> None:
    """CI jobs that say `--out run`, whose plans take the directory's name as their id."""
    write(tmp_path / "reports" / "x" / "run", created_utc=_DAY)
    write(tmp_path / "reports" / "y" / "run", created_utc=_DAY.replace(second=1))
    assert _export(tmp_path / "reports", out).runs == 2
    assert _rows(out, "count(*)") == [(2,)]


def test_a_copied_run_counts_once(reports: Path, out: Path) -> None:
    write(reports / "copy" / "a", model="models/ranker/1", created_utc=_DAY)
    assert _export(reports, out) == Exported(3, 1, 2, 2)
    assert _rows(out, "directory", more="WHERE run_id = 'a'") == [(f"{reports}/a",)]


@pytest.mark.parametrize(
    ("value", "directory"),
    [
        (None, "__HIVE_DEFAULT_PARTITION__"),
        ("", "__HIVE_DEFAULT_PARTITION__"),
        ("..", ".."),
        ("a/../b\\c", "a%2F..%2Fb%5Cc"),
        ("a\n\x00=*?", "a%0A%00%3D%2A%3F"),
    ],
)
def test_names_of_partitions_are_safe(value: str | None, directory: str) -> None:
    assert partition_of(value, value, "2026-03-01") == f"model={directory}/scenario={directory}/day=2026-03-01"


def test_a_long_name_keeps_its_beginning() -> None:
    assert partition_of("models/" + "x" * 300, "s", "2026-03-01").startswith("model=models%2Fxxxxxxxxxx")


@pytest.mark.parametrize("long", ["m" * 300, "é" * 100], ids=["plain", "encoded"])
def test_long_names_are_cut_and_stay_different(tmp_path: Path, out: Path, long: str) -> None:
    write(tmp_path / "reports" / "a", model=f"{long}a", created_utc=_DAY)
    write(tmp_path / "reports" / "b", model=f"{long}b", created_utc=_DAY)
    assert _export(tmp_path / "reports", out).partitions == 2
    assert sorted(_rows(out, "model_given")) == [(f"{long}a",), (f"{long}b",)]
    assert all(model.startswith(long[:30]) for (model,) in _rows(out, "model"))


def test_no_model_is_null(tmp_path: Path, out: Path) -> None:
    write(tmp_path / "reports" / "a", models={}, created_utc=_DAY)
    write(tmp_path / "reports" / "b", model="m", created_utc=_DAY)
    _export(tmp_path / "reports", out)
    assert sorted(_rows(out, "run_id, model")) == [("a", None), ("b", "m")]


def test_what_cannot_be_written_or_read_is_said(reports: Path, out: Path, tmp_path: Path) -> None:
    _export(reports, out)
    file = next((out / "runs").rglob("*.parquet"))
    file.write_bytes(b"nothing")
    with pytest.raises(UsageError, match="is not a table of runs") as error:
        _export(reports, out)
    assert str(file) in error.value.problem
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        _export(reports, tmp_path / "file")
    with pytest.raises(UsageError, match="cannot read") as error:
        _export(reports, tmp_path / "file" / "below")
    assert error.value.remedy == "choose another directory with --parquet"


def test_columns_of_a_newer_perfgate_are_not_lost(reports: Path, out: Path) -> None:
    _export(reports, out)
    for file in (out / "runs").rglob("*.parquet"):
        table = pq.read_table(file, partitioning=None)
        pq.write_table(table.append_column("later", table["run_id"]), file)
    write(reports / "d", model="models/ranker/2", created_utc=_DAY)
    with pytest.raises(UsageError, match="unknown columns: later"):
        _export(reports, out)


def test_columns_that_an_older_perfgate_did_not_have_are_null(reports: Path, tmp_path: Path, out: Path) -> None:
    _export(reports, out)
    for file in (out / "runs").rglob("*.parquet"):
        pq.write_table(pq.read_table(file, partitioning=None).drop(["headline"]), file)
    write(tmp_path / "mine" / "z", model="models/ranker/9", created_utc=_DAY)
    _export(tmp_path / "mine", out)
    found = dict(_rows(out, "run_id, headline", more="WHERE model = 'models/ranker'"))
    assert found.keys() == {"a", "b", "z"}
    assert (found["a"], bool(found["z"])) == (None, True)


def test_a_url_can_be_exported_to(reports: Path) -> None:
    files = fsspec.filesystem("memory")
    files.pipe("/runs/m/result.json", json.dumps(tree(run_id="m")).encode())
    for written in (2, 0):
        assert _export(reports, "memory://exported").written == written
    assert len([path for path in files.find("/exported") if path.endswith("/runs.parquet")]) == 2
    files.rm("/exported", recursive=True)
    files.rm("/runs", recursive=True)
