"""`python -m benchmarks.comparison.judging RUN [RUN]`: reads, judges and summarises, and reports the cost.

With two runs, their candidates are compared.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

BEGAN_S = time.perf_counter()


def main(runs: list[Path]) -> None:
    """Print one JSON document: seconds and peak memory of each step, and the verdict."""
    from perfgate.gate.judge import judge  # noqa: PLC0415 - imports are part of the measurement
    from perfgate.results.loader import read_run  # noqa: PLC0415
    from perfgate.scenario.schema import Scenario  # noqa: PLC0415
    from perfgate.stats.cross_run import side_by_side  # noqa: PLC0415
    from perfgate.stats.summarise import curves, summarise  # noqa: PLC0415

    steps = {"imports": time.perf_counter() - BEGAN_S}
    imported_mb = peak_mb()
    began_s = time.perf_counter()
    read = [read_run(run) for run in runs]
    table = read[0][1] if len(read) == 1 else side_by_side(read[0][1], read[1][1])
    scenario = Scenario.model_validate(read[-1][0].scenario)
    del read
    steps["read"], began_s = time.perf_counter() - began_s, time.perf_counter()
    judgement = judge(table, scenario.gate, scenario.objectives)
    steps["judge"], began_s = time.perf_counter() - began_s, time.perf_counter()
    summaries, drawn = summarise(table), curves(table)
    steps["summarise"] = time.perf_counter() - began_s
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "steps_s": steps,
                "cpu_s": used.ru_utime + used.ru_stime,
                "imported_mb": imported_mb,
                "peak_mb": peak_mb(),
                "requests": [curve.requests for curve in drawn],
                "metrics": len(judgement.metrics),
                "objectives": len(judgement.objectives),
                "summaries": len(summaries),
                "verdict": judgement.verdict,
                "headline": judgement.headline,
            }
        )
    )


def peak_mb() -> float:
    """Return the peak resident set of this program; `ru_maxrss` would include the process that started it."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return float("nan")


if __name__ == "__main__":
    main([Path(run) for run in sys.argv[1:]])
