from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pyarrow.parquet as pq
import pytest

from perfgate.baseline.place import StoreLocation
from perfgate.errors import UsageError
from perfgate.results.runs import index, reading
from perfgate.results.runs.index import FILE_NAME, Index, Runs
from perfgate.results.runs.interface import Place
from perfgate.results.runs.local import LocalPlace
from perfgate.results.runs.places import place_of
from perfgate.results.runs.remote import RemotePlace
from tests.results.runs.stored import tree, write


def _silent(_done: int, _total: int) -> None: ...


@pytest.fixture(autouse=True)
def _everything_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_FEW", 0)


def _runs(place: Place | Path, cache: Path, columns: tuple[str, ...] = ("run_id", "directory")) -> Runs:
    where = LocalPlace(str(place)) if isinstance(place, Path) else place
    return Index(where, cache).runs(columns, 1, _silent)


def _ids(runs: Runs) -> list[str]:
    return sorted(runs.table["run_id"].to_pylist())


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    for name in ("a", "b", "gates/ranker/1", "gates/ranker/2"):
        write(tmp_path / "reports" / name, run_id=name)
    return tmp_path / "reports"


def test_runs_are_found_at_any_depth_and_read_once(reports: Path, tmp_path: Path) -> None:
    first = _runs(reports, tmp_path)
    assert _ids(first) == ["a", "b", "gates/ranker/1", "gates/ranker/2"]
    assert first.read == 4
    again = _runs(reports, tmp_path)
    assert (again.read, _ids(again)) == (0, _ids(first))
    assert sorted(again.table["directory"].to_pylist()) == _ids(first)


def test_what_only_looks_like_a_run_is_not_one(reports: Path, tmp_path: Path) -> None:
    write(reports / "a" / "inside", run_id="inside a run")
    write(reports / ".hidden" / "c")
    (reports / "latest").symlink_to("a")
    (reports / "gone").symlink_to("nowhere")
    write(reports / "planned" / "scale" / "width=8" / "0", run_id="a size that was tried")
    (reports / "planned" / "plan.json").write_text("{}")
    (reports / "file").write_text("")
    assert len(_runs(reports, tmp_path).table) == 4
    write(reports / "planned" / "other", run_id="beside a plan")
    write(reports / "scale", run_id="a name like any other")
    assert len(_runs(reports, tmp_path).table) == 6


def test_a_run_itself_is_a_place(reports: Path, tmp_path: Path) -> None:
    found = _runs(reports / "a", tmp_path)
    assert (_ids(found), found.table["directory"].to_pylist()) == (["a"], [""])


def test_only_changes_are_read(reports: Path, tmp_path: Path) -> None:
    _runs(reports, tmp_path)
    write(reports / "a", run_id="changed")
    shutil.rmtree(reports / "b")
    write(reports / "c")
    found = _runs(reports, tmp_path)
    assert (found.read, _ids(found)) == (2, ["c", "changed", "gates/ranker/1", "gates/ranker/2"])
    assert _runs(reports, tmp_path).read == 0


def test_a_file_of_the_same_size_is_read_again_if_its_time_differs(reports: Path, tmp_path: Path) -> None:
    _runs(reports, tmp_path)
    write(reports / "a", run_id="z")
    os.utime(reports / "a" / "result.json", ns=(1, 1))
    assert "z" in _ids(_runs(reports, tmp_path))


def test_few_changes_are_shown_but_not_stored(reports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _runs(reports, tmp_path)
    monkeypatch.setattr(index, "_FEW", 2)
    before = (reports / FILE_NAME).read_bytes()
    write(reports / "c")
    shutil.rmtree(reports / "b")
    for _ in range(2):
        found = _runs(reports, tmp_path)
        assert (found.read, "c" in _ids(found), "b" in _ids(found)) == (1, True, False)
    assert (reports / FILE_NAME).read_bytes() == before


def test_broken_files_are_named_and_remembered(reports: Path, tmp_path: Path) -> None:
    write(reports / "broken", "{")
    write(reports / "foreign", "{}")
    (reports / "folder" / "result.json").mkdir(parents=True)
    for read in (7, 0):
        found = _runs(reports, tmp_path)
        assert found.read == read
        assert found.unreadable == (
            ("broken", "not JSON"), ("folder", "Is a directory"), ("foreign", "not a perfgate result")
        )  # fmt: skip
        assert len(found.table) == 4


@pytest.mark.parametrize("damage", [b"", b"PAR1 nothing PAR1", None])
def test_a_damaged_index_is_made_again(reports: Path, tmp_path: Path, damage: bytes | None) -> None:
    _runs(reports, tmp_path)
    whole = (reports / FILE_NAME).read_bytes()
    (reports / FILE_NAME).write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert _runs(reports, tmp_path).read == 4
    assert _runs(reports, tmp_path).read == 0


def test_an_index_of_another_version_is_made_again(
    reports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _runs(reports, tmp_path)
    monkeypatch.setattr(index, "VERSION", b"2")
    assert _runs(reports, tmp_path).read == 4
    table = pq.read_table(reports / FILE_NAME)
    pq.write_table(table.drop(["headline"]), reports / FILE_NAME)
    assert _runs(reports, tmp_path).read == 4


def test_the_cache_has_the_index_of_a_place_that_is_read_only(
    reports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    cache = tmp_path / "cache"
    _runs(reports, cache)
    write(reports / "c")
    with monkeypatch.context() as patch:
        patch.setattr(LocalPlace, "write", refused)
        assert _runs(reports, cache).read == 1
        assert _runs(reports, cache).read == 0
    write(reports / "d")
    assert _runs(reports, cache).read == 1
    assert list(cache.rglob("*.parquet")) == []
    assert _runs(reports, cache).read == 0


def test_no_index_can_be_written_anywhere(reports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(LocalPlace, "write", refused)
    monkeypatch.setattr(index, "write_whole", refused)
    assert len(_runs(reports, tmp_path).table) == 4


def test_another_process_may_update_the_index_meanwhile(reports: Path, tmp_path: Path) -> None:
    _runs(reports, tmp_path)
    write(reports / "c")
    shutil.rmtree(reports / "b")

    def other(_done: int, _total: int) -> None:
        shutil.rmtree(reports / "a")
        write(reports / "d")
        assert _ids(_runs(reports, tmp_path)) == ["c", "d", "gates/ranker/1", "gates/ranker/2"]

    mine = Index(LocalPlace(str(reports)), tmp_path).runs(("run_id",), 1, other)
    assert _ids(mine) == ["a", "c", "gates/ranker/1", "gates/ranker/2"]
    assert _ids(_runs(reports, tmp_path)) == ["c", "d", "gates/ranker/1", "gates/ranker/2"]


def test_what_was_read_before_an_interrupt_is_kept(
    reports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(done: int, _total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(reading, "_AT_ONCE", 1)
    with pytest.raises(KeyboardInterrupt):
        Index(LocalPlace(str(reports)), tmp_path).runs(("run_id",), 1, interrupt)
    assert _runs(reports, tmp_path).read == 1


@pytest.mark.slow
def test_many_are_read_by_several_processes(reports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(reports / "broken", "{")
    expected = _runs(reports, tmp_path / "one", columns=("run_id", "metrics"))
    (reports / FILE_NAME).unlink()
    monkeypatch.setattr(reading, "WORTH_PROCESSES", 1)
    monkeypatch.setattr(reading, "_AT_ONCE", 1)
    steps: list[tuple[int, int]] = []
    found = Index(LocalPlace(str(reports)), tmp_path).runs(("run_id", "metrics"), 2, lambda *step: steps.append(step))
    assert found.table.sort_by("run_id").equals(expected.table.sort_by("run_id"))
    assert (found.read, found.unreadable) == (5, expected.unreadable)
    assert steps == [(done, 5) for done in range(1, 6)]


@pytest.fixture
def remote() -> Iterator[Place]:
    files = fsspec.filesystem("memory")
    for name in ("a", "gates/ranker/1", "a/inside", ".hidden/x", "planned/scale/0", "scale"):
        files.pipe(f"/runs/{name}/result.json", json.dumps(tree(run_id=name)).encode())
    files.pipe("/runs/planned/plan.json", b"{}")
    files.pipe("/runs/broken/result.json", b"{")
    files.pipe("/runs/a/report.html", b"")
    yield place_of("memory://runs")
    files.rm("/runs", recursive=True)


def test_a_url_is_a_place(remote: Place, tmp_path: Path) -> None:
    first = _runs(remote, tmp_path)
    assert (_ids(first), first.read) == (["a", "gates/ranker/1", "scale"], 4)
    assert first.unreadable == (("broken", "not JSON"),)
    assert _runs(remote, tmp_path).read == 0
    fsspec.filesystem("memory").pipe("/runs/a/result.json", json.dumps(tree(run_id="z")).encode())
    again = _runs(remote, tmp_path)
    assert (_ids(again), again.read) == (["gates/ranker/1", "scale", "z"], 1)
    assert remote.shown("a") == "memory://runs/a"


def test_what_cannot_be_listed_is_said_in_a_line(
    remote: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoCredentialsError(Exception):
        pass

    def refused(*_: object, **__: object) -> None:
        raise NoCredentialsError("none\nfound")

    with monkeypatch.context() as patch:
        patch.setattr(fsspec.get_filesystem_class("memory"), "find", refused)
        with pytest.raises(UsageError, match="cannot list memory://runs: NoCredentialsError: none found"):
            _runs(remote, tmp_path)


def test_a_url_that_cannot_be_written_is_indexed_in_the_cache(
    remote: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise ValueError

    monkeypatch.setattr(fsspec.get_filesystem_class("memory"), "pipe_file", refused)
    assert [_runs(remote, tmp_path).read for _ in range(2)] == [4, 0]


def test_an_endpoint_that_does_not_answer_is_given_up_as_soon_as_for_a_store() -> None:
    pytest.importorskip("s3fs")
    place, store = RemotePlace("s3://bucket/runs"), StoreLocation("s3://bucket/runs")
    assert place._fs.config_kwargs == store._fs.config_kwargs
    assert place._fs.config_kwargs["read_timeout"] <= 30
    assert place._fs.retries == store._fs.retries == 2
