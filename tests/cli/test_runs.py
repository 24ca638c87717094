from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from perfgate.cli.all_runs import Moment, reporting
from perfgate.cli.app import main
from perfgate.errors import ExitCode
from perfgate.results.runs.index import FILE_NAME
from perfgate.results.runs.schema import RUNS
from tests.report.example import HOSTILE
from tests.results.runs.stored import write

_DAY = datetime(2026, 3, 1, 10, 15, tzinfo=UTC)
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*args: str) -> tuple[int, str, str]:
        code = main(args)
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    home = tmp_path / "reports"
    write(home / "old", model="models/ranker/1", created_utc=_DAY, wall_s=42.0)
    write(
        home / "gates" / "new", model="models/ranker/2", verdict="fail", created_utc=_DAY + timedelta(days=1),
        change=0.124, lower=0.081, upper=0.169,
    )  # fmt: skip
    return home


def test_runs_are_rows_newest_first(call: Call, reports: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = call("runs")
    assert code == ExitCode.PASS
    lines = [line.split("  ") for line in out.splitlines() if line]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert cells == [
        ["run", "created (UTC)", "verdict", "model", "digest", "baseline", "scenario", "moved most", "duration"],
        ["reports/gates/new", "2026-03-02 10:15:00", "fail", "models/ranker/2", "sha256:b2b2b2b2b2b2", "prod",
         "ranker", "execute_ms +12.4% [+8.1, +16.9]", "1 min 3 s"],
        ["reports/old", "2026-03-01 10:15:00", "pass", "models/ranker/1", "sha256:b2b2b2b2b2b2", "prod", "ranker",
         "execute_ms +2.0% [+1.0, +3.0]", "42 s"],
    ]  # fmt: skip
    assert err == "RUNS reports: 2 runs\n"
    assert not (reports / FILE_NAME).exists(), "two runs are faster to read than to write"
    monkeypatch.setattr("perfgate.results.runs.index._FEW", 0)
    for _ in range(2):
        assert call("runs") == (code, out, err)
        assert (reports / FILE_NAME).exists()


def test_filters_and_the_limit_are_said(call: Call, reports: Path) -> None:
    assert "old" not in call("runs", "--verdict", "fail")[1]
    assert call("runs", "--model", "ranker/1")[2] == "RUNS reports: 2 runs, 1 of them as asked\n"
    assert call("runs", "--model", "x") == (0, "", "RUNS reports: 2 runs, none of them as asked\n")
    assert call("runs", "--since", "2026-03-02")[2].endswith("1 of them as asked\n")
    assert call("runs", "--until", "2026-03-01")[2].endswith("1 of them as asked\n")
    assert call("runs", "--until", "2026-03-01T10:15")[2].endswith("none of them as asked\n")
    code, out, err = call("runs", str(reports), "--limit", "1")
    assert (code, len(out.split("\n\n")[0].splitlines())) == (0, 2)
    assert err == f"RUNS {reports}: 2 runs, the newest 1 shown (--limit 0 shows all)\n"


@pytest.mark.usefixtures("reports")
def test_json_and_csv_have_all_columns_of_all_runs(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perfgate.cli.runs._IN_A_TABLE", 1)
    found = json.loads(call("runs", "--json")[1])
    assert [list(each) for each in found] == [RUNS.names] * 2
    assert [each["run_id"] for each in found] == ["new", "old"]
    assert (found[1]["created_utc"], found[1]["directory"]) == ("2026-03-01T10:15:00+00:00", "reports/old")
    rows = list(csv.DictReader(call("runs", "--csv")[1].splitlines()))
    assert [list(each) for each in rows] == [RUNS.names] * 2
    assert (rows[0]["moved_change"], rows[0]["directory"]) == ("0.124", "reports/gates/new")
    assert call("runs", "--limit", "1")[1].count("\n") == 3
    assert call("runs", "--limit", "0")[1].count("\n") == 4
    assert len(json.loads(call("runs", "--json", "--limit", "1")[1])) == 1
    assert json.loads(call("runs", "--json", "--model", "nothing")[1]) == []
    code, out, err = call("runs", "--json", "--csv")
    assert (code, out, "exclude each other" in err) == (ExitCode.USAGE, "", True)


def test_runs_without_a_verdict_are_shown_as_such(call: Call, tmp_path: Path) -> None:
    write(tmp_path / "reports" / "a", status="running", judgement=None, wall_s=0.0, models={}, baseline_name=None)
    write(tmp_path / "reports" / "b", status="interrupted")
    out = call("runs")[1]
    assert "running" in out
    assert "interrupted" in out
    assert "n/a" in out


def test_files_that_are_no_results_are_named(call: Call, reports: Path) -> None:
    for name in "abcde":
        write(reports / name, "{}" if name == "b" else "{")
    code, out, err = call("runs")
    assert (code, len(out.splitlines())) == (0, 4)
    assert err.splitlines()[0] == (
        "left out: 5 files result.json were not readable: reports/a (not JSON); reports/b (not a perfgate result); "
        "reports/c (not JSON); and 2 more"
    )


def test_no_runs_is_no_mistake_but_no_directory_is(call: Call, tmp_path: Path) -> None:
    nothing = "yet: `perfgate run` and `perfgate compare` write to reports/\n"
    assert call("runs") == (0, "", f"RUNS none in reports {nothing}")
    (tmp_path / "empty").mkdir()
    assert call("runs", "empty") == (0, "", f"RUNS none in empty {nothing}")
    assert call("runs", "empty", "--json")[1] == "[]\n"
    assert call("export", "empty", "--parquet", "out") == (0, "", "EXPORT nothing: there are no runs in empty\n")
    assert list((tmp_path / "empty").iterdir()) == []
    for command in (["runs"], ["export", "--parquet", "out"]):
        for place, said in (
            ("nowhere", "ERROR there is no directory nowhere"),
            ("s4://x", "ERROR s4://x: Protocol not known"),
        ):
            code, out, err = call(*command, place)
            assert (code, out) == (ExitCode.USAGE, "")
            assert err.startswith(said)
            assert err.count("\n") == 1
    (tmp_path / "file").write_text("")
    assert call("runs", "file")[0] == ExitCode.USAGE


def test_foreign_text_cannot_move_the_cursor(call: Call, tmp_path: Path) -> None:
    write(tmp_path / "reports" / "a", model=f"\x1b[31m[bold]{HOSTILE}", run_id="\x1b[2J")
    out = call("runs")[1]
    assert "\x1b" not in out
    assert "[bold]" in out


def test_narrow_terminals_leave_columns_out(call: Call, reports: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del reports
    for width, shown in (("170", "digest"), ("140", "duration"), ("100", "moved most"), ("60", "verdict")):
        monkeypatch.setenv("COLUMNS", width)
        out = call("runs")[1]
        assert shown in out
        assert max(map(len, out.splitlines())) <= int(width)
    monkeypatch.setenv("COLUMNS", "100")
    assert "digest" not in call("runs")[1]
    assert "\x1b[1;31mfail" in call("runs", "--color", "always")[1]


def test_an_export_says_what_it_did(call: Call, reports: Path, tmp_path: Path) -> None:
    write(reports / "broken", "{")
    write(reports / "copy" / "old", model="models/ranker/1", created_utc=_DAY, wall_s=42.0)
    left_out = "left out: 1 result.json was not readable: reports/broken (not JSON)\n"
    done = "EXPORT out: 2 runs (copies left out: 1), 2 of 2 partitions written, the others had not changed\n"
    assert call("export", "--parquet", "out") == (0, "", left_out + done)
    assert len(list((tmp_path / "out").rglob("*.parquet"))) == 4
    assert "0 of 2 partitions written" in call("export", "reports", "--parquet", "out")[2]
    code, _, err = call("export", "--parquet", "reports/old/result.json")
    assert (code, "is a file" in err) == (ExitCode.USAGE, True)
    assert call("export")[0] == ExitCode.USAGE


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("2026-03-01", "2026-03-01T00:00+00:00", "2026-03-02T00:00+00:00"),
        ("2026-03-01T10:15", "2026-03-01T10:15+00:00", "2026-03-01T10:15+00:00"),
        ("2026-03-01T12:15+02:00", "2026-03-01T10:15+00:00", "2026-03-01T10:15+00:00"),
        ("7d", "2026-02-22T10:15+00:00", "2026-02-22T10:15+00:00"),
        ("2w", "2026-02-15T10:15+00:00", "2026-02-15T10:15+00:00"),
        ("3h", "2026-03-01T07:15+00:00", "2026-03-01T07:15+00:00"),
    ],
)
def test_times_are_dates_instants_or_ages(text: str, begin: str, end: str) -> None:
    moment = Moment(lambda: _DAY)
    assert moment.convert(text, None, None) == (datetime.fromisoformat(begin), datetime.fromisoformat(end))


@pytest.mark.parametrize("text", ["", "yesterday", "7", "-7d", "7m", "2026-13-01", "9999-12-31", "9" * 30 + "d"])
def test_other_times_are_usage_errors(call: Call, text: str) -> None:
    code, _, err = call("runs", f"--since={text}")
    assert code == ExitCode.USAGE
    assert "is not a time; write 2026-03-01, 2026-03-01T10:15 or 7d" in err


def test_progress_is_told_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    now_s = 0.0
    report = reporting("read", lambda: now_s)
    for now_s, done in ((1.0, 1000), (6.0, 2000), (8.0, 3000), (12.0, 4000), (20.0, 5000)):  # noqa: B007 - it is the clock
        report(done, 5000)
    assert capsys.readouterr().err == "read 2,000 of 5,000 runs\nread 4,000 of 5,000 runs\n"


@pytest.mark.slow
@pytest.mark.skipif(psutil.cpu_count() == 1, reason="one CPU, one process")
def test_readers_end_with_a_command_that_is_killed(tmp_path: Path) -> None:
    """A second or two, because it needs real processes: orphans would stay for ever."""
    first = write(tmp_path / "0") / "result.json"
    for number in range(1, 2000):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "result.json").hardlink_to(first)
    command = subprocess.Popen([sys.executable, "-m", "perfgate", "runs", str(tmp_path)])
    readers: list[psutil.Process] = []
    while len(readers) < 3 and command.poll() is None:  # and multiprocessing's own
        readers = psutil.Process(command.pid).children(recursive=True)
        time.sleep(0.01)
    command.kill()
    command.wait(timeout=20)
    _, alive = psutil.wait_procs(readers, timeout=10)
    for process in alive:
        process.kill()
    assert readers
    assert alive == []
