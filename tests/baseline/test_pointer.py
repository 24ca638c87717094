"""The pointer beside other writers, whose steps are forced between those of ours."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfgate.baseline import pointer
from perfgate.baseline.place import StoreLocation
from perfgate.baseline.record import Record
from perfgate.baseline.store import Store
from perfgate.errors import UsageError

MakeRecord = Callable[..., Record]
OLD, NEW, NEWEST = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"


@pytest.fixture(params=["memory", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "memory":
        return f"memory://pointer-{tmp_path.name}"
    return f"{request.getfixturevalue('bucket')}/perfgate"


class Interrupted(Store):
    """Lets another writer act once, between a certain listing of the records and what is done with it."""

    def __init__(self, url: str, meanwhile: Callable[[], object], listing: int = 1) -> None:
        super().__init__(url)
        self._meanwhile, self._listings = meanwhile, listing

    def ids(self, name: str) -> tuple[str, ...]:
        found = super().ids(name)
        self._listings -= 1
        if self._listings == 0:
            self._meanwhile()
        return found


def _pointers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of what is written to the pointer from now on, refused writes left out."""
    written: list[str] = []
    original = StoreLocation.replace

    def replace(self: StoreLocation, name: str, text: str, seen: Any) -> bool:
        if (done := original(self, name, text, seen)) and name.endswith("/current"):
            written.append(text.strip())
        return done

    monkeypatch.setattr(StoreLocation, "replace", replace)
    return written


@pytest.mark.slow  # 2 s: a server
@pytest.mark.parametrize("before", [(), (OLD,)], ids=["first", "later"])
def test_a_writer_with_an_old_list_does_not_win(
    url: str, before: tuple[str, ...], make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    for created in before:
        Store(url).add(make_record(created_utc=created), None)
    written = _pointers(monkeypatch)
    newest = make_record(created_utc=NEWEST)
    Interrupted(url, lambda: Store(url).add(newest, None)).add(make_record(created_utc=NEW), None)
    assert Store(url).pointer("prod") == newest.id
    assert len(Store(url).ids("prod")) == len(before) + 2
    if url.startswith("s3"):
        assert written == [newest.id], "conditional writes never move it back"


@pytest.mark.slow
@pytest.mark.parametrize("listing", [1, 2, 3])
def test_removing_beside_an_addition_leaves_a_pointer_to_what_remains(
    url: str, listing: int, make_record: MakeRecord
) -> None:
    doomed = Store(url).add(make_record(created_utc=OLD), None)
    newest = make_record(created_utc=NEWEST)
    Interrupted(url, lambda: Store(url).add(newest, None), listing).remove("prod", doomed.id)
    assert Store(url).pointer("prod") == newest.id
    assert Store(url).current("prod") == Store(url).get("prod", newest.id)


def test_a_pointer_that_cannot_be_settled_is_said(
    tmp_path: Path, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StoreLocation, "replace", lambda *_: False)
    monkeypatch.setattr(pointer, "_MOST_ROUNDS", 3)
    with pytest.raises(UsageError, match="prod/current does not keep what is written to it; all records are stored"):
        Store(str(tmp_path)).add(make_record(), None)
    assert len(Store(str(tmp_path)).ids("prod")) == 1
