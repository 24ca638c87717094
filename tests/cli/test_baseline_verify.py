"""`perfgate baseline verify` through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perfgate.errors import ExitCode
from tests.cli.conftest import HERE, Commands


@pytest.mark.slow
def test_verify_says_what_is_whole_and_what_is_broken(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perfgate.baseline.fingerprint.environment", lambda *_: HERE)
    assert commands("baseline", "verify", "--store", "kept") == ""
    assert commands.out == "no baselines in kept\n"
    commands.record("old")
    (record,) = commands.store.list()
    commands("baseline", "verify", "--store", "kept")
    assert commands.out == f"ok      prod/{record.id}  model kept, this environment\n"
    commands("baseline", "verify", "prod", "--store", "kept", "--json")
    assert json.loads(commands.out)["ok"] is True

    (file,) = Path("kept/artifacts").glob("*/saved_model.pb")
    file.write_text("slow")
    said = commands("baseline", "verify", "--store", "kept", expect=ExitCode.USAGE)
    assert commands.out.startswith(f"broken  prod/{record.id}  the stored model has changed")
    assert said.startswith("ERROR 1 problem in kept: prod/")
    assert said.count("\n") == 1
    commands("baseline", "verify", "--store", "kept", "--json", expect=ExitCode.USAGE)
    found = json.loads(commands.out)
    assert found["ok"] is False
    assert "changed" in found["records"][0]["problem"]
    said = commands("baseline", "verify", "live", "--store", "kept", expect=ExitCode.INCONCLUSIVE)
    assert "no baseline live in kept (available: prod)" in said


@pytest.mark.slow
def test_verify_tells_another_environment_and_unused_models_without_failing(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.record("old", "--no-copy")
    monkeypatch.setattr("perfgate.baseline.fingerprint.environment", lambda *_: {**HERE, "cores": 8.0})
    unused = Path("kept/artifacts/abcd/saved_model.pb")
    unused.parent.mkdir(parents=True)
    unused.write_text("x")
    commands("baseline", "verify", "--store", "kept")
    record, note = commands.out.splitlines()
    assert record.endswith("  model elsewhere, another environment (cores 2 then, 8 now)")
    assert note == "note    artifacts/abcd: no record refers to this model; `perfgate baseline gc` deletes it"
