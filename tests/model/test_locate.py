from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from perfgate.errors import UsageError
from perfgate.model.digest import file_sha256
from perfgate.model.locate import Location, locate

WriteModel = Callable[..., Path]


def test_a_saved_model_directory_is_itself(tmp_path: Path, write_model: WriteModel) -> None:
    directory = write_model(tmp_path / "m")
    assert locate(str(directory), tmp_path) == Location(directory, 1)


@pytest.mark.parametrize(("name", "version"), [("7", 7), ("0", 0), ("v7", 1), ("٣", 1)])
def test_a_version_directory_keeps_its_number(tmp_path: Path, write_model: WriteModel, name: str, version: int) -> None:
    assert locate(str(write_model(tmp_path / name)), tmp_path).version == version


def test_of_a_base_path_the_highest_number_wins(tmp_path: Path, write_model: WriteModel) -> None:
    for name in ("9", "10", "2", "latest", "99999999999999999999", "-11"):
        write_model(tmp_path / "base" / name)
    (tmp_path / "base" / "11").mkdir()  # being written: no saved_model.pb yet
    assert locate(str(tmp_path / "base"), tmp_path) == Location(tmp_path / "base" / "10", 10)


def test_a_relative_path_becomes_absolute(
    tmp_path: Path, write_model: WriteModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write_model(tmp_path / "3"))
    assert locate(".", tmp_path) == Location(tmp_path / "3", 3)


def test_a_keras_file_that_was_exported_is_not_exported_again(tmp_path: Path) -> None:
    file = tmp_path / "m.keras"
    file.write_bytes(b"archive")
    export = tmp_path / "cache" / file_sha256(file)
    export.mkdir(parents=True)
    assert locate(str(file), tmp_path / "cache") == Location(export, 1)


def test_a_path_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"/m\.keras does not exist") as caught:
        locate(str(tmp_path / "m.keras"), tmp_path)
    for looked_for in ("saved_model.pb", "<number>/", ".keras"):
        assert looked_for in caught.value.remedy


def test_a_path_that_is_no_model_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "m.h5").write_bytes(b"")
    for path in (tmp_path, tmp_path / "m.h5"):
        with pytest.raises(UsageError, match="is no model"):
            locate(str(path), tmp_path)


def test_a_mistyped_path_is_told_the_model_beside_it(tmp_path: Path, write_model: WriteModel) -> None:
    for name in ("ranker/v1", "ranker/v2", "base/1"):
        write_model(tmp_path / name)
    said = {}
    for given in ("ranker/V2", "bas", "nowhere/v2"):
        with pytest.raises(UsageError, match="does not exist") as caught:
            locate(str(tmp_path / given), tmp_path)
        said[given] = caught.value.remedy
    assert said["ranker/V2"] == f"did you mean {tmp_path}/ranker/v2?"
    assert said["bas"] == f"did you mean {tmp_path}/base?"
    assert "saved_model.pb" in said["nowhere/v2"]


def test_a_directory_of_models_is_told_which_it_holds(tmp_path: Path, write_model: WriteModel) -> None:
    for number in range(1, 6):
        write_model(tmp_path / f"v{number}")
    with pytest.raises(UsageError, match="is no model") as caught:
        locate(str(tmp_path), tmp_path)
    named = ", ".join(f"{tmp_path}/v{number}" for number in range(1, 5))
    assert caught.value.remedy == f"name one of the models in it: {named}, ..."
