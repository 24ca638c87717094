from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

DEMO = Path(__file__).resolve().parents[2] / "examples" / "demo.sh"


def run_demo(tmp_path: Path, equal: int, slower: int) -> subprocess.CompletedProcess[str]:
    """Run the demo with a perfgate that only exits."""
    stand_in = tmp_path / "perfgate"
    stand_in.write_text(f'#!/bin/sh\necho "$@"\ncase "$3" in *v2) exit {slower} ;; *) exit {equal} ;; esac\n')
    stand_in.chmod(0o755)
    return subprocess.run(
        ["sh", str(DEMO)],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_it_passes_when_both_answers_are_right(tmp_path: Path) -> None:
    done = run_demo(tmp_path, equal=0, slower=3)
    assert done.returncode == 0
    models = ".cache/models/ranking"
    assert f"compare {models}/v1 {models}/v1-again --scenario ranking --out reports/demo-equal\n" in done.stdout
    assert f"compare {models}/v1 {models}/v2 --scenario ranking --out reports/demo-slower\n" in done.stdout
    assert "reports/demo-slower/report.html" in done.stdout


@pytest.mark.parametrize(("equal", "slower"), [(0, 0), (3, 3), (0, 1), (4, 3), (1, 1)])
def test_any_other_answer_fails_it(tmp_path: Path, equal: int, slower: int) -> None:
    done = run_demo(tmp_path, equal, slower)
    assert done.returncode == 1
    assert "NOT as expected" in done.stdout
