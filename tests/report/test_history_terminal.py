from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from perfgate.report.history.terminal import final_line, print_history
from perfgate.results.history import History, group_of, group_records, series_of
from tests.report.history_records import record, records, step


def history(series: dict[str, list[float | None]], **more: Any) -> History:
    made = records(series)
    return History("prod", "baselines", group_of(made), tuple(series_of(made)), **more)


def printed(
    shown: History, *, width: int = 140, encoding: str = "utf-8", small: bool = False, color: bool = False
) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    console = Console(file=stream, width=width, color_system="standard" if color else None, highlight=False)
    print_history(console, shown, small=small)
    stream.flush()
    return raw.getvalue().decode(encoding)


CHANGED: dict[str, list[float | None]] = {
    "execute_ms": [*step(40, 25, 0.10)],
    "throughput_rps": [*step(40, 10, 0.2, 450, seed=2)],
    "rss_peak_mb": [*step(40, 40, 0.0, 300, seed=3)],
}


def test_a_line_a_metric_and_a_line_a_change_point() -> None:
    lines = [line.split() for line in printed(history(CHANGED)).splitlines()]
    series = {line[0]: line for line in lines[3:6]}
    assert list(series) == ["execute_ms", "throughput_rps", "rss_peak_mb"]
    first, last = (f"{CHANGED['execute_ms'][place]:.2f}" for place in (0, -1))
    assert series["execute_ms"][2:6] == [first, "ms", last, "ms"]
    assert [series[name][-1] for name in series] == ["1", "1", "0"]
    changes = [line for line in lines[7:] if line and line[0] in series]
    assert [line[:2] for line in changes] == [["execute_ms", "2026-01-28"], ["throughput_rps", "2026-01-13"]]
    assert ["worse" in line for line in changes] == [True, False]
    assert "better" in changes[1]
    assert "models/25" in changes[0]


def test_the_page_and_what_was_found_stand_in_the_final_line() -> None:
    assert final_line(history(CHANGED), Path("reports/history-prod.html"), small=False) == (
        "HISTORY prod: 2 change points in 2 of 3 metrics over 40 records  page: reports/history-prod.html"
    )
    quiet = history({"execute_ms": [*step(30, 30, 0.0)]})
    assert "no change point in 1 metric over 30 records" in final_line(quiet, Path("x"), small=False)


def test_too_few_records_are_shown_with_a_note() -> None:
    short = history({"execute_ms": [2.0, 2.1, 2.2]})
    text = printed(short)
    assert "▁" in text
    assert "change points need at least 20 records of one scenario and environment; there are 3" in text
    assert "HISTORY prod: 3 records: change points need at least 20" in final_line(short, Path("x"), small=False)


def test_a_metric_that_few_records_have_is_named() -> None:
    text = printed(history({**CHANGED, "load_time_s": [0.8, 0.9]}))
    assert "there are 2 (load_time_s)" in text


def test_small_changes_are_counted_or_listed() -> None:
    small = history({"execute_ms": [*step(60, 30, 0.02, spread=0.002)]})
    assert "1 smaller change within the default tolerances: --all-changes lists them" in printed(small)
    listed = printed(small, small=True)
    assert "+2.0%" in listed
    assert "smaller" not in listed
    assert "1 change point in 1 of 1 metric" in final_line(small, Path("x"), small=True)


def test_other_records_are_distinguished_in_words() -> None:
    there = record(0, {}, fingerprint="ffff456789abcdef", environment={"cpu_model": "AMD EPYC", "cores": 4.0})
    settings = record(1, {}, fingerprint="eeee456789abcdef")
    before = record(2, {}, scenario_digest="sha256:" + "aa" * 32)
    other = record(3, {}, scenario_digest="sha256:" + "bb" * 32, scenario_name="audio", fingerprint="dd")
    others = tuple(group_of(group) for group in group_records([there, settings, before, other]))
    text = printed(history({"execute_ms": [2.0]}, others=others, unreadable=2))
    assert "1 record of environment ffff456789abcdef (cores 4 then, 2 now), 2026-01-03" in text
    assert "environment eeee456789abcdef (the server's settings)" in text
    assert "an older scenario ranking aaaaaaaaaaaa, 2026-01-05" in text
    assert "scenario audio bbbbbbbbbbbb, environment dd" in text
    assert "2 records cannot be read" in text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_blocks_is_written_to_all_the_same(encoding: str) -> None:
    text = printed(history(CHANGED), encoding=encoding)
    assert "#" in text
    assert "execute_ms" in text


def test_worse_is_red_and_better_is_green_on_a_terminal_with_colours() -> None:
    text = printed(history(CHANGED), color=True)
    assert "\x1b[1;31mworse" in text
    assert "\x1b[32mbetter" in text
    assert "\x1b[" not in printed(history(CHANGED))


def test_a_narrow_terminal_loses_columns_and_cuts_no_number() -> None:
    more = {"context_switches_per_request": step(40, 25, 0.10, 7.2), "cpu_cores": step(40, 25, 0.1, 0.5)}
    shown: dict[str, list[float | None]] = {**CHANGED, **{name: [*values] for name, values in more.items()}}
    lines = printed(history(shown), width=60).splitlines()
    for name, values in shown.items():
        row, *changes = (line.split() for line in lines if line.split()[:1] == [name])
        assert float(row[2].replace(",", "")) == pytest.approx(values[-1], rel=5e-3)
        assert row[-1].endswith("%")
        assert all(change[-1] in {"worse", "better"} for change in changes)


@pytest.mark.parametrize("width", [60, 72, 92, 118])
def test_lines_keep_to_the_width(width: int) -> None:
    lines = printed(history(CHANGED), width=width).splitlines()
    assert max(len(line.rstrip()) for line in lines) <= width
    assert any("worse" in line and "execute_ms" in line for line in lines)


def test_names_from_outside_cannot_style_or_move_the_cursor() -> None:
    text = printed(history({"[red]own\x1b[2J": [1.0, 2.0]}))
    assert "[red]own" in text
    assert "\x1b" not in text
