from __future__ import annotations

from pathlib import Path

import pytest

from perfgate.whole_file import naming, write_whole


def test_text_and_bytes_are_written_with_their_directory(tmp_path: Path) -> None:
    path = tmp_path / "new" / "page.html"
    assert write_whole(path, "5 µs\n") == path
    assert path.read_bytes() == b"5 \xc2\xb5s\n"
    write_whole(path, b"\x00")
    assert path.read_bytes() == b"\x00"
    assert [each.name for each in path.parent.iterdir()] == ["page.html"]


def test_a_full_disk_names_the_file_and_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_whole(tmp_path / "result.json", "old")

    def fills_the_disk(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:3])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fills_the_disk)
    with pytest.raises(OSError, match=r"No space left on device: '.*/result.json'"):
        write_whole(path, "new and longer")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_keeps_its_kind() -> None:
    with pytest.raises(PermissionError) as caught, naming(Path("history.jsonl")):
        raise PermissionError(13, "Permission denied", "elsewhere")
    assert (caught.value.filename, caught.value.errno) == ("history.jsonl", 13)
