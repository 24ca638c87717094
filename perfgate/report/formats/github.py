"""GitHub Actions: annotations of failures, and a job summary in Markdown."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from perfgate.explain.sentences import cause_lines
from perfgate.gate.verdict import Verdict
from perfgate.report.formats.cases import cases, scenario_name
from perfgate.report.formats.github_syntax import SUMMARY_LIMIT, code, command, icon, plain, that_fits
from perfgate.report.rows import GateRow, accepted_rows, gate_rows, hints, objective_rows
from perfgate.report.sentences import looks_sentence, power_sentence, sentence, verdict_word
from perfgate.results.result import Result
from perfgate.scenario.severity import Severity


def workflow_commands(result: Result) -> tuple[str, ...]:
    """Return workflow commands: an error for each failed metric, and one line for a run that decides nothing.

    Warn-only failures are warnings.
    """
    where = f"perfgate {scenario_name(result)}"
    failed = [case for case in cases(result) if case.verdict is Verdict.FAIL]
    lines = [
        command("warning" if case.warns else "error", f"{where}: {case.name}", f"{case.headline}. {case.details}")
        for case in failed
    ]
    word = verdict_word(result)
    if word == Verdict.PASS.upper() or not all(case.warns for case in failed):
        return tuple(lines)
    said = result.judgement.headline if result.judgement else sentence(result)
    kind = "warning" if word == Verdict.INCONCLUSIVE.upper() else "error"
    return (command(kind, f"{where}: {word}", said), *lines)


def job_summary(results: Iterable[Result], room: int = SUMMARY_LIMIT) -> str:
    """Write Markdown of at most `room` bytes: the full summary, each run's verdict only, or nothing."""
    results = tuple(results)
    return that_fits(room, "\n".join(map(_whole, results)), "".join(map(_title, results)))


def _title(result: Result) -> str:
    word = verdict_word(result)
    return f"### {icon(word)} {word} {plain(scenario_name(result))}\n\n{plain(sentence(result))}\n\n"


def _whole(result: Result) -> str:
    parts = [
        _title(result),
        _causes(result),
        _gate([row for row in gate_rows(result) if row.gated]),
        _objectives(result),
        _accepted(result),
        *(f"{plain(words)}\n\n" for words in (power_sentence(result), looks_sentence(result)) if words),
        *_open(result),
        *(f"- ⚠️ {plain(c.message)}{f': {plain(c.remedy)}' if c.remedy else ''}\n" for c in result.cautions),
    ]
    models = "".join(f"{arm} {code(model.given)}  \n" for arm, model in result.models.items())
    return f"{''.join(parts)}\n{models}run again {code(shlex.join(result.command))}\n"


def _causes(result: Result) -> str:
    lines = cause_lines(result.explanation) if result.explanation else ()
    return "".join(f"{number}. {plain(words)}\n" for number, words in enumerate(lines, 1)) + "\n" * bool(lines)


def _gate(rows: list[GateRow]) -> str:
    if not rows:
        return ""
    lines = [
        "| verdict | metric | change | interval | tolerance | baseline | candidate |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {_verdict(r.word, r.severity)} | `{r.metric}` | {r.change} | {r.interval} | {r.tolerance} | {r.baseline} | {r.candidate} |"  # noqa: E501
        for r in rows
    ]
    return "\n".join(lines) + "\n\n"


def _objectives(result: Result) -> str:
    rows = objective_rows(result)
    if not rows:
        return ""
    lines = ["| verdict | objective | required | candidate | interval |", "|---|---|--:|--:|--:|"]
    lines += [f"| {_verdict(r.word, r.severity)} | `{r.metric}` | {r.bound} | {r.value} | {r.interval} |" for r in rows]
    return "\n".join(lines) + "\n\n"


def _open(result: Result) -> Iterator[str]:
    reasons = result.judgement.reasons if result.judgement and result.judgement.verdict is not Verdict.PASS else ()
    yield from (f"- {plain(reason)}\n" for reason in reasons)
    yield from (f"- `{metric}` is inconclusive: {plain(more)}\n" for metric, more in hints(result))


def _accepted(result: Result) -> str:
    rows = accepted_rows(result)
    if not rows:
        return ""
    lines = [
        "| accepted regression | change | up to | own tolerance | until | by | reason |",
        "|---|--:|--:|--:|---|---|---|",
    ]
    lines += [
        f"| {plain(r.word)}: `{r.metric}` | {r.change} | {r.up_to} | {r.own_tolerance} | {r.until} | {plain(r.author)} "
        f"| {plain(r.reason)} |"
        for r in rows
    ]
    return "\n".join(lines) + "\n\n"


def _verdict(word: str, severity: Severity) -> str:
    only = " (warn-only)" if severity is Severity.WARN and word != "warn" else ""
    return f"{icon(word)} {word}{only}"
