from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from perfgate.baseline.record import Record
from perfgate.baseline.store import Store
from perfgate.baseline.verify import Verification, verify
from perfgate.errors import NoBaselineError

MakeRecord = Callable[..., Record]
HERE = {"cpu_model": "AMD EPYC", "cores": 2.0}


class Kept:
    """A store with one record and its model, and the result of checking it."""

    def __init__(self, root: Path, make_record: MakeRecord, model: Path, digest: Callable[[Path], str]) -> None:
        self.store, self.root, self._digest = Store(str(root / "store")), root, digest
        self.record = self.store.add(make_record(model_digest=digest(model)), model)
        self.file = root / "store" / "prod" / f"{self.record.id}.json"
        self.model = root / "store" / str(self.record.model.artifact)

    def check(self, name: str | None = None) -> Verification:
        return verify(self.store, name, HERE, self._digest, self.root / "scratch")

    def broken(self) -> str:
        (problem,) = self.check().broken
        return problem


@pytest.fixture
def kept(
    tmp_path: Path, make_record: MakeRecord, make_model: Callable[..., Path], digest: Callable[[Path], str]
) -> Kept:
    return Kept(tmp_path, make_record, make_model(tmp_path / "model"), digest)


def test_a_store_that_is_whole(kept: Kept, make_record: MakeRecord) -> None:
    kept.store.add(make_record(name="bare", run_id="r2"), None)
    found = kept.check()
    assert [(each.name, each.problem, each.model, each.environment) for each in found.records] == [
        ("bare", "", "numbers only", ""), ("prod", "", "copy", ""),
    ]  # fmt: skip
    assert (found.broken, found.notes) == ((), ())


def test_an_empty_store_is_whole(tmp_path: Path) -> None:
    empty = verify(Store(str(tmp_path / "none")), None, HERE, lambda _: "", tmp_path)
    assert empty == Verification(())


def test_a_name_without_records_is_no_baseline(kept: Kept) -> None:
    with pytest.raises(NoBaselineError, match="no baseline live"):
        kept.check("live")


def test_a_record_cut_short_is_named_with_its_remedy(kept: Kept) -> None:
    kept.file.write_text(kept.file.read_text(encoding="utf-8")[:40], encoding="utf-8")
    assert kept.broken().startswith(f"prod/{kept.record.id}: {kept.file}: invalid baseline record")
    assert "perfgate baseline rm NAME --id ID" in kept.broken()
    assert kept.check().notes == (), "which models it needs nobody knows"


def test_a_record_under_another_s_id_is_named(kept: Kept) -> None:
    kept.file.rename(kept.file.with_name("20260101T000000.000Z-aaaaaaaaaaaa.json"))
    problems = kept.check().broken
    assert f"contains record prod/{kept.record.id}" in problems[0]
    assert problems[1].startswith("prod/current points to no record of prod")


def test_a_model_that_is_gone_or_changed_is_named_once_for_each_record(kept: Kept, make_record: MakeRecord) -> None:
    again = kept.store.add(make_record(model_digest=kept.record.model.digest, run_id="r2"), kept.model)
    (kept.model / "saved_model.pb").write_text("another", encoding="utf-8")
    problems = kept.check().broken
    assert {problem.partition(": ")[0] for problem in problems} == {f"prod/{kept.record.id}", f"prod/{again.id}"}
    assert all("the stored model has changed" in problem for problem in problems)
    shutil.rmtree(kept.model)
    assert all("is missing" in problem for problem in kept.check().broken)


def test_each_model_is_read_once_however_many_records_refer_to_it(kept: Kept, make_record: MakeRecord) -> None:
    kept.store.add(make_record(model_digest=kept.record.model.digest, run_id="r2"), kept.model)
    read: list[Path] = []

    def digest(path: Path) -> str:
        read.append(path)
        return kept.record.model.digest

    assert not verify(kept.store, None, HERE, digest, kept.root / "scratch").broken
    assert read == [kept.model]


@pytest.mark.parametrize("artifact", ["/nowhere/model", "memory://nowhere/model", "unknown-scheme://x/model"])
def test_a_model_elsewhere_that_is_gone_is_named(artifact: str, kept: Kept, make_record: MakeRecord) -> None:
    kept.store.add(make_record(name="pointed", artifact=artifact), None)
    assert kept.broken().startswith("pointed/")
    assert artifact in kept.broken()


def test_a_dangling_pointer_is_broken_and_a_missing_or_old_one_is_reported(kept: Kept, make_record: MakeRecord) -> None:
    pointer = kept.file.with_name("current")
    pointer.write_text("20990101T000000.000Z-000000000000\n", encoding="utf-8")
    assert kept.broken().startswith("prod/current points to no record of prod")
    pointer.unlink()
    assert kept.check().notes == ("prod has no pointer `current`; the newest record is used",)
    newer = kept.store.add(make_record(created_utc="2027-01-01T00:00:00Z", run_id="r2"), None)
    pointer.write_text(kept.record.id, encoding="utf-8")
    assert kept.check().notes == (f"prod/current points to {kept.record.id}, and {newer.id} is newer",)
    assert not kept.check().broken


def test_unreferenced_models_and_unfinished_files_are_reported(kept: Kept) -> None:
    for name in ("artifacts/" + "ef" * 32 + "/saved_model.pb", ".tmp/cut-short"):
        file = kept.root / "store" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x", encoding="utf-8")
    found = kept.check()
    assert not found.broken
    assert found.notes[0].startswith("artifacts/" + "ef" * 32 + ": no record refers to this model")
    assert found.notes[1].startswith("1 unfinished file")
    assert kept.check("prod").notes == (), "a name alone does not tell what others need"


def test_another_environment_is_reported_but_is_no_error(kept: Kept) -> None:
    found = verify(kept.store, None, {**HERE, "cores": 8.0}, lambda _: kept.record.model.digest, kept.root)
    assert [each.environment for each in found.records] == ["cores 2 then, 8 now"]
    assert not found.broken


def test_a_store_elsewhere_is_checked_on_a_copy_of_its_own(
    tmp_path: Path, make_record: MakeRecord, make_model: Callable[..., Path], digest: Callable[[Path], str]
) -> None:
    model = make_model(tmp_path / "model")
    store = Store("memory://verified")
    record = store.add(make_record(model_digest=digest(model)), model)
    assert not verify(store, None, HERE, digest, tmp_path / "1").broken
    store._place.write(f"{record.model.artifact}/saved_model.pb", "another")
    (problem,) = verify(store, None, HERE, digest, tmp_path / "2").broken
    assert "the stored model has changed" in problem
