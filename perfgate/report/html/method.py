"""How the run was decided, in sentences that hold for this very run."""

from __future__ import annotations

from perfgate import formatting
from perfgate.gate.verdict import MetricVerdict
from perfgate.report.sentences import sharing
from perfgate.results.result import Result
from perfgate.stats.contrast import LEAST_PAIRS
from perfgate.trials import Arm

_RUNNING = "endpoint"


def method(result: Result) -> tuple[str, ...]:
    """Return paragraphs: how it was measured, what is compared, how sure a decision is, and what a verdict means."""
    if result.judgement is None:
        return ("The run did not come to its end, and nothing was judged. What is shown describes it.",)
    parts = (_measured(result), _compared(result), _looked(result), _decided(result), _objectives(result))
    return tuple(part for part in parts if part)


def _measured(result: Result) -> str:
    if not result.trials.block:
        return "Nothing was measured."
    kind = result.scenario.get("target", {}).get("kind", "")
    counts = {arm: sum(each.arm == arm for each in result.replicas) for arm in Arm}
    used = [f"{count} of the {arm}" for arm, count in counts.items() if count]
    ran = "ran already and were asked by turns" if kind == _RUNNING else "were alive together"
    servers = f"The servers ({', '.join(used)}) {ran}; every block visited each, in random order. " if used else ""
    return (
        f"{servers}Two processes of one model differ on their own, so requests of one process are not independent "
        "evidence: a server (replica) counts as one number a metric, however many requests it answered."
    )


def _compared(result: Result) -> str:
    judged = result.judgement.metrics if result.judgement else ()
    if result.comparison == "none":
        return "There was no baseline: nothing is compared, and objectives alone are judged."
    if result.comparison == "stored numbers":
        if not judged:
            return "The stored numbers of the baseline do not compare here, so that only objectives are judged."
        return (
            "The baseline was not measured: its stored numbers, of other occasions, stand against those of the "
            "candidate. The interval is a prediction interval: it carries what servers differ by and what days "
            "differ by, once for the candidate and once for the mean over the days of the baseline; records of one day "
            "count as one. "
            "Large changes show, small ones stay inconclusive, and more time or more servers do not help."
        )
    return f"{_numbers(result)} {_intervals(result)}" if judged else ""


def _numbers(result: Result) -> str:
    relative = "Times and CPU times of a server are taken relative to its blocks, so that drift of the machine cancels"
    if not result.payload_shares:  # an older run, by the rules of its time
        return f"{relative}; p99 and beyond, memory and starts are one number a server."
    return (
        f"{relative}. Those far out are drawn in within each recorded request, and the mean over requests by their "
        "share of the traffic is the server's number: no request is left out. p99 and beyond are of all requests of an "
        "arm, memory and starts one number a server."
    )


def _intervals(result: Result) -> str:
    pairs = "under load, but for memory, and of starts" if result.payload_shares else "of starts"
    which = "visited or started together" if result.payload_shares else "started together"
    return (
        "The interval is Welch's t over servers, on the log scale, with fork server and start order taken out where "
        f"the design allows; {pairs} it is Student's t over pairs of servers that were {which}, "
        f"from {LEAST_PAIRS} pairs on; of error rates it is exact binomial. Sizes of models are known without error."
    )


def _looked(result: Result) -> str:
    judged = result.judgement.metrics if result.judgement else ()
    if not judged:
        return ""
    looks = len(result.looks)
    each = f"Each bound of an interval has its own error level, {formatting.share(judged[0].effect.alpha)}"
    if result.comparison == "stored numbers" or looks == 0:
        return f"{each}. It was looked at once, when all was measured."
    sources = len({look.source for look in result.looks})
    return (
        f"{each}, over all looks together: {looks} were made, at instants planned beforehand, in {sources} "
        f"lane{'s' * (sources != 1)}. How much of that level each look may spend was fixed beforehand, too. "
        "The bounds shown are the narrowest of all looks: they hold whenever measuring ended."
    )


def _decided(result: Result) -> str:
    judged = result.judgement.metrics if result.judgement else ()
    gated = [metric for metric in judged if metric.gated]
    counting = [metric for metric in gated if metric.counts]
    if not gated:
        return ""
    alone = " Those that only warn share theirs among themselves and have no part in the verdict." * (gated != counting)
    return (
        "A metric fails when its whole interval is beyond the tolerance, passes when none of it is, and is "
        f"inconclusive otherwise.{_shared(counting, result)}{alone}{_accepted(gated)} The run fails if any metric or "
        f"objective that counts does, and passes if all do{_where_it_can(counting)}."
    )


def _where_it_can(counting: list[MetricVerdict]) -> str:
    names = [metric.metric for metric in counting if not metric.required]
    return f"; {', '.join(names)} may be left open, for a run judges that only where it can" if names else ""


def _shared(counting: list[MetricVerdict], result: Result) -> str:
    if not counting or not (sharers := sharing(counting, result, "gated metric")):
        return ""
    alpha, level = (formatting.share(each) for each in (counting[0].effect.alpha, min(m.level for m in counting)))
    return (
        f" The {alpha} of a false alarm are shared by {sharers} by Holm's procedure: the first to "
        f"fail must do so at {level}, so that an interval just beyond its tolerance may still be inconclusive."
    )


def _accepted(gated: list[MetricVerdict]) -> str:
    names = [metric.metric for metric in gated if metric.accepted is not None]
    return f" An accepted regression stands in for the tolerance of {', '.join(names)}." if names else ""


def _objectives(result: Result) -> str:
    if not result.judgement or not result.judgement.objectives:
        return ""
    return (
        "An objective is judged on the candidate alone: a percentile by the exact binomial bound of the share of "
        "requests beyond it, an error rate by that of the share that failed, with requests counting for less as they "
        "resemble each other or fail in bursts; anything else by Student's t over servers, and from above by a bound "
        "for skewed values."
    )
