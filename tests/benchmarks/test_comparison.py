from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.comparison.__main__ import table
from benchmarks.comparison.sides import Side, write_run
from perfgate.gate.judge import judge
from perfgate.gate.verdict import Verdict
from perfgate.results.loader import read_run
from perfgate.scenario.schema import Scenario

_SMALL = {"requests": 16_001, "replicas": 4, "execute_blocks": 20, "request_blocks": 10, "load_blocks": 7}


def test_a_made_up_run_has_what_was_asked_for_and_can_be_judged(tmp_path: Path) -> None:
    write_run(tmp_path, Side(**_SMALL, change=0.5))
    result, made = read_run(tmp_path)
    assert [int(made.columns.requests[made.columns.arm == arm].sum()) for arm in (0, 1)] == [16_004, 16_004]
    scenario = Scenario.model_validate(result.scenario)
    judgement = judge(made, scenario.gate, scenario.objectives)
    found = {each.metric: each.verdict for each in judgement.metrics if each.gated}
    assert found["execute_ms"] is found["service_mean_ms"] is Verdict.FAIL
    assert {"latency_p99_ms", "latency_p999_ms", "rss_peak_mb"} <= found.keys()
    assert {each.metric for each in judgement.metrics} >= {"context_switches_per_request", "load_time_s", "queue_ms"}


@pytest.mark.slow
def test_the_program_in_its_own_process_compares_one_run_or_two(tmp_path: Path) -> None:
    for seed, name in enumerate(("old", "new")):
        write_run(tmp_path / name, Side(**_SMALL, seed=seed))
    for runs in (["old"], ["old", "new"]):
        paths = [str(tmp_path / run) for run in runs]
        program = f"""
import sys
from pathlib import Path
from benchmarks.comparison.judging import main
main([Path(run) for run in {paths}])
assert "pandas" not in sys.modules  # it takes as long to import as a million requests to read
"""
        command = [sys.executable, "-c", program]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
        assert found["requests"] == [4 * 3_971, 4 * 3_971]
        assert (found["objectives"], found["summaries"] > 40) == (3, True)
        assert 0 < found["imported_mb"] <= found["peak_mb"]
        assert set(found["steps_s"]) == {"imports", "read", "judge", "summarise"}


@pytest.mark.parametrize("figure", ["without imports, s | 0.60 | 0.30 | 0.90", "peak memory, MiB | 300 | 300 | 300"])
def test_each_figure_has_its_spread(figure: str) -> None:
    rows = [
        {
            "wall_s": 1 + n,
            "cpu_s": 1.0,
            "imported_mb": 135,
            "peak_mb": 300,
            "steps_s": {"imports": 0.5, "read": n / 10, "judge": n / 10, "summarise": n / 10},
        }
        for n in (1, 2, 3)
    ]
    assert f"| {figure} |" in table(rows).splitlines()
