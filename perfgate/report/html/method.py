"""How the run was decided, in sentences about this particular run."""

from __future__ import annotations

from perfgate import formatting
from perfgate.gate.verdict import MetricVerdict
from perfgate.report.sentences import sharing
from perfgate.results.result import Result
from perfgate.stats.contrast import LEAST_PAIRS
from perfgate.trials import Arm

_RUNNING = "endpoint"


def method(result: Result) -> tuple[str, ...]:
    """Return paragraphs: how it was measured, what is compared, how certain a decision is, and what a verdict means."""
    if result.judgement is None:
        return ("The run did not finish, so there is no verdict. This page shows what was measured.",)
    parts = (_measured(result), _compared(result), _looked(result), _decided(result), _objectives(result))
    return tuple(part for part in parts if part)


def _measured(result: Result) -> str:
    if not result.trials.block:
        return "Nothing was measured."
    kind = result.scenario.get("target", {}).get("kind", "")
    counts = {arm: sum(each.arm == arm for each in result.replicas) for arm in Arm}
    used = [f"{count} of the {arm}" for arm, count in counts.items() if count]
    ran = "were already running and were measured in turns" if kind == _RUNNING else "were running at the same time"
    servers = f"The servers ({', '.join(used)}) {ran}; each block visited all, in random order. " if used else ""
    return (
        f"{servers}Two processes serving the same model differ, so requests to one process are not independent "
        "evidence: a server (replica) contributes one number per metric, however many requests it answered."
    )


def _compared(result: Result) -> str:
    judged = result.judgement.metrics if result.judgement else ()
    if result.comparison == "none":
        return "There was no baseline: nothing is compared, and only objectives are judged."
    if result.comparison == "stored numbers":
        if not judged:
            return "The stored numbers of the baseline are not comparable here, so only objectives are judged."
        return (
            "The baseline was not measured again: its stored numbers, from other occasions, are compared with those "
            "of the candidate. The interval is a prediction interval: it includes the variation between servers and "
            "between days, once for the candidate and once for the mean over the baseline's days; records of one day "
            "count as one. Large changes are detected and small ones stay inconclusive, even with more time or more "
            "servers."
        )
    return f"{_numbers(result)} {_intervals(result)}" if judged else ""


def _numbers(result: Result) -> str:
    relative = "Times and CPU times of a server are taken relative to its blocks, which cancels drift of the machine"
    if not result.payload_shares:  # an older run, by the rules of its version
        return f"{relative}; p99 and beyond, memory and starts are one number per server."
    return (
        f"{relative}. Outliers are limited within each recorded request, and the server's number is the mean over "
        "requests, weighted by their share of the traffic: no request is excluded. p99 and beyond are taken over all "
        "requests of an arm; memory and starts are one number per server."
    )


def _intervals(result: Result) -> str:
    pairs = "metrics under load (except memory) and for starts" if result.payload_shares else "starts"
    which = "visited or started together" if result.payload_shares else "started together"
    return (
        "The interval is Welch's t over servers, on the log scale, adjusted for fork server and start order where the "
        f"design allows. For {pairs} it is Student's t over pairs of servers that were {which}, given at "
        f"least {LEAST_PAIRS} pairs; for error rates it is exact binomial. Model sizes are known without error."
    )


def _looked(result: Result) -> str:
    judged = result.judgement.metrics if result.judgement else ()
    if not judged:
        return ""
    looks = len(result.looks)
    each = f"Each bound of an interval has its own error level, {formatting.share(judged[0].effect.alpha)}"
    if result.comparison == "stored numbers" or looks == 0:
        return f"{each}. The data was looked at once, at the end."
    sources = len({look.source for look in result.looks})
    return (
        f"{each}, shared by all interim analyses (looks): {looks} were made, at planned times, in {sources} "
        f"lane{'s' * (sources != 1)}. The level that each look may spend was also fixed in advance. The bounds shown "
        "are the narrowest of all looks: they are valid whenever measuring ended."
    )


def _decided(result: Result) -> str:
    judged = result.judgement.metrics if result.judgement else ()
    gated = [metric for metric in judged if metric.gated]
    counting = [metric for metric in gated if metric.counts]
    if not gated:
        return ""
    alone = " Warn-only metrics share a separate error level and do not affect the verdict." * (gated != counting)
    return (
        "A metric fails when its whole interval is beyond the tolerance, passes when no part of it is, and is "
        f"inconclusive otherwise.{_shared(counting, result)}{alone}{_accepted(gated)} The run fails if any metric or "
        f"objective with severity error fails, and passes if all of them pass{_where_it_can(counting)}."
    )


def _where_it_can(counting: list[MetricVerdict]) -> str:
    names = [metric.metric for metric in counting if not metric.required]
    return f"; {', '.join(names)} may stay inconclusive (not required by default)" if names else ""


def _shared(counting: list[MetricVerdict], result: Result) -> str:
    sharers = sharing(counting, result, "gated metric") if counting else ""
    if not sharers and (not counting or result.gates == 1):
        return ""
    alpha, level = (formatting.share(each) for each in (counting[0].effect.alpha, min(m.level for m in counting)))
    return (
        f" The {alpha} false alarm rate is shared by {sharers or 'the metric'}{_of_gates(result)} by Holm's procedure: "
        f"the first to fail must do so at {level}, so an interval just beyond its tolerance may still be inconclusive."
    )


def _of_gates(result: Result) -> str:
    return f" of each of {gates} gates" if (gates := result.gates) > 1 else ""


def _accepted(gated: list[MetricVerdict]) -> str:
    names = [metric.metric for metric in gated if metric.accepted is not None]
    return f" An accepted regression replaces the tolerance of {', '.join(names)}." if names else ""


def _objectives(result: Result) -> str:
    if not result.judgement or not result.judgement.objectives:
        return ""
    return (
        "An objective is judged on the candidate alone: a percentile by the exact binomial bound on the share of "
        "requests beyond it, and an error rate by the one on the share that failed, with the sample size reduced "
        "where requests are correlated or fail in bursts. Anything else is judged by Student's t over servers, with "
        "an upper bound that allows for skewed values."
    )
