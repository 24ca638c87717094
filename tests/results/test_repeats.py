from __future__ import annotations

import json
from pathlib import Path

import pytest

from perfgate.cautions import CautionKind
from perfgate.results import document
from perfgate.results.repeats import repeat_caution
from perfgate.results.result import Result
from tests.report import example


def _kept(
    result: Result, directory: Path, verdict: str = "inconclusive", changed: dict[str, object] | None = None
) -> None:
    directory.mkdir()
    document.write(result, directory)
    path = directory / document.FILE_NAME
    tree = json.loads(path.read_text())
    tree["judgement"]["verdict"] = verdict
    path.write_text(json.dumps(tree | (changed or {})))


def test_an_earlier_comparison_that_did_not_pass_is_reported(tmp_path: Path) -> None:
    result = example.passing()
    _kept(result, tmp_path / "one")
    _kept(result, tmp_path / "two", "fail")
    _kept(result, tmp_path / "three", "pass")
    found = repeat_caution(result, tmp_path / "now")
    assert found is not None
    assert found.code == CautionKind.REPEATED.code
    assert "did not pass 2 times before under this scenario (1 fail and 1 inconclusive)" in found.message


@pytest.mark.parametrize("changed", [{"scenario_digest": "sha256:other"}, {"status": "interrupted"}, {"models": {}}])
def test_another_comparison_and_one_that_did_not_end_do_not_count(tmp_path: Path, changed: dict[str, object]) -> None:
    _kept(example.passing(), tmp_path / "one", changed=changed)
    assert repeat_caution(example.passing(), tmp_path / "now") is None


def test_its_own_directory_and_files_that_are_no_results_do_not_count(tmp_path: Path) -> None:
    result = example.passing()
    _kept(result, tmp_path / "now")
    for number, text in enumerate(("", "[]", "{}", '{"scenario_digest": 1, "models": 2}')):
        (tmp_path / f"no{number}").mkdir()
        (tmp_path / f"no{number}" / document.FILE_NAME).write_text(text)
    assert repeat_caution(result, tmp_path / "now") is None
    assert repeat_caution(result, tmp_path / "not" / "there") is None
