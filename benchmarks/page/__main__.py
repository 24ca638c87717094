"""`python -m benchmarks.page`: the page of a synthetic run with a million requests a side."""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from benchmarks.comparison.sides import Side, begun, made_blocks
from benchmarks.page.points import Chart, charts_of
from perfgate.experiment.timeline import Timeline
from perfgate.gate.judge import judge
from perfgate.pipeline.publish import publish
from perfgate.report.html.page import render_html
from perfgate.results import document
from perfgate.results.assemble import assemble
from perfgate.results.recorder import Recorder
from perfgate.results.result import Outcome, Result
from perfgate.scenario.schema import Scenario
from perfgate.trials import Arm


@click.command()
@click.option("--requests", type=click.IntRange(30_000), default=1_000_000, show_default=True, help="Per side.")
@click.option("--replicas", type=click.IntRange(2), default=12, show_default=True, help="Per side.")
@click.option("--turns", type=click.IntRange(1), default=40, show_default=True, help="Of each replica under load.")
@click.option("--repeats", type=click.IntRange(1), default=7, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Keep the page here.")
def main(requests: int, replicas: int, turns: int, repeats: int, out: Path | None) -> None:
    """Complete a synthetic run, render its page repeatedly from result.json, and report its size and time."""
    side = Side(requests, replicas, change=0.1, load_blocks=turns)
    with tempfile.TemporaryDirectory() as scratch:
        result = finished(side, Path(scratch))
        stored = document.read(Path(scratch))
    times_s = []
    for _ in range(repeats):
        began_s = time.perf_counter()
        page = render_html(stored)
        times_s.append(time.perf_counter() - began_s)
    if out is not None:
        out.write_text(page, encoding="utf-8")
    print(figures(result, page, times_s))


def finished(side: Side, directory: Path) -> Result:
    """Record a synthetic run like a real one, judge it and publish it."""
    plan, started = begun(side)
    with Recorder(replace(started, replicas=()), directory) as recorder:
        recorder.replicas_are(started.replicas)
        for block in made_blocks(plan, side):
            recorder.append(block)
            end_s = block.start_s + block.wall_s
        recorder.watched(_timeline(side, block.start_s, end_s), ())
        recorded, scenario = recorder.recorded(), Scenario.model_validate(started.scenario)
        judgement = judge(recorded.table, scenario.gate, scenario.objectives)
        result = assemble(recorded, Outcome.COMPLETE, judgement, wall_s=end_s)
        publish(result, directory)
        return result


def _timeline(side: Side, begin_s: float, end_s: float) -> Timeline:
    """Sample all servers at as many instants as a result keeps."""
    rng = np.random.default_rng(side.seed)
    servers = [(arm.value, replica) for arm in Arm for replica in range(side.replicas)]
    at_s = np.linspace(begin_s, end_s, 6_000 // len(servers))
    return Timeline(
        time_s=tuple(np.repeat(at_s, len(servers)).tolist()),
        arm=tuple(arm for arm, _ in servers) * at_s.size,
        replica=tuple(replica for _, replica in servers) * at_s.size,
        cpu_ms=tuple(np.repeat((at_s - begin_s) * 30, len(servers)).tolist()),
        rss_mb=tuple(rng.normal(320, 1, at_s.size * len(servers)).tolist()),
    )


def figures(result: Result, page: str, times_s: list[float]) -> str:
    """Format the figures as words and a Markdown table."""
    asked = {
        arm: sum(n for n, of in zip(result.trials.requests, result.trials.arm, strict=True) if of == arm) for arm in Arm
    }
    charts = charts_of(page)
    drawn_kb = sum(chart.size_bytes for chart in charts) / 1e3
    return "\n".join(
        [
            f"{' + '.join(f'{count:,}' for count in asked.values())} requests in {len(result.trials.block):,} trials",
            f"page: {len(page.encode()) / 1e3:,.0f} kB, including {drawn_kb:,.0f} kB of charts",
            f"rendered in {statistics.median(times_s):.2f} s [{min(times_s):.2f} to {max(times_s):.2f}]",
            "",
            "| chart | series | points of the longest | kB |",
            "|---|--:|--:|--:|",
            *(_row(chart) for chart in charts),
        ]
    )


def _row(chart: Chart) -> str:
    return f"| {chart.title} | {chart.series} | {chart.most_points:,} | {chart.size_bytes / 1e3:,.1f} |"


if __name__ == "__main__":
    main()
