from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import h5py
import pytest

from perfgate.errors import UsageError
from perfgate.sketch.source import sketch_of


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("ranker.toml", "ranker.py", "notes.txt", "text.keras"):
        (tmp_path / name).write_text(name)
    with zipfile.ZipFile(tmp_path / "m.keras", "w"):
        pass
    return tmp_path


def _error(given: str) -> tuple[str, str]:
    with pytest.raises(UsageError) as caught:
        sketch_of(given)
    return caught.value.problem, caught.value.remedy


@pytest.mark.parametrize(
    ("given", "kind", "file", "function"),
    [
        ("ranker.toml", "toml", "ranker.toml", ""),
        ("ranker.py", "python", "ranker.py", ""),
        ("ranker.py:small", "python", "ranker.py", "small"),
        ("m.keras", "keras", "m.keras", ""),
    ],
)
def test_three_forms_are_sketches(home: Path, given: str, kind: str, file: str, function: str) -> None:
    found = sketch_of(given)
    assert (found.given, found.kind, found.path, found.function) == (given, kind, home / file, function)
    assert found.digest == f"sha256:{hashlib.sha256((home / file).read_bytes()).hexdigest()}"


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("given", "problem", "remedy"),
    [
        ("ranke.toml", "ranke.toml: no such file", "did you mean ranker.toml?"),
        ("else/x.toml", "else/x.toml: no such file", "FILE.toml, FILE.py or FILE.py:FUNCTION, or FILE.keras"),
        ("rankr.py:small", "rankr.py: no such file", "did you mean ranker.py?"),
        ("notes.txt", "notes.txt is not a sketch", "FILE.toml, FILE.py or FILE.py:FUNCTION, or FILE.keras"),
        ("ranker.py:", "ranker.py:: '' is not the name of a function", "FILE.py:FUNCTION"),
        ("ranker.py:a b", "ranker.py:a b: 'a b' is not the name of a function", "FILE.py:FUNCTION"),
        ("text.keras", "text.keras is not a Keras file, which is a zip archive", "model.save('m.keras')"),
        (".", ". is a directory", "there are: m.keras, ranker.py, ranker.toml, text.keras"),
    ],
)
def test_anything_else_is_refused(given: str, problem: str, remedy: str) -> None:
    said, advised = _error(given)
    assert said == problem
    assert remedy in advised


@pytest.mark.parametrize("version", ["", "3"])
def test_a_saved_model_is_trained_already(home: Path, version: str) -> None:
    (home / "model" / version).mkdir(parents=True)
    (home / "model" / version / "saved_model.pb").touch()
    problem, remedy = _error("model")
    assert problem == "model is a trained model's SavedModel"
    assert remedy == "`perfgate run model --no-baseline` measures it"


@pytest.mark.parametrize("name", ["old.h5", "old.keras"])
def test_a_keras_hdf5_file_comes_with_how_to_convert_it(home: Path, name: str) -> None:
    with h5py.File(home / name, "w") as file:
        file.attrs["model_config"] = "{}"
        file.attrs["keras_version"] = "2.15.0"
    problem, remedy = _error(name)
    assert problem == f"{name} is an HDF5 file of Keras 2.15.0"
    assert "tf_keras" in remedy


@pytest.mark.usefixtures("home")
def test_what_cannot_be_read_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("perfgate.sketch.source.file_sha256", refuse)
    assert _error("ranker.toml")[0] == "ranker.toml: Permission denied"
