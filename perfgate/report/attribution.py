"""Attribution of a change: sentences that the data supports, each with its interval."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from perfgate import formatting
from perfgate.cautions import CautionKind
from perfgate.gate.verdict import MetricVerdict
from perfgate.metrics import Source
from perfgate.report.charts.tracks import trial_frame
from perfgate.report.html.differences import model_rows
from perfgate.results.result import Result
from perfgate.stats.contrast import Contrast, Sample, contrast
from perfgate.trials import Arm

_STAGES = ("queue", "execute", "encode")
_REST = "the rest"
_TOTAL = "in all"
_ALPHA = 0.005
"""One-sided error of each stage's bounds: 99% intervals, because five stages are examined."""
_LEAST_REPLICAS = 3
_INPUTS = {each.code for each in (CautionKind.INPUTS, CautionKind.WARMUP_ASSETS, CautionKind.OTHER_REQUESTS)}
"""Codes of cautions about arms that were sent different requests."""


def causes(result: Result) -> tuple[str, ...]:
    """Return which part of a request changed and what else differs, the most certain first."""
    if not result.judgement or not result.judgement.metrics:
        return ()
    return (
        *_executions({verdict.metric: verdict for verdict in result.judgement.metrics}),
        *_under_load(result),
        *_batches({verdict.metric: verdict for verdict in result.judgement.metrics}),
        *_models(result),
        *(
            f"{caution.message[:1].upper()}{caution.message[1:]}."
            for caution in result.cautions
            if caution.code in _INPUTS
        ),
    )


def _executions(metrics: dict[str, MetricVerdict]) -> Iterator[str]:
    """Distinguish computing from waiting by the CPU time of the same executions."""
    wall, cpu = metrics.get("execute_ms"), metrics.get("cpu_ms_per_request")
    if wall is None or cpu is None or not _moved(wall) or {wall.effect.source, cpu.effect.source} != {Source.EXECUTE}:
        return
    slower = wall.effect.change > 0
    began = f"One execution takes {'longer' if slower else 'less time'}, {_with_interval(wall)}"
    if _moved(cpu) and (cpu.effect.change > 0) is slower:
        yield (
            f"{began}, and {'more' if slower else 'less'} CPU time, {_with_interval(cpu)}: the model computes "
            f"{'more' if slower else 'less'}."
        )
    elif slower and cpu.effect.upper < wall.effect.lower:
        yield (
            f"{began}, and its CPU time did not grow as much, {_with_interval(cpu)}: the extra time is spent waiting, "
            "not computing."
        )
    else:
        yield f"{began}."


def _batches(metrics: dict[str, MetricVerdict]) -> Iterator[str]:
    size = metrics.get("batch_size_mean")
    if size is not None and _moved(size):
        grown = "larger" if size.effect.change > 0 else "smaller"
        yield f"Under load the server's batches are {grown}, {_with_interval(size)}."


def _moved(verdict: MetricVerdict) -> bool:
    return verdict.effect.lower > 0 or verdict.effect.upper < 0


def _with_interval(verdict: MetricVerdict) -> str:
    effect, metric = verdict.effect, verdict.metric
    return f"{formatting.change(effect.change, metric)} {formatting.interval(effect.lower, effect.upper, metric)}"


def _under_load(result: Result) -> Iterator[str]:
    """Return how much each stage of a request grew, from one mean a server."""
    found = stage_contrasts(result)
    moved = {stage: each for stage, each in found.items() if stage != _TOTAL and _excludes_0(each)}
    if not moved:
        return
    listed = ", ".join(f"{stage} {_ms(each)}" for stage, each in moved.items())
    still = [stage for stage in found if stage not in {*moved, _TOTAL}]
    whole = f"service time {_ms(found[_TOTAL])} per request, of which " if _excludes_0(found[_TOTAL]) else ""
    same = f"; no difference in {_listed(still)}" if still else ""
    yield f"Under load, candidate minus baseline: {whole}{listed}{same} (99% intervals over servers)."


def _listed(words: list[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def stage_contrasts(result: Result) -> dict[str, Contrast]:
    """Compare each stage's mean over servers, in ms; empty without stage times, or with fewer than three servers."""
    frame = trial_frame(result.trials)
    rows = frame[
        (frame["lane"] == "load") & (frame["errors"] == 0) & frame["queue_ms"].notna() & (frame["requests"] > 0)
    ]
    if rows.empty or set(rows["arm"]) != set(Arm):
        return {}
    parts = pd.DataFrame({stage: rows[f"{stage}_ms"].astype(float) for stage in _STAGES})
    parts[_TOTAL] = rows["service_mean_ms"].astype(float)
    parts[_REST] = parts[_TOTAL] - parts[list(_STAGES)].sum(axis=1)
    servers = [rows["arm"], rows["replica"]]
    weights = rows["requests"].astype(float)
    means = parts.mul(weights, axis=0).groupby(servers).sum().div(weights.groupby(servers).sum(), axis=0)
    sides = means.index.get_level_values(0)
    if min((sides == arm).sum() for arm in Arm) < _LEAST_REPLICAS or not np.isfinite(means.to_numpy()).all():
        return {}
    return {stage: contrast(_sample(result, means[stage])) for stage in (*_STAGES, _REST, _TOTAL)}


def _sample(result: Result, means: pd.Series[float]) -> Sample:
    known = {(facts.arm.value, facts.replica): facts for facts in result.replicas}
    facts = [known.get(key) for key in means.index]
    return Sample(
        value=np.asarray(means, np.float64),
        candidate=np.array([arm == Arm.CANDIDATE for arm, _ in means.index]),
        parent=np.array([each.parent if each else 0 for each in facts]),
        position=np.array([each.start_position if each else np.nan for each in facts], np.float64),
    )


def _excludes_0(found: Contrast) -> bool:
    low, high = found.bounds(_ALPHA)
    return low > 0 or high < 0


def _ms(found: Contrast) -> str:
    low, high = found.bounds(_ALPHA)
    return f"{formatting.difference(found.difference, 'ms')} {formatting.difference_interval(low, high, 'ms')}"


def _models(result: Result) -> Iterator[str]:
    rows = {row.name: row for row in model_rows(result)}
    if "digest" in rows and not rows["digest"].changed:
        yield "Both arms have identical model files: any difference comes from how they were served or measured."
    elif "size" in rows and rows["size"].changed and rows["size"].baseline and rows["size"].candidate:
        yield f"The model's files went from {rows['size'].baseline} to {rows['size'].candidate}."
