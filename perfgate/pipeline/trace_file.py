"""One traced execution of each version as Trace Event Format JSON, which Perfetto and chrome://tracing read.

Format: "Trace Event Format", Google, complete events (`ph` X) and metadata events (`ph` M).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from perfgate.pipeline.trace import TracedRun
from perfgate.trials import Arm

MOST_EVENTS = 100_000
"""Of each version; the longest operations are kept."""


def write_trace(traced: TracedRun, file: Path) -> None:
    """Write the execution of each version that was traced together with its graph; OSError if that fails."""
    events = [event for process, arm in enumerate(Arm, 1) for event in _events(traced, arm, process)]
    file.write_text(json.dumps({"displayTimeUnit": "ns", "traceEvents": events}), encoding="utf-8")


def _events(traced: TracedRun, arm: Arm, process: int) -> list[dict[str, Any]]:
    steps = traced.steps[arm]
    kinds = {name: unit.kind.value for name, unit in traced.trace.compared.unit_of(arm).items()}
    name = {"name": "process_name", "ph": "M", "pid": process, "args": {"name": arm.value}}
    longest = sorted(range(len(steps.names)), key=lambda n: -steps.length_us[n])[:MOST_EVENTS]
    return [name] + [
        {
            "name": steps.ops[n],
            "cat": kinds.get(steps.names[n], "other"),
            "ph": "X",
            "pid": process,
            "tid": int(steps.threads[n]),
            "ts": float(steps.start_us[n]),
            "dur": float(steps.length_us[n]),
            "args": {"name": steps.names[n]},
        }
        for n in sorted(longest)
    ]
