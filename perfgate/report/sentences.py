"""Sentences that explain the verdict to a reader who has never seen perfgate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from perfgate import formatting
from perfgate.capacity.sentences import capacity_sentence, interrupted_sentence, told_apart
from perfgate.gate.verdict import MetricVerdict, Verdict
from perfgate.report.rows import GateRow, badness, description, in_order, minimum_detectable_effect
from perfgate.results.result import Result

_ABOUT_ALL = 0.97


def verdict_word(result: Result) -> str:
    """Return in one word how the run ended: a verdict, `INTERRUPTED` or `RUNNING`."""
    if result.judgement is None or result.status == "interrupted":
        return result.status.upper()
    return result.judgement.verdict.value.upper()


def sentence(result: Result) -> str:
    """Return the finding, with its most important number."""
    judgement = result.judgement
    if judgement is None:
        ended = {"interrupted": "The run was interrupted", "running": "The run is still in progress"}
        return f"{ended.get(result.status, 'The run did not finish')}: there is no verdict; what was measured is shown."
    if result.status == "interrupted":
        return _interrupted(result)
    gated = tuple(metric for metric in in_order(result) if metric.counts)
    if judgement.verdict is Verdict.INVALID:
        return _voided(result)
    if judgement.verdict is Verdict.FAIL:
        return _failure(result, gated)
    if judgement.verdict is Verdict.INCONCLUSIVE:
        return _undecided(result, gated)
    return _success(result, gated)


def capacity_sentences(result: Result) -> tuple[str, ...]:
    """Return each version's capacity; empty if it was not searched for."""
    if (found := result.capacity) is None:
        return ()
    arms = (f"Capacity of {capacity_sentence(arm, found.objectives)}." for arm in told_apart(found))
    return tuple(filter(None, (*arms, interrupted_sentence(found))))


def not_gated_sentence(rows: Sequence[GateRow]) -> str:
    """Count metrics that are not gated, and those of them that look worse; empty if there are none."""
    if not rows:
        return ""
    beyond = sum(row.verdict is Verdict.FAIL for row in rows)
    worse = f": {beyond} worse than {'its' if beyond == 1 else 'their'} usual tolerance" if beyond else ""
    return f"{_others(len(rows), 'more metric')} measured but not gated{worse}"


def warning_sentence(result: Result) -> str:
    """Return the warn-only failures; empty if there are none."""
    warnings = result.judgement.warnings if result.judgement else ()
    if not warnings or result.judgement is None or result.judgement.verdict is Verdict.INVALID:
        return ""
    return f"{_others(len(warnings), 'warning')}, not part of the verdict: {'; '.join(warnings)}."


def confidence(result: Result) -> str:
    """Return the two-sided level of the shown intervals: with bounds of 1% each, `98%`; empty without a comparison."""
    metrics = result.judgement.metrics if result.judgement else ()
    return formatting.share(1 - 2 * metrics[0].effect.alpha) if metrics else ""


def looks_sentence(result: Result) -> str:
    """Return when a comparison was decided; empty without interim analyses, or if it took about all of its time."""
    last = {look.source: look for look in result.looks}
    if not last or all(look.fraction >= 1 for look in last.values()):
        return ""
    segments = {segment["lane"] + "/" + segment["depth"]: segment for segment in result.plan.get("segments", ())}
    planned_s = sum(segments[source]["seconds"] for source in last if source in segments)
    spent_s = sum(result.blocks.wall_s)
    if spent_s > _ABOUT_ALL * planned_s:  # some lanes used what others left
        return ""
    judged = result.judgement.metrics if result.judgement else ()
    some_open = any(each.gated and each.verdict is Verdict.INCONCLUSIVE for each in judged)
    some = "lanes ended where more time was unlikely to decide anything else"
    what = some if some_open else "every gated metric and objective was decided"
    return (
        f"Measuring ended after {formatting.duration(spent_s)} of {formatting.duration(planned_s)}: {what}. The error "
        f"rates account for {_others(len(result.looks), 'look')} at the data."
    )


def power_sentence(result: Result) -> str:
    """Return how certain the gate is and what it could have found; empty if no metric is gated."""
    ordered = in_order(result)
    kinds = (
        ("raise a false alarm", [metric for metric in ordered if metric.counts]),
        ("raise a false warning", [metric for metric in ordered if metric.warns]),
    )
    levels = [_level_words(what, metrics, result) for what, metrics in kinds if metrics]
    found = ", ".join(f"{metric.metric} {minimum_detectable_effect(metric)}" for metric in ordered if metric.gated)
    return f"{' '.join(levels)} Smallest regressions detectable in 4 of 5 runs: {found}." if levels else ""


def _level_words(what: str, metrics: list[MetricVerdict], result: Result) -> str:
    alpha, level, sharers = metrics[0].effect.alpha, min(metric.level for metric in metrics), sharing(metrics, result)
    shared = f", shared by {sharers} (Holm: {formatting.share(level)} each)" if sharers else ""
    if (gates := result.gates) > 1:
        most = formatting.share(alpha)
        return f"When {gates} gates run together, any of them may {what} at most {most} of the time{shared}."
    return f"At most {formatting.share(alpha)} of runs {what}{shared}."


def sharing(metrics: Sequence[MetricVerdict], result: Result, kind: str = "metric") -> str:
    """Return what shares an error level with the metrics of one severity; empty if a single metric is alone.

    Older results gave objectives an error level of their own, which shows in their metrics' level.
    """
    alpha, level = metrics[0].effect.alpha / result.gates, min(metric.level for metric in metrics)
    bounds = result.judgement.objectives if result.judgement else ()
    objectives = sum(each.severity is metrics[0].severity for each in bounds)
    if not objectives or not math.isclose(level * (len(metrics) + objectives), alpha):
        return f"{len(metrics)} {kind}s" if len(metrics) > 1 else ""
    words = f"{len(metrics)} {kind}{'s' * (len(metrics) > 1)}"
    return f"{words} and {objectives} objective{'s' * (objectives > 1)}"


def _in_process(result: Result) -> bool:
    return bool(result.scenario.get("target", {}).get("kind") == "in_process")


def rest_words(result: Result) -> str:
    """Return what a response time includes besides the stages."""
    return "waiting for a thread and a CPU" if _in_process(result) else "network, protocol and waiting for a CPU"


def stored_sentence(result: Result) -> str:
    """Return which stored numbers were used and how much days differ; empty if none were."""
    if result.stored is None or not result.stored.records:
        return ""
    count, day = len(result.stored.records), result.stored.recorded_utc[:10]
    spreads = [
        f"{metric.metric} {formatting.size(spread.sd, metric.metric)} ({spread.source})"
        for metric in in_order(result)
        if metric.gated and (spread := metric.effect.occasion) is not None
    ]
    days = f" from {_others(result.stored.days, 'day')}" if count > 1 and result.stored.days else ""
    of = f"{_others(count, 'record')}{days}, {'recorded' if count == 1 else 'the newest'} on {day}"
    what = f" Each interval includes the variation between days: {', '.join(spreads)}." if spreads else ""
    return f"Compared with the stored numbers of {result.baseline_name}, {of}, not measured side by side.{what}"


def generator_sentence(result: Result) -> str:
    """Return how well the load generator performed; empty without load."""
    found = result.generator
    if found is None:
        return ""
    if _in_process(result):
        return f"No load generator: the model's own processes made the {found.requests:,} calls."
    cores = "its core" if found.workers == 1 else "the cores of its workers"
    busy = f"{_elsewhere(result)}used {formatting.share(found.cpu_share)} of {cores}"
    if found.send_lag_max_ms == 0:
        return f"The load generator {busy}; in a closed loop no request is sent late."
    late = [f"{formatting.number(found.send_lag_p50_ms)} ms (p50)"]
    late += [] if found.send_lag_p99_ms is None else [f"{formatting.number(found.send_lag_p99_ms)} ms (p99)"]
    return (
        f"The load generator {busy} and sent {found.requests:,} requests. Send lag: {', '.join(late)}, "
        f"{formatting.number(found.send_lag_max_ms)} ms (maximum)."
    )


def _elsewhere(result: Result) -> str:
    """Return how many workers ran on the nodes of a cluster, and how well their clocks are known; else empty."""
    workers = result.load_workers
    if not workers:
        return ""
    known = formatting.number(max(worker.clock_uncertainty_ms for worker in workers))
    many = "a worker" if len(workers) == 1 else f"{len(workers)} workers"
    return f"ran in {many} on the nodes of a Ray cluster, with clocks compared to ±{known} ms; it "


def sampling_sentence(result: Result) -> str:
    """Return the cost of sampling the servers; empty if unknown."""
    share = result.timeline.cost_share
    return f"Sampling the servers took {formatting.share(share)} of a core." if math.isfinite(share) else ""


def stage_sentence(result: Result, arm: str) -> str:
    """Return the breakdown of an arm's mean request time; empty if the server did not report it."""
    parts = [stage for stage in result.stages if stage.arm == arm]
    if not parts:
        return ""
    total_ms = sum(stage.mean_ms for stage in parts)
    listing = " + ".join(f"{stage.stage} {formatting.number(stage.mean_ms)}" for stage in parts)
    return f"{arm}: mean request time under load {formatting.number(total_ms)} ms = {listing}"


def _interrupted(result: Result) -> str:
    """Return how far the run came; its findings are not a verdict."""
    planned_s = sum(segment["seconds"] for segment in result.plan.get("segments", ()))
    spent_s = sum(result.blocks.wall_s)
    if not spent_s:
        return "The run was interrupted before anything was measured."
    of = f" of {formatting.duration(planned_s)}" if planned_s else ""
    return (
        f"The run was interrupted after {formatting.duration(spent_s)}{of} of measuring: there is no verdict. The "
        "results below are based on what was measured by then."
    )


def _failure(result: Result, gated: tuple[MetricVerdict, ...]) -> str:
    failed = [metric for metric in gated if metric.verdict is Verdict.FAIL]
    objectives = result.judgement.objectives if result.judgement else ()
    broken = [objective for objective in objectives if objective.counts and objective.verdict is Verdict.FAIL]
    if failed:
        headline = result.judgement.headline if result.judgement else ""
        worst = next((metric for metric in failed if headline.startswith(f"{metric.metric} ")), failed[0])
        accepted = formatting.limit(worst.tolerance, worst.metric)
        others = f" {_others(len(failed) - 1, 'more gated metric')} failed." if len(failed) > 1 else ""
        return (
            f"The candidate is worse than its baseline: {_name(worst)} changed by "
            f"{formatting.change(worst.effect.change, worst.metric)}; the tolerance is {accepted}.{others}"
        )
    if broken:
        value = formatting.quantity(broken[0].value, broken[0].metric)
        bound = formatting.bound(broken[0].bound, broken[0].metric)
        limit = "at most" if broken[0].is_maximum else "at least"
        return f"The candidate misses an objective: {broken[0].metric} is {value} and must be {limit} {bound}."
    return "The candidate does not meet the gate's requirements."


def _voided(result: Result) -> str:
    if not result.blocks.block:
        return "The run ended before anything was measured, so the candidate was not compared."
    return "The measurement is not valid, so the candidate was not judged."


def _undecided(result: Result, gated: tuple[MetricVerdict, ...]) -> str:
    undecided = [metric for metric in gated if metric.verdict is Verdict.INCONCLUSIVE]
    objectives = result.judgement.objectives if result.judgement else ()
    if not undecided and result.stored is not None and not result.stored.records:
        return (
            f"The stored numbers of {result.baseline_name} are not comparable here; its model was not measured again."
        )
    if not undecided and (
        open_ := [each for each in objectives if each.counts and each.verdict is Verdict.INCONCLUSIVE]
    ):
        return f"The data does not show whether the candidate meets its objective for {open_[0].metric}."
    if not undecided:
        return "The measurement is inconclusive."
    first = undecided[0]
    accepted = formatting.limit(first.tolerance, first.metric)
    return f"The data does not show whether {_name(first)} stays within its tolerance of {accepted}."


def _success(result: Result, gated: tuple[MetricVerdict, ...]) -> str:
    objectives = [each for each in (result.judgement.objectives if result.judgement else ()) if each.counts]
    count = _others(len(objectives), "objective")
    if not gated and not objectives:
        return "Everything that was judged is warn-only."
    if not gated:
        return f"The candidate meets {count}; {_beside(result)}."
    parts = (*_within(gated), *_accepted(gated), f"It meets {count}." if objectives else "")
    return " ".join(part for part in parts if part)


def _beside(result: Result) -> str:
    """Return why no metric counts."""
    if result.comparison == "none":
        return "there was no baseline to compare with"
    warns = any(each.warns for each in in_order(result))
    return "its changes are warn-only" if warns else "none of its changes are gated"


def _within(gated: tuple[MetricVerdict, ...]) -> Iterator[str]:
    own = [metric for metric in gated if not metric.needs_acceptance]
    if own:
        worst = max(own, key=lambda metric: badness(metric) if math.isfinite(badness(metric)) else -math.inf)
        yield (
            f"The candidate is no worse than its baseline in {_others(len(own), 'gated metric')}; the closest to its "
            f"limit is {worst.metric}, {formatting.change(worst.effect.change, worst.metric)} with a tolerance of "
            f"{formatting.limit(worst.tolerance, worst.metric)}."
        )


def _accepted(gated: tuple[MetricVerdict, ...]) -> Iterator[str]:
    for each in gated:
        if each.accepted and each.needs_acceptance:
            own, up_to = (formatting.limit(x, each.metric) for x in (each.accepted.own_tolerance, each.accepted.up_to))
            yield (
                f"{each.metric} changed by {formatting.change(each.effect.change, each.metric)}; up to {up_to} is "
                f"accepted until {each.accepted.expires}, instead of its own tolerance of {own}."
            )


def _name(metric: MetricVerdict) -> str:
    words = description(metric.metric)
    return f"{metric.metric} ({words})" if words else metric.metric


def _others(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
