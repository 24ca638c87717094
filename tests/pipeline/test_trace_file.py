from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perfgate.explain.steps import Steps, read_steps
from perfgate.explain.traces import Trace, compare_graphs
from perfgate.pipeline import trace_file
from perfgate.pipeline.trace import TracedRun
from perfgate.pipeline.trace_file import MOST_EVENTS, write_trace
from perfgate.trials import Arm
from tests.explain.graphs import spec
from tests.explain.measured import Ran, Version, run_metadata

OLD = Version([spec("out", "Softmax", "x", T="float32")])
NEW = Version([spec("b", "Sin", "x", T="float32"), spec("out", "Softmax", "b", T="float32")])


def _traced(steps: Mapping[Arm, Steps] | None = None) -> TracedRun:
    found = Trace(compare_graphs({Arm.BASELINE: OLD.executed(), Arm.CANDIDATE: NEW.executed()}))
    if steps is None:
        out = Ran("out", "Softmax", 5_000, 2_500, thread=8)
        calls = {Arm.BASELINE: [out], Arm.CANDIDATE: [Ran("b", "Sin", 1_000, 3_000, thread=7), out, Ran("?", "", 9, 0)]}
        steps = {arm: read_steps(run_metadata(each)) for arm, each in calls.items()}
    return TracedRun(found, {}, steps, (), 1.0, 1, 0)


def _written(traced: TracedRun, file: Path) -> list[dict[str, Any]]:
    write_trace(traced, file)
    found = json.loads(file.read_text())
    assert found["displayTimeUnit"] == "ns"
    events: list[dict[str, Any]] = found["traceEvents"]
    return events


def test_events_have_what_the_format_requires(tmp_path: Path) -> None:
    events = _written(_traced(), tmp_path / "trace.json")
    for event in events:
        assert event["ph"] in {"M", "X"}
        assert isinstance(event["pid"], int)
        assert isinstance(event["name"], str)
        assert isinstance(event["args"], dict)
        if event["ph"] == "X":
            assert isinstance(event["tid"], int)
            assert event["ts"] >= 0
            assert event["dur"] >= 0


def test_each_version_is_a_process_with_its_operations(tmp_path: Path) -> None:
    events = _written(_traced(), tmp_path / "trace.json")
    processes = {event["pid"]: event["args"]["name"] for event in events if event["ph"] == "M"}
    assert processes == {1: "baseline", 2: "candidate"}
    sine = next(event for event in events if event["name"] == "Sin")
    assert sine == {
        "name": "Sin", "cat": "added", "ph": "X", "pid": 2, "tid": 7, "ts": pytest.approx(0.991), "dur": 3.0,
        "args": {"name": "b"},
    }  # fmt: skip
    assert [event["pid"] for event in events if event.get("cat") == "same"] == [1, 2]
    assert [event["args"]["name"] for event in events if event.get("cat") == "other"] == ["?"]


def _many(count: int) -> Steps:
    length = np.arange(count, dtype=np.float64)
    start, threads = np.arange(count, dtype=np.float64), np.ones(count, np.int64)
    return Steps(("out",) * count, ("Softmax",) * count, length / 1e3, start, length, threads)


def test_the_longest_operations_are_kept_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_file, "MOST_EVENTS", 5)
    events = _written(_traced(dict.fromkeys(Arm, _many(20))), tmp_path / "trace.json")
    for process in (1, 2):
        mine = [event for event in events if event["pid"] == process and event["ph"] == "X"]
        assert [event["ts"] for event in mine] == [15, 16, 17, 18, 19]


def test_a_file_has_at_most_some_tens_of_megabytes(tmp_path: Path) -> None:
    """Names in graphs have some 50 characters."""
    few = _written(_traced(dict.fromkeys(Arm, _many(1000))), tmp_path / "trace.json")
    a_name = 60
    assert ((tmp_path / "trace.json").stat().st_size / len(few) + a_name) * 2 * MOST_EVENTS < 50e6
