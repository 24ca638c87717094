from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
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
    for name in ("9", "10", "2", "latest", "99999999999999999999", "-11", "1e3", "11.0", "12 ", "٣"):
        write_model(tmp_path / "base" / name)
    (tmp_path / "base" / "tmp-11").mkdir()  # still being written
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
    (tmp_path / "variables").mkdir()
    (tmp_path / "m.onnx").write_bytes(b"")
    for path in (tmp_path, tmp_path / "m.onnx"):
        with pytest.raises(UsageError, match="is not a model"):
            locate(str(path), tmp_path)


@pytest.mark.parametrize("name", ["m.h5", "m.hdf5", "m.keras"])
@pytest.mark.parametrize(
    ("attributes", "problem", "remedy"),
    [
        (
            {"keras_version": "3.5.0", "model_config": "{}"},
            "is an HDF5 file of Keras 3.5.0",
            "convert it: tf.keras.models.load_model({!r}).save('m.keras')",
        ),
        (
            {"keras_version": b"2.3.1", "model_config": b"{}"},
            "is an HDF5 file of Keras 2.3.1",
            "pip install tf_keras, then tf_keras.models.load_model({!r}, compile=False).save('m', save_format='tf')",
        ),
        ({"model_config": "{}"}, "is an HDF5 file of Keras 2", "pip install tf_keras"),
        ({"keras_version": "3.5.0"}, "contains weights without their model", "load_weights({!r})"),
    ],
)
def test_an_hdf5_file_raises_with_conversion_steps(
    tmp_path: Path, name: str, attributes: dict[str, str | bytes], problem: str, remedy: str
) -> None:
    """Based on published ones: of five, one could be converted by the advice given before."""
    with h5py.File(tmp_path / name, "w") as file:
        file.attrs.update(attributes)
    with pytest.raises(UsageError, match=problem) as caught:
        locate(str(tmp_path / name), tmp_path)
    assert remedy.format(name) in caught.value.remedy


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + bytes(2000)])
def test_a_damaged_hdf5_file_is_no_model(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.h5").write_bytes(content)
    with pytest.raises(UsageError, match="is not a model"):
        locate(str(tmp_path / "m.h5"), tmp_path)


def _empty(path: Path) -> None:
    path.mkdir()


def _variables_only(path: Path) -> None:
    (path / "variables").mkdir(parents=True)


def _file(path: Path) -> None:
    path.write_text("")


def _broken_link(path: Path) -> None:
    path.symlink_to(path.parent / "gone")


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (_empty, "has no saved_model.pb"),
        (_variables_only, "has no saved_model.pb"),
        (_file, "is not a directory"),
        (_broken_link, "is a broken link"),
    ],
)
@pytest.mark.parametrize("name", ["4", "9", "0004"])
def test_a_newest_version_that_is_not_complete_is_refused(
    tmp_path: Path, write_model: WriteModel, make: Callable[[Path], None], what: str, name: str
) -> None:
    """TF-Serving counts every child whose name is a number (IndexChildrenByVersion), and fails to load it."""
    for number in (1, 2, 3):
        write_model(tmp_path / str(number))
    make(tmp_path / name)
    with pytest.raises(UsageError) as caught:
        locate(str(tmp_path), tmp_path)
    assert str(caught.value) == f"version {int(name)} of {tmp_path} is not complete: {tmp_path / name} {what}"
    assert caught.value.remedy.endswith(f"to measure the previous version, use {tmp_path / '3'}")
    assert locate(str(tmp_path / "3"), tmp_path) == Location(tmp_path / "3", 3)


def test_an_older_version_that_is_not_complete_is_none_of_our_business(tmp_path: Path, write_model: WriteModel) -> None:
    write_model(tmp_path / "3")
    (tmp_path / "2").mkdir()
    assert locate(str(tmp_path), tmp_path).version == 3


@pytest.mark.parametrize(("form", "remedy"), [("saved_model.pbtxt", "convert it"), ("saved_model.cpb", "2 GiB")])
@pytest.mark.parametrize("below", ["", "2"])
def test_other_forms_that_tensorflow_loads_are_refused_by_name(
    tmp_path: Path, write_model: WriteModel, form: str, remedy: str, below: str
) -> None:
    """Source: tensorflow/cc/saved_model/reader.cc."""
    if below:
        write_model(tmp_path / "1")
    (tmp_path / below).mkdir(exist_ok=True)
    (tmp_path / below / form).write_text("")
    with pytest.raises(UsageError, match=form) as caught:
        locate(str(tmp_path), tmp_path)
    assert remedy in caught.value.remedy


def test_a_link_has_the_number_that_it_is_named_by(tmp_path: Path, write_model: WriteModel) -> None:
    store = write_model(tmp_path / "store" / "abc")
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "5").symlink_to(store)
    (tmp_path / "latest").symlink_to(tmp_path / "base" / "5")
    (tmp_path / "6").symlink_to(tmp_path / "base" / "5")
    for given, version in (("base", 5), ("base/5", 5), ("latest", 5), ("6", 6), ("store/abc", 1)):
        assert locate(str(tmp_path / given), tmp_path) == Location(store, version), given


def test_a_graph_beside_versions_is_passed_over_as_tf_serving_does(tmp_path: Path, write_model: WriteModel) -> None:
    write_model(tmp_path / "base")
    for name in ("0001", "1"):
        write_model(tmp_path / "base" / name)
    assert locate(str(tmp_path / "base"), tmp_path) == Location(tmp_path / "base" / "1", 1)


def test_a_mistyped_path_suggests_the_model_next_to_it(tmp_path: Path, write_model: WriteModel) -> None:
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


def test_directories_named_like_versions_are_no_model_to_suggest(tmp_path: Path) -> None:
    (tmp_path / "reports" / "20261130").mkdir(parents=True)
    for given in (tmp_path, tmp_path / "report"):
        with pytest.raises(UsageError) as caught:
            locate(str(given), tmp_path)
        assert caught.value.remedy.startswith("a model is a directory with saved_model.pb")


def test_a_directory_of_models_lists_the_models_in_it(tmp_path: Path, write_model: WriteModel) -> None:
    for number in range(1, 6):
        write_model(tmp_path / f"v{number}")
    with pytest.raises(UsageError, match="is not a model") as caught:
        locate(str(tmp_path), tmp_path)
    named = ", ".join(f"{tmp_path}/v{number}" for number in range(1, 5))
    assert caught.value.remedy == f"choose one of the models in it (versions are whole numbers): {named}, ..."
