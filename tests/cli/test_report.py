"""`perfgate report`, and the output of `compare` and `run` for a CI server, with fakes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from perfgate.cli.app import main
from perfgate.errors import ExitCode
from perfgate.fleet import document as fleet_document
from perfgate.report.formats.choose import FORMATS
from perfgate.report.formats.choose_fleet import FLEET_FORMATS
from perfgate.report.html.fleet import fleet_page
from perfgate.results import document
from tests.cli.conftest import Commands
from tests.fleet import answers
from tests.report import example

SCENARIO = ("-s", "s.toml", "--seed", "1")


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    document.write(example.failing(), tmp_path)
    return tmp_path


@pytest.mark.slow
def test_the_page_is_rendered_again_where_it_was(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(stored)]) == ExitCode.PASS
    assert "</html>" in (stored / "report.html").read_text(encoding="utf-8")
    assert capsys.readouterr().err == f"REPORT {stored / 'report.html'}\n"


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FORMATS if not name.startswith("samples")])
def test_every_format_goes_to_a_file_or_to_standard_output(
    name: str, stored: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    target = stored / "new" / "file"
    assert main(["report", str(stored / document.FILE_NAME), "-f", name, "-o", str(target)]) == ExitCode.PASS
    capsysbinary.readouterr()
    assert main(["report", str(stored), "--format", name, "-o", "-"]) == ExitCode.PASS
    assert capsysbinary.readouterr().out == target.read_bytes() != b""


@pytest.mark.parametrize("name", FLEET_FORMATS)
def test_a_fleet_is_written_in_every_format_that_it_has(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = fleet_document.write(answers.failing(), tmp_path)
    assert main(["report", str(tmp_path), "-f", name, "-o", "-"]) == ExitCode.PASS
    assert capsys.readouterr().out == FLEET_FORMATS[name](answers.failing())
    assert main(["report", str(path), "-f", name, "-o", str(tmp_path / "file")]) == ExitCode.PASS
    assert (tmp_path / "file").read_text(encoding="utf-8") == FLEET_FORMATS[name](answers.failing())


def test_the_page_of_a_fleet_is_its_index(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fleet_document.write(answers.passing(), tmp_path)
    assert main(["report", str(tmp_path)]) == ExitCode.PASS
    assert capsys.readouterr().err == f"REPORT {tmp_path / 'index.html'}\n"
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == fleet_page(answers.passing())


def test_formats_of_single_runs_are_refused_for_a_fleet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fleet_document.write(answers.passing(), tmp_path)
    assert main(["report", str(tmp_path), "-f", "openmetrics"]) == ExitCode.USAGE
    assert capsys.readouterr().err == (
        "ERROR a fleet cannot be written as openmetrics, which is of single runs. Choose html, json, junit, github or "
        "markdown, or name the directory of one of its measurements\n"
    )


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["-f", "samples-csv"], "samples.arrow"),
        (["-f", "junit", "-o", "result.json/x"], "cannot write"),
        (["-f", "xml"], "is not one of"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    args: list[str], words: str, stored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(stored)
    assert main(["report", ".", *args]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


@pytest.mark.slow
def test_a_failing_gate_leaves_junit_and_metrics(commands: Commands, tmp_path: Path) -> None:
    junit, metrics = tmp_path / "ci" / "junit.xml", tmp_path / "ci" / "metrics.txt"
    commands(
        "compare", "old", "slow", *SCENARIO, "--junit", str(junit), "--metrics", str(metrics), expect=ExitCode.FAIL
    )
    assert ET.fromstring(junit.read_text(encoding="utf-8")).attrib["failures"] != "0"  # noqa: S314 - our own
    assert metrics.read_text(encoding="utf-8").endswith("# EOF\n")


@pytest.mark.slow
def test_on_github_what_failed_is_annotated_and_summed_up(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("of an earlier command\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    said = commands("compare", "old", "slow", *SCENARIO, expect=ExitCode.FAIL)
    assert "::error title=perfgate " in said
    assert said.splitlines()[-1].startswith("FAIL ")
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("of an earlier command\n### ❌ FAIL ")


@pytest.mark.slow
def test_a_summary_that_cannot_be_written_changes_no_verdict(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    said = commands("compare", "old", "slow", *SCENARIO, expect=ExitCode.FAIL)
    assert "cannot write" in said
    assert said.splitlines()[-1].startswith("FAIL ")


@pytest.mark.slow
def test_a_summary_that_is_a_pipe_is_not_waited_for(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "pipe"))
    said = commands("compare", "old", "slow", *SCENARIO, expect=ExitCode.FAIL)
    assert f"cannot write {tmp_path / 'pipe'}: it is no regular file" in said


def test_a_file_that_cannot_be_written_is_found_before_anything_is_measured(commands: Commands, tmp_path: Path) -> None:
    said = commands("compare", "old", "same", *SCENARIO, "--junit", str(tmp_path), expect=ExitCode.USAGE)
    assert "cannot write" in said or "is a directory" in said
    assert not (tmp_path / "reports").exists()


def test_a_run_that_cannot_begin_leaves_no_old_file(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text("of an earlier run")
    commands("run", "old", *SCENARIO, "--junit", "junit.xml", "--store", "none", expect=ExitCode.INCONCLUSIVE)
    assert not (tmp_path / "junit.xml").exists()


@pytest.mark.slow
def test_results_on_standard_output_stay_one_document(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    commands("compare", "old", "slow", *SCENARIO, "--json", expect=ExitCode.FAIL)
    assert json.loads(commands.out)["judgement"]["verdict"] == "fail"
