import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from perfgate.baseline.garbage import OLD_S, Collection, collect
from perfgate.baseline.place import StoreLocation
from perfgate.baseline.record import Record, to_json
from perfgate.baseline.store import Store

MakeRecord = Callable[..., Record]
MakeModel = Callable[..., Path]
NOW = datetime.now(UTC)
LATER = NOW + timedelta(seconds=2 * OLD_S)
LOST = "artifacts/" + "cd" * 32


class Kept:
    """A store with a record and its model, a model without a record, an unfinished file and a lonely pointer."""

    def __init__(self, root: Path, make_record: MakeRecord, model: Path) -> None:
        self.root = root / "store"
        self.store = Store(str(self.root))
        self.record = self.store.add(make_record(), model)
        for name in (f"{LOST}/saved_model.pb", ".tmp/0123", "gone/current", "plans/p/a.json", "mine/notes.md"):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text("12345", encoding="utf-8")

    def collect(self, now: datetime = LATER, *, dry_run: bool = False) -> Collection:
        return collect(str(self.root), OLD_S, now, dry_run=dry_run)

    def files(self) -> set[str]:
        return {str(file.relative_to(self.root)) for file in self.root.rglob("*") if file.is_file()}


@pytest.fixture
def kept(tmp_path: Path, make_record: MakeRecord, make_model: MakeModel) -> Kept:
    return Kept(tmp_path, make_record, make_model(tmp_path / "m"))


def test_what_nothing_refers_to_is_deleted_and_nothing_else(kept: Kept) -> None:
    before = kept.files()
    found = kept.collect()
    garbage = {f"{LOST}/saved_model.pb", ".tmp/0123", "gone/current"}
    assert before - kept.files() == garbage
    assert [(each.path, each.size_bytes) for each in found.deleted] == [
        (LOST, 5),
        (".tmp/0123", 5),
        ("gone/current", 5),
    ]
    assert not (kept.root / LOST).exists()
    assert found.kept == ()
    assert kept.collect() == Collection((), ())


def test_a_dry_run_finds_the_same_and_deletes_nothing(kept: Kept) -> None:
    before = kept.files()
    found = kept.collect(dry_run=True)
    assert kept.files() == before
    assert kept.collect() == found


def test_what_is_young_is_kept(kept: Kept) -> None:
    old = NOW.timestamp() - 2 * OLD_S
    os.utime(kept.root / ".tmp" / "0123", (old, old))
    found = kept.collect(NOW)
    assert [each.path for each in found.deleted] == [".tmp/0123"]
    assert [each.path for each in found.kept] == [LOST, "gone/current"]


def test_a_model_is_as_young_as_its_youngest_file(kept: Kept) -> None:
    (kept.root / LOST / "variables").write_text("", encoding="utf-8")
    old = NOW.timestamp() - 2 * OLD_S
    os.utime(kept.root / LOST / "saved_model.pb", (old, old))
    assert LOST in [each.path for each in kept.collect(NOW).kept]


def test_an_empty_folder_of_a_model_is_garbage(kept: Kept) -> None:
    (kept.root / LOST / "saved_model.pb").unlink()
    assert LOST in [each.path for each in kept.collect().deleted]
    assert not (kept.root / LOST).exists()


def test_beside_an_unreadable_record_no_model_is_deleted(kept: Kept) -> None:
    (kept.root / "prod" / f"{kept.record.id}.json").write_text("{", encoding="utf-8")
    found = kept.collect()
    assert f"prod/{kept.record.id}.json: invalid baseline record" in found.unreadable
    assert [each.path for each in found.deleted] == [".tmp/0123", "gone/current"]
    assert (kept.root / LOST).exists()


def test_a_storage_that_tells_no_times_keeps_all(
    tmp_path: Path, make_record: MakeRecord, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"memory://{tmp_path.name}"
    record = Store(url).add(make_record(), make_model(tmp_path / "m"))
    fsspec.filesystem("memory").rm(f"/{tmp_path.name}/prod", recursive=True)

    def refuse(*_: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(MemoryFileSystem, "modified", refuse)
    (found,) = collect(url, 1, LATER, dry_run=False).kept
    assert (found.path, found.age_s) == (record.model.artifact, None)


def test_a_record_added_while_the_others_are_read_keeps_its_model(
    kept: Kept, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a lock: the second writer comes between the reading of the records and the deleting."""
    late = make_record(created_utc="2026-05-05T00:00:00Z", run_id="late", artifact=LOST)
    original, records = Store.read, list[Record]()

    def read(self: Store, name: str, record_id: str) -> Record:
        if not records:
            records.append(late)
            folder = kept.root / "prod"
            (folder / f"{late.id}.json").write_text(to_json(late), encoding="utf-8")
        return original(self, name, record_id)

    monkeypatch.setattr(Store, "read", read)
    kept.collect()
    assert (kept.root / LOST).exists()


@pytest.mark.slow  # 1 s
def test_in_s3_a_model_that_is_used_again_becomes_young_and_complete(
    bucket: str, make_record: MakeRecord, make_model: MakeModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(tmp_path / "m")
    store = Store(bucket)
    artifact = str(store.add(make_record(), model).model.artifact)
    store.remove("prod")
    uploaded: list[str] = []
    original = StoreLocation.upload

    def upload(self: StoreLocation, source: Path, name: str) -> None:
        uploaded.append(name)
        original(self, source, name)

    monkeypatch.setattr(StoreLocation, "upload", upload)
    keep = Store._keep

    def deleted_meanwhile(self: Store, record: Record, text: str) -> None:
        assert uploaded == [f"{artifact}/saved_model.pb"], "the smallest file makes it young"
        assert [each.path for each in collect(bucket, 1, LATER, dry_run=False).deleted] == [artifact]
        keep(self, record, text)

    monkeypatch.setattr(Store, "_keep", deleted_meanwhile)
    store.add(make_record(), model)
    system = fsspec.filesystem("s3")
    assert len(system.find(f"{bucket}/{artifact}")) == 2
    assert collect(bucket, 1, LATER, dry_run=False) == Collection((), ())
