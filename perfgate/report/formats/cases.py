"""A result as cases, one for each gated metric or objective: the source of every format for CI servers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from perfgate.gate.headline import against_bound, against_tolerance
from perfgate.gate.verdict import Verdict
from perfgate.report.rows import AcceptedRow, accepted_rows, in_order, minimum_detectable_effect
from perfgate.report.sentences import sentence, verdict_word
from perfgate.results.result import Result

WHOLE_RUN = "run"


@dataclass(frozen=True, slots=True)
class ReportedCase:
    """One decision of the gate."""

    name: str
    verdict: Verdict
    headline: str
    """The number and its limit: `+12.4% [+8.1, +16.9] > 5%`."""
    details: str
    """The reason; for an undecided case, what would decide it."""
    is_objective: bool = False
    warns: bool = False
    """Whether a failure does not count in the run's verdict."""
    acceptance: str = ""
    """The accepted regression under which it was judged; empty if none."""


def scenario_name(result: Result) -> str:
    """Return the scenario's name."""
    return str(result.scenario.get("name") or "default")


def cases(result: Result) -> tuple[ReportedCase, ...]:
    """List all cases, failing metrics first; a verdict that none of them explains is a case of its own, `run`."""
    found = tuple(_decided(result))
    unjudged = result.judgement is None or result.status == "interrupted"
    whole = Verdict.INVALID if unjudged or result.judgement is None else result.judgement.verdict
    if whole is Verdict.INVALID:
        headline = f"{verdict_word(result)}: {_headline(result)}"
        details = "\n".join(result.judgement.reasons) if result.judgement else ""
        voided = (replace(each, verdict=whole, headline=headline, details=details, acceptance="") for each in found)
        return tuple(voided) or (ReportedCase(WHOLE_RUN, whole, headline, details),)
    if whole is Verdict.PASS or any(each.verdict is whole and not each.warns for each in found):
        return found
    reasons = "\n".join(result.judgement.reasons) if result.judgement else ""
    return (ReportedCase(WHOLE_RUN, whole, _headline(result), reasons), *found)


def _headline(result: Result) -> str:
    return result.judgement.headline if result.judgement else sentence(result)


def _decided(result: Result) -> Iterator[ReportedCase]:
    accepted = {row.metric: _words(row) for row in accepted_rows(result)}
    for metric in in_order(result):
        if metric.gated:
            found = f"smallest regression detectable in 4 of 5 runs: {minimum_detectable_effect(metric)}"
            details = "; ".join(part for part in (metric.reason, metric.more, found) if part)
            is_open = metric.verdict is Verdict.INCONCLUSIVE
            headline = metric.reason if is_open else against_tolerance(metric)
            acceptance = accepted.get(metric.metric, "")
            yield ReportedCase(
                metric.metric, metric.verdict, headline, details, warns=metric.warns, acceptance=acceptance
            )
    for objective in result.judgement.objectives if result.judgement else ():
        details = "; ".join(part for part in (objective.reason, objective.more) if part)
        is_open = objective.verdict is Verdict.INCONCLUSIVE
        headline = objective.reason if is_open else against_bound(objective)
        yield ReportedCase(
            objective.metric, objective.verdict, headline, details, is_objective=True, warns=objective.warns
        )


def _words(row: AcceptedRow) -> str:
    of = f"up to {row.up_to} until {row.until} instead of {row.own_tolerance}"
    return f"{row.word}: {of}. {row.author}: {row.reason}"
