"""One run: `perfgate compare` in a separate process, summarised in one line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.operating_curve.neighbour import busy
from benchmarks.operating_curve.row import Row
from benchmarks.operating_curve.rules import judged_by_others, pooled_times
from perfgate.parent_death import die_with_parent
from perfgate.results import document, samples

Line = dict[str, Any]

SCRATCH = Path(".cache/operating_curve")
"""Files of the last run: result, samples, the servers' output."""
LONGEST_S = 900.0
_POLL_S = 0.1
_SOME_BLOCKS_BYTES = 16_384
_KEPT = ("change", "lower", "upper", "log_change", "log_se", "df")


def seed_of(row: Row, number: int) -> int:
    """Return a seed for each run of each row, the same whenever the table is repeated."""
    return zlib.crc32(f"{row.name}/{number}".encode())


def run_once(row: Row, number: int, models: Path, half_way_s: float) -> Line:
    """Run one comparison to its end and describe it; a crash is a line as well.

    `half_way_s`: from the first block to the start of the second neighbour, if the row has one.
    """
    shutil.rmtree(SCRATCH, ignore_errors=True)
    SCRATCH.mkdir(parents=True)
    out, seed = SCRATCH / "run", seed_of(row, number)
    pair = [str(models / row.baseline), str(models / row.candidate)]
    options = ["-s", str(row.scenario_file), "--seed", str(seed), "--out", str(out), "-q", "--no-progress"]
    command = [sys.executable, "-m", "perfgate", "compare", *pair, *options]
    load_average, began_s = os.getloadavg()[0], time.perf_counter()
    second_after_s = half_way_s if row.second_neighbour else None
    exit_code, said = _run(command, SCRATCH / "said.txt", out / samples.FILE_NAME, second_after_s)
    line: Line = {"row": row.name, "run": number, "seed": seed, "exit": exit_code}
    line |= {"wall_s": round(time.perf_counter() - began_s, 2), "load_average": round(load_average, 2)}
    try:
        result = json.loads((out / document.FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        result = None
    line |= described(result, said)
    if line["verdict"] != "none":
        line["rules"] = judged_by_others(*pooled_times(out / samples.FILE_NAME, row.lane, row.depth), row.catch(), seed)
    return line


def described(result: Mapping[str, Any] | None, said: str) -> Line:
    """Return the part of a result that the table needs; without a finished one, the command's last output."""
    if result is None or result["judgement"] is None:
        return {"verdict": "none", "message": said.strip()[-500:], "effects": {}}
    judgement = result["judgement"]
    return {
        "verdict": judgement["verdict"],
        "headline": judgement["headline"],
        "measured_s": round(sum(result["blocks"]["wall_s"]), 2),
        "phases_s": {name: round(seconds, 2) for name, seconds in result["phases_s"].items()},
        "looks": result.get("looks"),
        "effects": {each["metric"]: _effect(each) for each in judgement["metrics"] if each["gated"]},
        "objectives": {each["metric"]: each["verdict"] for each in judgement["objectives"]},
        "cautions": [each["code"] for each in result["cautions"]],
    }


def _effect(judged: Mapping[str, Any]) -> Line:
    kept = {key: judged["effect"].get(key) for key in _KEPT}
    return kept | {"tolerance": judged["tolerance"], "verdict": judged["verdict"]}


def _run(command: list[str], said: Path, trace: Path, second_after_s: float | None) -> tuple[int, str]:
    """Run to the end, or for `LONGEST_S`; returns exit code and output. It dies with this process."""
    with ExitStack() as stack:
        output = stack.enter_context(said.open("wb"))
        process = stack.enter_context(
            subprocess.Popen(command, stdout=output, stderr=output, preexec_fn=_die_with(os.getpid()))  # noqa: PLW1509
        )
        stack.callback(process.kill)
        began_s, measuring_s = time.perf_counter(), None
        while process.poll() is None and time.perf_counter() - began_s < LONGEST_S:
            time.sleep(_POLL_S)
            if second_after_s is None:
                continue
            if measuring_s is None and trace.exists() and trace.stat().st_size > _SOME_BLOCKS_BYTES:
                measuring_s = time.perf_counter()
            if measuring_s is not None and time.perf_counter() - measuring_s >= second_after_s:
                stack.enter_context(busy(1.0))
                second_after_s = None
        hung = process.poll() is None
    text = said.read_text(encoding="utf-8", errors="replace")
    return process.returncode, f"{text}\nended after {LONGEST_S:.0f} s without a result" if hung else text


def _die_with(parent_pid: int) -> Callable[[], None]:
    return lambda: die_with_parent(parent_pid)
