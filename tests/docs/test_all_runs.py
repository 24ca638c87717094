"""The questions of docs/how-to/all-runs.md, as they stand there, over runs whose answers are known."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from perfgate.cli.app import main
from tests.docs.pages import ROOT, blocks
from tests.results.runs.stored import write

_PAGE = ROOT / "docs" / "how-to" / "all-runs.md"
_QUERIES = [
    query for block in blocks(_PAGE) for query in re.findall(r'duckdb\.sql\("""(.*?)"""\)', block.text, re.DOTALL)
]


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[tuple[Any, ...]]]:
    def run(name: str, days_ago: int, **changes: Any) -> None:
        write(tmp_path / "reports" / name, created_utc=datetime.now(UTC) - timedelta(days=days_ago), **changes)

    monkeypatch.chdir(tmp_path)
    run("1", 3, model="models/a/1", change=0.08, lower=0.05, upper=0.11, wall_s=10.0)
    run("2", 9, model="models/a/2", change=0.10, lower=0.07, upper=0.13, verdict="fail", wall_s=20.0)
    run("3", 3, model="models/a/3", change=0.20, lower=-0.1, upper=0.5, verdict="inconclusive", wall_s=60.0)
    run("4", 60, model="models/b", change=0.30, lower=0.2, upper=0.4, verdict="fail")
    run("5", 5, model="models/c", change=0.01, lower=0.005, upper=0.015, scenario="bursts", verdict="inconclusive")
    quiet: dict[str, Any] = {"fingerprint": "quiet", "change": 0.0, "lower": -0.02, "upper": 0.02}
    run("6", 5, model="models/d", **quiet, ci95_lower=-0.01, ci95_upper=0.01)
    run("7", 5, model="models/d", **quiet, ci95_lower=-0.03, ci95_upper=0.03)
    run("8", 5, model="models/d", **quiet, comparison="stored numbers", ci95_lower=-0.5, ci95_upper=0.5)
    run("9", 5, model="models/d", status="interrupted", wall_s=1.0)
    run("recorded", 5, model="models/d", **quiet, comparison="none", verdict="inconclusive")
    assert main(["export", "--parquet", "all-runs"]) == 0
    return [duckdb.execute(query).fetchall() for query in _QUERIES]


def test_the_page_answers_three_questions(answers: list[list[tuple[Any, ...]]]) -> None:
    slower, noise, open_gates = answers
    assert slower == [
        ("models/a", "ranker", 2, 0.10, 0.07, 0.13),
        ("models/d", "ranker", 1, 0.02, 0.01, 0.03),
        ("models/c", "bursts", 1, 0.01, 0.005, 0.015),
    ]
    widths = {fingerprint: (metric, runs, round(half, 6)) for fingerprint, _, metric, runs, half in noise}
    assert widths["quiet"] == ("execute_ms", 2, 0.02)
    assert len(widths) == 2
    assert [(*row[:3], round(row[3], 3), row[4]) for row in open_gates[:2]] == [
        ("models/c", "bursts", 1, 1.0, 63.4),
        ("models/a", "ranker", 3, 0.333, 20.0),
    ]
    assert {row[:4] for row in open_gates[2:]} == {("models/d", "ranker", 3, 0.0), ("models/b", "ranker", 1, 0.0)}
