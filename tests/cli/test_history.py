from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from perfgate.baseline.store import Store
from perfgate.cli.app import main
from perfgate.cli.history import command
from perfgate.errors import ExitCode, NoBaselineError, UsageError

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.report.history_records import record, records, step

Call = Callable[..., Result]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(str(tmp_path / "store"))
    store.add(record(0, {"execute_ms": 9.0}, fingerprint="ffff", run_id="elsewhere"), None)
    series = {"execute_ms": step(30, 18, 0.10), "rss_peak_mb": step(30, 30, 0.0, 300)}
    for each in records(series):
        store.add(each, None)
    store.add(record(0, {"execute_ms": 2.0}, name="new"), None)
    return store


@pytest.fixture
def call(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PERFGATE_STORE", store.url)

    def run(*args: str) -> Result:
        return CliRunner().invoke(command, args, catch_exceptions=False, standalone_mode=False)

    return run


def test_it_shows_the_series_writes_the_page_and_never_gates(call: Call, tmp_path: Path) -> None:
    result = call("prod")
    assert result.return_value == ExitCode.PASS
    assert "worse" in result.stdout
    page = Path("reports/history-prod.html")
    assert result.stderr.splitlines()[-1] == (
        f"HISTORY prod: 1 change point in 1 of 2 metrics over 30 records  page: {page}"
    )
    assert "<title>History of prod" in (tmp_path / page).read_text(encoding="utf-8")


def test_the_json_document_has_everything_and_nothing_else_is_on_stdout(call: Call, store: Store) -> None:
    result = call("prod", "--json", "--out", "elsewhere/page.html")
    data = json.loads(result.stdout)
    assert data["name"] == "prod"
    assert data["group"]["records"] == 30
    assert [each["fingerprint"] for each in data["others"]] == ["ffff"]
    first = data["series"][0]
    assert (first["metric"], first["scale"], len(first["points"])) == ("execute_ms", "ratio", 30)
    (change,) = first["changes"]
    assert change["direction"] == "worse"
    assert store.get("prod", change["point"]["record_id"]).created_utc == change["point"]["created_utc"]
    assert Path("elsewhere/page.html").exists()


def test_metrics_and_the_newest_records_can_be_chosen(call: Call) -> None:
    data = json.loads(call("prod", "--json", "--metric", "rss_peak_mb", "--last", "12").stdout)
    assert [series["metric"] for series in data["series"]] == ["rss_peak_mb"]
    assert data["group"]["records"] == 12


def test_the_newest_scenario_and_environment_are_shown_unless_others_are_named(call: Call, store: Store) -> None:
    audio = {"scenario_name": "audio", "scenario_digest": "sha256:" + "aa" * 32}
    store.add(record(99, {"execute_ms": 5.0}, **audio), None)
    assert json.loads(call("prod", "--json").stdout)["group"]["scenario_name"] == "audio"
    for wanted in ("ranking", "5c5c5c", "sha256:5c5c"):
        assert json.loads(call("prod", "--json", "--scenario", wanted).stdout)["group"]["records"] == 30
    assert json.loads(call("prod", "--json", "--fingerprint", "ffff").stdout)["group"]["records"] == 1


def test_what_is_not_there_is_said(call: Call, tmp_path: Path) -> None:
    with pytest.raises(NoBaselineError, match="no baseline live"):
        call("live")
    with pytest.raises(NoBaselineError, match="no record of prod has that scenario and environment") as error:
        call("prod", "--scenario", "audio")
    assert error.value.remedy == "available: ranking on 0123456789abcdef, ranking on ffff"
    with pytest.raises(UsageError, match="unknown metric execute_m") as unknown:
        call("prod", "--metric", "execute_m")
    assert unknown.value.remedy == "did you mean execute_ms?"
    with pytest.raises(UsageError, match="no record has a value for pss_mb"):
        call("prod", "--metric", "pss_mb")
    assert not (tmp_path / "reports").exists()


def test_few_records_are_shown_with_what_is_missing(call: Call) -> None:
    result = call("new")
    assert result.return_value == ExitCode.PASS
    assert "change points need at least 20 records of one scenario and environment; there are 1" in result.stdout


def test_a_broken_record_is_left_out_and_reported(call: Call, store: Store) -> None:
    broken, *_ = store.ids("prod")
    (Path(store.url) / "prod" / f"{broken}.json").write_text("{}")
    assert "1 record cannot be read" in call("prod").stdout


def test_nothing_but_broken_records_is_a_mistake_of_the_store(call: Call, store: Store) -> None:
    (record_id,) = store.ids("new")
    (Path(store.url) / "new" / f"{record_id}.json").write_text("{}")
    with pytest.raises(UsageError, match="schema version"):
        call("new")


def test_colours_come_and_go(call: Call) -> None:
    assert "\x1b[" in call("prod", "--color", "always").stdout
    assert "\x1b[" not in call("prod").stdout


def test_it_is_a_command_of_perfgate(call: Call, capfd: pytest.CaptureFixture[str]) -> None:
    call("new")
    assert main(["history", "new"]) == ExitCode.PASS
    assert "HISTORY new" in capfd.readouterr().err
    assert main(["history", "live"]) == ExitCode.INCONCLUSIVE
    assert main(["history", "new", "--last", "0"]) == ExitCode.USAGE


def test_a_run_promoted_twice_is_one_point(call: Call, store: Store) -> None:
    newest = store.current("new")
    store.add(replace(newest, created_utc="2026-05-01T00:00:00+00:00"), None)
    assert json.loads(call("new", "--json").stdout)["group"]["records"] == 1
