import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from perfgate.baseline.record import Record
from perfgate.baseline.store import Store
from perfgate.errors import NoBaselineError, UsageError

MakeRecord = Callable[..., Record]
MakeModel = Callable[..., Path]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def _at(second: int) -> str:
    return f"2026-02-03T04:05:{second:02d}Z"


def test_what_is_added_is_current_and_listed(store: Store, make_record: MakeRecord) -> None:
    old = store.add(make_record(created_utc=_at(1)), None)
    new = store.add(make_record(created_utc=_at(2)), None)
    other = store.add(make_record(name="canary"), None)
    assert store.current("prod") == new
    assert store.list() == (other, old, new)
    assert store.names() == ("canary", "prod")


def test_the_newest_is_current_in_whatever_order_records_came(store: Store, make_record: MakeRecord) -> None:
    new = store.add(make_record(created_utc=_at(2)), None)
    store.add(make_record(created_utc=_at(1)), None)
    assert store.current("prod") == new


def test_current_of_a_scenario_passes_newer_ones_of_others_by(store: Store, make_record: MakeRecord) -> None:
    wanted = store.add(make_record(created_utc=_at(1), scenario_digest="sha256:1"), None)
    store.add(make_record(created_utc=_at(2), scenario_digest="sha256:2"), None)
    assert store.current("prod", "sha256:1") == wanted


def test_files_lie_where_the_page_says(store: Store, tmp_path: Path, make_record: MakeRecord) -> None:
    record = store.add(make_record(), None)
    assert (tmp_path / "store" / "prod" / f"{record.id}.json").is_file()
    assert (tmp_path / "store" / "prod" / "current").read_text(encoding="utf-8") == f"{record.id}\n"


@pytest.mark.parametrize("pointer", [None, "", "nonsense", "../../etc", "20260203T040506.000Z-000000000000"])
def test_a_lost_or_dangling_pointer_does_not_matter(
    store: Store, tmp_path: Path, make_record: MakeRecord, pointer: str | None
) -> None:
    record = store.add(make_record(), None)
    file = tmp_path / "store" / "prod" / "current"
    file.unlink()
    if pointer is not None:
        file.write_text(pointer, encoding="utf-8")
    assert store.current("prod") == record


def test_adding_the_same_record_again_changes_nothing(store: Store, make_record: MakeRecord) -> None:
    assert store.add(make_record(), None) == store.add(make_record(), None)
    assert len(store.list()) == 1


def test_a_stored_record_is_never_overwritten(store: Store, make_record: MakeRecord) -> None:
    kept = store.add(make_record(), None)
    with pytest.raises(UsageError, match="already stored with different content"):
        store.add(make_record(note="other"), None)
    assert store.list() == (kept,)


@pytest.mark.parametrize(
    "name", ["", "a/b", "../x", ".hidden", "-x", "artifacts", "Artifacts", "calibrations", "a b", "x\n"]
)
def test_names_that_are_none(store: Store, make_record: MakeRecord, name: str) -> None:
    with pytest.raises(UsageError, match="invalid baseline name"):
        store.add(make_record(name=name), None)
    with pytest.raises(UsageError, match="invalid baseline name"):
        store.current(name)
    with pytest.raises(UsageError, match="invalid baseline name"):
        store.remove(name)


def test_no_baseline_comes_with_the_command_that_records_one(store: Store, make_record: MakeRecord) -> None:
    store.add(make_record(name="canary"), None)
    with pytest.raises(NoBaselineError) as caught:
        store.current("prod", "sha256:1", scenario_name="ranking")
    assert caught.value.problem == f"no baseline prod in {store.url} (available: canary)"
    command = f"`perfgate baseline record MODEL --name prod --store {store.url} --scenario ranking`"
    assert command in caught.value.remedy


def test_no_record_of_this_scenario_says_of_which(store: Store, make_record: MakeRecord) -> None:
    store.add(make_record(), None)
    with pytest.raises(NoBaselineError, match="no record for this scenario, only for ranking"):
        store.current("prod", "sha256:1", scenario_name="audio")
    with pytest.raises(NoBaselineError, match="was recorded before scenario ranking was changed"):
        store.current("prod", "sha256:1", scenario_name="ranking")


def test_get_takes_an_id_or_a_part_of_one_only(store: Store, make_record: MakeRecord) -> None:
    first = store.add(make_record(created_utc=_at(1)), None)
    store.add(make_record(created_utc=_at(2)), None)
    assert store.get("prod", first.id) == first
    assert store.get("prod", first.id.partition("-")[2]) == first
    with pytest.raises(UsageError, match="2 records '20260203' of prod"):
        store.get("prod", "20260203")
    with pytest.raises(UsageError, match="no record 'zzz' of prod"):
        store.get("prod", "zzz")
    with pytest.raises(UsageError, match="no record '' of prod"):
        store.get("prod", "")
    with pytest.raises(NoBaselineError):
        store.get("canary", "2026")


def test_removing_moves_the_pointer_to_the_newest_that_remains(
    store: Store, tmp_path: Path, make_record: MakeRecord
) -> None:
    old, mid, new = (store.add(make_record(created_utc=_at(second)), None) for second in (1, 2, 3))
    assert store.remove("prod", new.id) == (new.id,)
    assert store.current("prod") == mid
    store.remove("prod", old.id)
    assert store.current("prod") == mid
    store.remove("prod")
    assert store.list() == ()
    assert not (tmp_path / "store" / "prod").exists()
    with pytest.raises(NoBaselineError):
        store.remove("prod")


def test_removing_leaves_files_that_are_not_the_store_s(store: Store, tmp_path: Path, make_record: MakeRecord) -> None:
    store.add(make_record(), None)
    notes = tmp_path / "store" / "prod" / "notes.md"
    notes.write_text("mine", encoding="utf-8")
    store.remove("prod")
    assert notes.is_file()
    assert store.names() == ()


def test_a_model_goes_with_the_last_record_that_refers_to_it(
    store: Store, tmp_path: Path, make_record: MakeRecord, make_model: MakeModel
) -> None:
    folder = make_model(tmp_path / "m")
    first = store.add(make_record(created_utc=_at(1)), folder)
    second = store.add(make_record(name="canary"), folder)
    assert first.model.artifact == second.model.artifact == "artifacts/" + "ab" * 32
    kept = tmp_path / "store" / str(first.model.artifact)
    store.remove("prod")
    assert kept.is_dir()
    store.remove("canary")
    assert not kept.exists()


def test_a_broken_record_is_named_and_can_be_removed(
    store: Store, tmp_path: Path, make_record: MakeRecord, make_model: MakeModel
) -> None:
    good = store.add(make_record(created_utc=_at(1)), make_model(tmp_path / "m"))
    bad = store.add(make_record(name="canary"), None)
    file = tmp_path / "store" / "canary" / f"{bad.id}.json"
    file.write_text("{", encoding="utf-8")
    with pytest.raises(UsageError, match=f"canary/{bad.id}.json: invalid baseline record"):
        store.list()
    store.remove("prod", good.id)
    assert (tmp_path / "store" / str(good.model.artifact)).is_dir(), "the broken record may need it"
    assert store.remove("canary", bad.id) == (bad.id,)
    assert store.list() == ()


def test_a_record_under_another_s_name_is_named(store: Store, tmp_path: Path, make_record: MakeRecord) -> None:
    record = store.add(make_record(), None)
    folder = tmp_path / "store" / "prod"
    moved = folder / record.id.replace("2026", "2027")
    (folder / f"{record.id}.json").rename(moved.with_name(f"{moved.name}.json"))
    with pytest.raises(UsageError, match=f"contains record prod/{record.id}"):
        store.list()


def test_a_crash_before_the_record_leaves_no_pointer_to_nothing(
    store: Store, tmp_path: Path, make_record: MakeRecord, make_model: MakeModel
) -> None:
    folder = make_model(tmp_path / "m")
    (folder / "variables" / "variables.index").unlink()
    (folder / "variables" / "variables.index").symlink_to(tmp_path / "gone")
    with pytest.raises(OSError, match=r"variables\.index"):
        store.add(make_record(), folder)
    assert store.list() == ()
    assert not list((tmp_path / "store" / ".tmp").iterdir())
    (tmp_path / "gone").write_text("weights", encoding="utf-8")
    stored = store.add(make_record(), folder)
    files = (tmp_path / "store" / str(stored.model.artifact)).rglob("*")
    assert sorted(file.name for file in files if file.is_file()) == ["saved_model.pb", "variables.index"]


def test_adding_at_once_loses_nothing(
    tmp_path: Path, make_record: MakeRecord, make_model: MakeModel, digest: Callable[[Path], str]
) -> None:
    folder = make_model(tmp_path / "m")
    records = [make_record(created_utc=_at(n), model_digest=digest(folder)) for n in range(8)]

    def add(record: Record) -> None:
        Store(str(tmp_path / "store")).add(record, folder)

    threads = [threading.Thread(target=add, args=(record,)) for record in records]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = Store(str(tmp_path / "store"))
    assert [record.id for record in store.list()] == [record.id for record in records]
    assert store.current("prod").id == records[-1].id
    assert digest(store.fetch_artifact(store.current("prod"), tmp_path / "cache")) == digest(folder)


def test_a_store_that_cannot_be_written_is_a_usage_error(tmp_path: Path, make_record: MakeRecord) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot write"):
        Store(str(tmp_path / "file" / "below")).add(make_record(), None)
    with pytest.raises(UsageError, match="is a file"):
        Store(str(tmp_path / "file"))


def test_unknown_schemes_are_usage_errors() -> None:
    with pytest.raises(UsageError, match="store what://x: "):
        Store("what://x")


def test_returned_records_are_those_that_are_read_later(store: Store, make_record: MakeRecord) -> None:
    added = store.add(replace(make_record(), environment={"load": 1 / 3}), None)
    assert added.environment == {"load": 0.333333}
    assert store.current("prod") == added
