"""The example fleet: measured once, and known from then on."""

from __future__ import annotations

from pathlib import Path

import pytest

from perfgate.cli import app
from perfgate.errors import ExitCode
from perfgate.fleet import document
from perfgate.fleet.file import read_fleet
from perfgate.fleet.gates import gates_of
from perfgate.gate.verdict import Verdict

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "fleet.toml"


def test_the_example_names_two_gates() -> None:
    gates = gates_of(read_fleet(EXAMPLE), EXAMPLE)
    assert [(gate.gate_id, gate.priority, gate.owner) for gate in gates] == [
        ("v1-again--ranking", 0, "ranking team"),
        ("v2--ranking", 1, "ranking team"),
    ]


@pytest.mark.live
@pytest.mark.slow  # 20 s: two gates of one second beside each other, then none
@pytest.mark.usefixtures("ranking_models")
def test_what_was_measured_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = EXAMPLE.read_text(encoding="utf-8").replace('"../', f'"{ROOT}/').replace("replicas = 4", "replicas = 2")
    file, out = tmp_path / "quick.toml", tmp_path / "out"
    file.write_text(text.replace('"4s"', "1\ncores = 1"), encoding="utf-8")
    command = ("fleet", str(file), "--out", str(out), "--junit", str(tmp_path / "junit.xml"), "--no-explain", "-q")

    code = app.main(command)
    first = document.read(out)
    assert code in {ExitCode.FAIL, ExitCode.INCONCLUSIVE}, first.headline
    assert first.complete
    assert {gate.gate_id for gate in first.gates} == {"v1-again--ranking", "v2--ranking"}
    for gate in first.gates:
        (measurement,) = gate.measurements
        assert (measurement.kept, len(measurement.cpus), measurement.problem) == (False, 1, "")
        assert (out / measurement.directory / "report.html").is_file()
        assert gate.moves, "something was judged"
        assert gate.verdict is not Verdict.INVALID
    assert (tmp_path / "junit.xml").read_text(encoding="utf-8").count("<testcase ") == 2
    assert (out / "index.html").is_file()

    assert app.main(command) == code
    again = document.read(out)
    assert all(each.kept for gate in again.gates for each in gate.measurements)
    assert again.measured_s == 0
    assert [gate.headline for gate in again.gates] == [gate.headline for gate in first.gates]
    assert len((out / "history.jsonl").read_text(encoding="utf-8").splitlines()) == 2
