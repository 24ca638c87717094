"""A result as cases, one a gated metric or objective: what every format for CI servers is made from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from perfgate.gate.verdict import Verdict
from perfgate.report import figures
from perfgate.report.result import Result
from perfgate.report.rows import detectable, in_order, objective_rows
from perfgate.report.sentences import sentence, verdict_word

WHOLE_RUN = "run"


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that was to be decided."""

    name: str
    verdict: Verdict
    headline: str
    """The number and its limit: `+12.4% [+8.1, +16.9] > 5%`."""
    details: str
    """Why, and of what is open what would decide it."""
    is_objective: bool = False


def scenario_name(result: Result) -> str:
    """Name the scenario."""
    return str(result.scenario.get("name") or "default")


def cases(result: Result) -> tuple[Case, ...]:
    """List what was decided, failures first; a verdict that none of them explains is a case of its own, `run`."""
    unjudged = result.judgement is None or result.status == "interrupted"
    whole = Verdict.INVALID if unjudged or result.judgement is None else result.judgement.verdict
    if whole is Verdict.INVALID:
        headline = f"{verdict_word(result)}: {_headline(result)}"
        details = "\n".join(result.judgement.reasons) if result.judgement else ""
        names = [each.name for each in _decided(result)] or [WHOLE_RUN]
        return tuple(Case(name, whole, headline, details) for name in names)
    found = tuple(_decided(result))
    if whole is Verdict.PASS or any(each.verdict is whole for each in found):
        return found
    reasons = "\n".join(result.judgement.reasons) if result.judgement else ""
    return (Case(WHOLE_RUN, whole, _headline(result), reasons), *found)


def _headline(result: Result) -> str:
    return result.judgement.headline if result.judgement else sentence(result)


def _decided(result: Result) -> Iterator[Case]:
    for metric in in_order(result):
        if metric.gated:
            seen = figures.change(metric.effect.change, metric.metric)
            interval = figures.interval(metric.effect.lower, metric.effect.upper, metric.metric)
            limit = figures.limit(metric.tolerance, metric.metric)
            sign = {Verdict.FAIL: ">", Verdict.PASS: "<="}.get(metric.verdict, "of which is accepted:")
            found = f"a regression of {detectable(metric)} would have been found in 4 of 5 runs"
            details = "; ".join(part for part in (metric.reason, metric.more, found) if part)
            yield Case(metric.metric, metric.verdict, f"{seen} {interval} {sign} {limit}", details)
    for row in objective_rows(result):
        details = "; ".join(part for part in (row.reason, row.more) if part)
        yield Case(row.metric, row.verdict, f"{row.value}, {row.bound} is asked", details, is_objective=True)
