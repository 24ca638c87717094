from __future__ import annotations

from math import inf, nan
from pathlib import Path

from perfgate.fleet.history import FILE_NAME, append_history, read_history
from tests.fleet.answers import failing, history


def test_entries_come_back_in_their_order(tmp_path: Path) -> None:
    entries = history(failing())
    append_history(tmp_path, entries[:4])
    append_history(tmp_path, entries[4:])
    assert read_history(tmp_path) == entries
    assert read_history(tmp_path / "nowhere") == ()


def test_lines_that_are_no_entries_are_ignored_and_spoil_no_others(tmp_path: Path) -> None:
    entries = history(failing())
    append_history(tmp_path, entries)
    head = '{"utc": "a", "gate_id": "b", "verdict": "pass", "candidate": "", "baseline": "", "moved": '
    bad = (
        "",
        "{",
        "[]",
        "7",
        "{}",
        head + "7}",
        head + '{"m": [1, 2]}}',
        head + '{"m": ["x", 1, 2]}}',
        head + "[[1]]}",
        head.replace("b", "\udcff") + "{}}",
        "[" * 100_000,
    )
    with (tmp_path / FILE_NAME).open("a", encoding="utf-8", errors="surrogateescape") as file:
        file.write("\n".join((*bad, head[:40])))
    append_history(tmp_path, entries[:1])
    assert read_history(tmp_path) == tuple(sorted((*entries, entries[0]), key=lambda each: each.utc))


def test_ends_that_are_not_known_come_back(tmp_path: Path) -> None:
    line = (
        '{"utc": "", "gate_id": "", "verdict": "", "candidate": "", "baseline": "", "moved": {"m": [NaN, 1, Infinity]}}'
    )
    (tmp_path / FILE_NAME).write_text(line, encoding="utf-8")
    (entry,) = read_history(tmp_path)
    assert repr(entry.moved["m"]) == repr((nan, 1.0, inf))
