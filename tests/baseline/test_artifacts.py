from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from perfgate.baseline.artifacts import is_inside, reference
from perfgate.baseline.record import Record
from perfgate.baseline.store import Store
from perfgate.errors import InvalidRunError, NoBaselineError, UsageError

MakeRecord = Callable[..., Record]
MakeModel = Callable[..., Path]
Digest = Callable[[Path], str]


@pytest.fixture
def memory() -> Iterator[Store]:
    system = fsspec.filesystem("memory")
    yield Store("memory://artifacts-test/store")
    system.rm("/artifacts-test", recursive=True)


def test_references_are_made_of_digests_only() -> None:
    assert reference("sha256:" + "0f" * 32) == "artifacts/" + "0f" * 32
    for digest in ("sha256:../../x", "0f" * 32, "sha256:"):
        with pytest.raises(UsageError, match="not a model digest"):
            reference(digest)


def test_what_is_inside_the_store() -> None:
    assert is_inside("artifacts/0f")
    assert not is_inside("artifacts/../prod")
    assert not is_inside("s3://bucket/artifacts/0f")
    assert not is_inside(None)


def test_a_local_store_gives_its_own_directory(
    tmp_path: Path, make_record: MakeRecord, make_model: MakeModel, digest: Digest
) -> None:
    folder = make_model(tmp_path / "m")
    store = Store(str(tmp_path / "store"))
    record = store.add(make_record(model_digest=digest(folder)), folder)
    path = store.fetch_artifact(record, tmp_path / "cache", digest)
    assert path == tmp_path / "store" / str(record.model.artifact)
    assert digest(path) == digest(folder)
    assert not (tmp_path / "cache").exists()


def test_a_distant_store_is_copied_into_the_cache_once(
    memory: Store, tmp_path: Path, make_record: MakeRecord, make_model: MakeModel, digest: Digest
) -> None:
    folder = make_model(tmp_path / "m")
    record = memory.add(make_record(model_digest=digest(folder)), folder)
    path = memory.fetch_artifact(record, tmp_path / "cache", digest)
    assert path == tmp_path / "cache" / str(record.model.artifact)
    assert [file.name for file in path.parent.iterdir()] == [path.name], "no half download is left"
    memory.remove("prod")
    assert memory.fetch_artifact(record, tmp_path / "cache", digest) == path


def test_files_that_are_there_are_not_copied_again(
    tmp_path: Path, make_record: MakeRecord, make_model: MakeModel
) -> None:
    folder = make_model(tmp_path / "m")
    store = Store(str(tmp_path / "store"))
    kept = tmp_path / "store" / str(store.add(make_record(), folder).model.artifact) / "saved_model.pb"
    before = kept.stat().st_ino
    (kept.parent / "variables" / "variables.index").unlink()
    store.add(make_record(run_id="r2"), folder)
    assert kept.stat().st_ino == before
    assert (kept.parent / "variables" / "variables.index").is_file()


def test_a_changed_artifact_is_an_invalid_run(
    tmp_path: Path, make_record: MakeRecord, make_model: MakeModel, digest: Digest
) -> None:
    folder = make_model(tmp_path / "m")
    store = Store(str(tmp_path / "store"))
    record = store.add(make_record(model_digest=digest(folder)), folder)
    path = tmp_path / "store" / str(record.model.artifact)
    (path / "saved_model.pb").write_text("other", encoding="utf-8")
    assert store.fetch_artifact(record, tmp_path / "cache") == path
    with pytest.raises(InvalidRunError, match="the stored model has changed"):
        store.fetch_artifact(record, tmp_path / "cache", digest)


@pytest.mark.parametrize("artifact", [None, "artifacts/" + "cd" * 32, "/nowhere/model"])
def test_a_model_that_is_not_there(tmp_path: Path, make_record: MakeRecord, artifact: str | None) -> None:
    store = Store(str(tmp_path / "store"))
    record = store.add(make_record(artifact=artifact), None)
    with pytest.raises(NoBaselineError) as caught:
        store.fetch_artifact(record, tmp_path / "cache")
    command = f"`perfgate baseline record MODEL --name prod --store {store.url} --scenario ranking`"
    assert command in caught.value.remedy


@pytest.mark.parametrize("artifact", ["unknown-scheme://x/model", "memory://model"])
def test_an_unreachable_model_is_reported_as_missing(
    artifact: str, tmp_path: Path, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(MemoryFileSystem, "find", refuse)
    store = Store(str(tmp_path / "store"))
    record = store.add(make_record(artifact=artifact), None)
    with pytest.raises(NoBaselineError, match=f"cannot be reached: {artifact}: ") as caught:
        store.fetch_artifact(record, tmp_path / "cache")
    assert "\n" not in caught.value.problem


def test_a_distant_model_that_is_gone(memory: Store, tmp_path: Path, make_record: MakeRecord) -> None:
    record = memory.add(make_record(artifact="artifacts/" + "cd" * 32), None)
    with pytest.raises(NoBaselineError, match="is missing"):
        memory.fetch_artifact(record, tmp_path / "cache")


def test_models_outside_the_store_stay_where_they_are(
    memory: Store, tmp_path: Path, make_record: MakeRecord, make_model: MakeModel, digest: Digest
) -> None:
    folder = make_model(tmp_path / "m")
    path = memory.add(make_record(artifact=str(folder)), None)
    assert memory.fetch_artifact(path, tmp_path / "cache") == folder
    fsspec.filesystem("memory").put(str(folder), "/artifacts-test/elsewhere", recursive=True)
    url = "memory://artifacts-test/elsewhere"
    distant = memory.add(make_record(run_id="r2", artifact=url, model_digest=digest(folder)), None)
    assert digest(memory.fetch_artifact(distant, tmp_path / "cache")) == digest(folder)
    memory.remove("prod")
    assert folder.is_dir()
    assert fsspec.filesystem("memory").exists("/artifacts-test/elsewhere/saved_model.pb")


def test_a_directory_without_files_is_no_model(tmp_path: Path, make_record: MakeRecord) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no model files"):
        Store(str(tmp_path / "store")).add(make_record(), tmp_path / "empty")
