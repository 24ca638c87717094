"""GitHub Actions: annotations of failures, and a job summary in Markdown."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator

from perfgate.explain.sentences import cause_lines
from perfgate.gate.verdict import Verdict
from perfgate.report.formats.cases import cases, scenario_name
from perfgate.report.rows import GateRow, accepted_rows, gate_rows, hints, objective_rows
from perfgate.report.sentences import looks_sentence, power_sentence, sentence, verdict_word
from perfgate.results.result import Result
from perfgate.sanitize import one_line, printable
from perfgate.scenario.severity import Severity

SUMMARY_LIMIT = 1 << 20
"""Largest step summary, bytes; GitHub drops a larger one (GitHub, Workflow commands, Adding a job summary)."""

_ICONS = {"PASS": "✅", "FAIL": "❌", "INCONCLUSIVE": "❔", "INVALID": "⛔", "WARN": "⚠️", "ACCEPTED": "☑️"}
_PLAIN = frozenset(" ,+%=/();'")
"""Characters besides letters and digits that have no meaning in Markdown in the middle of a line."""
_PLAIN_BETWEEN = re.compile(
    r"(?<=[0-9])\.(?=[0-9])|(?<=[a-z%)])[.:](?= |$)|(?<=[a-z0-9])_(?=[a-z0-9])|(?<= )-(?=[0-9])"
)
"""Characters without meaning between such neighbours: in numbers, metric names and at the ends of sentences."""


def workflow_commands(result: Result) -> tuple[str, ...]:
    """Return workflow commands: an error for each failed metric, and one line for a run that decides nothing.

    Warn-only failures are warnings.
    """
    where = f"perfgate {scenario_name(result)}"
    failed = [case for case in cases(result) if case.verdict is Verdict.FAIL]
    lines = [
        _command("warning" if case.warns else "error", f"{where}: {case.name}", f"{case.headline}. {case.details}")
        for case in failed
    ]
    word = verdict_word(result)
    if word == Verdict.PASS.upper() or not all(case.warns for case in failed):
        return tuple(lines)
    said = result.judgement.headline if result.judgement else sentence(result)
    kind = "warning" if word == Verdict.INCONCLUSIVE.upper() else "error"
    return (_command(kind, f"{where}: {word}", said), *lines)


def _command(kind: str, title: str, message: str) -> str:
    """Escape like the toolkit's `core` package (`command.ts`): a title ends at a comma or at `::`."""
    title = _escaped(one_line(title)).replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={title}::{_escaped(printable(message))}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def job_summary(results: Iterable[Result], room: int = SUMMARY_LIMIT) -> str:
    """Write Markdown of at most `room` bytes: the full summary, each run's verdict only, or nothing."""
    results = tuple(results)
    for text in ("\n".join(map(_whole, results)), "".join(map(_title, results))):
        if len(text.encode()) <= room:
            return text
    return ""


def _title(result: Result) -> str:
    word = verdict_word(result)
    return f"### {_ICONS.get(word, '⏹')} {word} {_text(scenario_name(result))}\n\n{_text(sentence(result))}\n\n"


def _whole(result: Result) -> str:
    parts = [
        _title(result),
        _causes(result),
        _gate([row for row in gate_rows(result) if row.gated]),
        _objectives(result),
        _accepted(result),
        *(f"{_text(words)}\n\n" for words in (power_sentence(result), looks_sentence(result)) if words),
        *_open(result),
        *(f"- ⚠️ {_text(c.message)}{f': {_text(c.remedy)}' if c.remedy else ''}\n" for c in result.cautions),
    ]
    models = "".join(f"{arm} {_code(model.given)}  \n" for arm, model in result.models.items())
    return f"{''.join(parts)}\n{models}run again {_code(shlex.join(result.command))}\n"


def _causes(result: Result) -> str:
    lines = cause_lines(result.explanation) if result.explanation else ()
    return "".join(f"{number}. {_text(words)}\n" for number, words in enumerate(lines, 1)) + "\n" * bool(lines)


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
    yield from (f"- {_text(reason)}\n" for reason in reasons)
    yield from (f"- `{metric}` is inconclusive: {_text(more)}\n" for metric, more in hints(result))


def _accepted(result: Result) -> str:
    rows = accepted_rows(result)
    if not rows:
        return ""
    lines = [
        "| accepted regression | change | up to | own tolerance | until | by | reason |",
        "|---|--:|--:|--:|---|---|---|",
    ]
    lines += [
        f"| {_text(r.word)}: `{r.metric}` | {r.change} | {r.up_to} | {r.own_tolerance} | {r.until} | {_text(r.author)} "
        f"| {_text(r.reason)} |"
        for r in rows
    ]
    return "\n".join(lines) + "\n\n"


def _verdict(word: str, severity: Severity) -> str:
    only = " (warn-only)" if severity is Severity.WARN and word != "warn" else ""
    return f"{_ICONS[word.upper()]} {word}{only}"


def _text(text: str) -> str:
    """Escape an external string as plain text: no markup, link, mention or line break."""
    line = one_line(text)
    plain = {match.start() for match in _PLAIN_BETWEEN.finditer(line)}
    return "".join(
        char if char.isalnum() or char in _PLAIN or at in plain else f"&#{ord(char)};" for at, char in enumerate(line)
    )


def _code(text: str) -> str:
    """Enclose it in more backticks than it contains (CommonMark, Code spans)."""
    line = one_line(text)
    longest = max((len(run) for run in "".join(c if c == "`" else " " for c in line).split()), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {line} {fence}"
