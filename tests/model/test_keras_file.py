from __future__ import annotations

import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from perfgate.errors import InvalidRunError
from perfgate.model.digest import file_sha256
from perfgate.model.keras_file import exported


@pytest.fixture
def keras_file(tmp_path: Path) -> Path:
    file = tmp_path / "m.keras"
    file.write_bytes(b"one")
    return file


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "not" / "yet"


def _writes(text: str, calls: list[Path]) -> Callable[[Path, Path], None]:
    def export(source: Path, destination: Path) -> None:
        calls.append(source)
        destination.mkdir()
        (destination / "saved_model.pb").write_text(text)

    return export


def test_a_file_is_exported_once_for_its_content(keras_file: Path, cache: Path) -> None:
    calls: list[Path] = []
    first = exported(keras_file, cache, _writes("a", calls))
    assert first == cache / file_sha256(keras_file)
    assert exported(keras_file, cache, _writes("b", calls)) == first
    assert (first / "saved_model.pb").read_text() == "a"
    keras_file.write_bytes(b"two")
    second = exported(keras_file, cache, _writes("c", calls))
    assert calls == [keras_file, keras_file]
    assert {entry.name for entry in cache.iterdir()} == {first.name, second.name}


def test_a_failed_export_leaves_nothing(keras_file: Path, cache: Path) -> None:
    def export(_: Path, destination: Path) -> None:
        destination.mkdir()
        (destination / "half").touch()
        raise InvalidRunError("no")

    with pytest.raises(InvalidRunError):
        exported(keras_file, cache, export)
    assert list(cache.iterdir()) == []


def test_a_race_is_lost_in_peace(keras_file: Path, cache: Path) -> None:
    def export(source: Path, destination: Path) -> None:
        _writes("slow", [])(source, destination)
        exported(source, cache, _writes("fast", []))

    assert (exported(keras_file, cache, export) / "saved_model.pb").read_text() == "fast"


def test_a_failed_rename_is_not_hidden(keras_file: Path, cache: Path) -> None:
    with pytest.raises(FileNotFoundError):
        exported(keras_file, cache, lambda *_: None)


@pytest.mark.live
def test_what_keras_cannot_read_is_one_line(keras_file: Path, cache: Path) -> None:
    with pytest.raises(InvalidRunError, match=r"m\.keras cannot be exported: \w+Error: ") as caught:
        exported(keras_file, cache)
    assert "\n" not in caught.value.problem
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(
    ("metadata", "remedy"),
    [
        ({"keras_version": "2.15.0"}, "pip install tf_keras"),
        ({"keras_version": "3.5.0"}, "a model with custom classes"),
        ({}, "a model with custom classes"),
        (None, "a model with custom classes"),
    ],
)
def test_a_file_of_an_older_keras_raises_with_conversion_steps(
    keras_file: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, metadata: dict[str, str] | None, remedy: str
) -> None:
    """In one readable line: Keras itself shows the whole configuration."""
    if metadata is not None:
        with zipfile.ZipFile(keras_file, "w") as packed:
            packed.writestr("metadata.json", json.dumps(metadata))
    said = f"x\nTypeError: Could not locate class. Full object config: {'a' * 5000} the end"
    done = subprocess.CompletedProcess([], 1, "", said)
    monkeypatch.setattr("perfgate.model.keras_file.subprocess.run", lambda *_, **__: done)
    with pytest.raises(InvalidRunError) as caught:
        exported(keras_file, cache)
    assert remedy in caught.value.remedy
    assert caught.value.problem.endswith("the end")
    assert len(caught.value.problem) < 300 + len(str(keras_file)) + 30
