import os
import re
from pathlib import Path

import pytest

from perfgate.cli import app
from perfgate.errors import ExitCode


@pytest.fixture(autouse=True)
def lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model without a record, two days old, and a young unfinished file, in the default store."""
    monkeypatch.chdir(tmp_path)
    model = Path("baselines/artifacts/abcd/saved_model.pb")
    model.parent.mkdir(parents=True)
    model.write_bytes(bytes(2**21))
    os.utime(model, (model.stat().st_mtime - 172800,) * 2)
    Path("baselines/.tmp").mkdir()
    Path("baselines/.tmp/0123").write_text("")
    return model


def test_gc_says_what_it_deletes_and_what_it_keeps(lost: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for flags, word in ((["--dry-run"], "would delete"), ([], "deleted")):
        assert app.main(["baseline", "gc", *flags]) == ExitCode.PASS
        deleted, kept, total = capsys.readouterr().out.splitlines()
        assert deleted == f"{word}  artifacts/abcd  2.00 MiB, no record refers to it"
        assert re.fullmatch(r"kept  \.tmp/0123  0 MiB, unfinished, written \S+ s ago", kept)
        assert total == f"{word} 1 item, 2.00 MiB"
        assert lost.exists() is bool(flags)
    assert app.main(["baseline", "gc"]) == ExitCode.PASS
    assert capsys.readouterr().out.endswith("\nnothing to delete\n")


def test_gc_takes_another_age(lost: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["baseline", "gc", "--older-than", "72h"]) == ExitCode.PASS
    assert lost.exists()
    assert app.main(["baseline", "gc", "--older-than", "soon"]) == ExitCode.USAGE
    assert "'soon' is not a duration" in capsys.readouterr().err


def test_gc_names_the_record_that_keeps_it_from_deleting(lost: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = Path("baselines/prod/20260203T040506.000Z-0123456789ab.json")
    record.parent.mkdir()
    record.write_text("{")
    assert app.main(["baseline", "gc"]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert said.startswith(f"ERROR no model was deleted, since any may be needed: {record}: invalid baseline record")
    assert "`perfgate baseline rm NAME --id ID`" in said
    assert said.count("\n") == 1
    assert lost.exists()
