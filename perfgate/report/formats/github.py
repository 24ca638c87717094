"""GitHub Actions: annotations of what failed, and a job summary in Markdown."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from perfgate.gate.verdict import Verdict
from perfgate.report.formats.cases import cases, scenario_name
from perfgate.report.plain import one_line, printable
from perfgate.report.result import Result
from perfgate.report.rows import GateRow, gate_rows, hints, objective_rows
from perfgate.report.sentences import looks_sentence, power_sentence, sentence, verdict_word

SUMMARY_LIMIT = 1 << 20
"""Bytes of a step's summary: what is larger is not shown at all (GitHub, Workflow commands, Adding a job summary)."""

_ICONS = {"PASS": "✅", "FAIL": "❌", "INCONCLUSIVE": "❔", "INVALID": "⛔"}
_PLAIN = frozenset(" ,+%=/()")
"""Beside letters and digits: what means nothing to Markdown in the middle of a line."""


def workflow_commands(result: Result) -> tuple[str, ...]:
    """Give workflow commands: an error for each metric that failed, and one line for a run that decides nothing."""
    where = f"perfgate {scenario_name(result)}"
    failed = [case for case in cases(result) if case.verdict is Verdict.FAIL]
    if failed:
        return tuple(_command("error", f"{where}: {case.name}", f"{case.headline}. {case.details}") for case in failed)
    word = verdict_word(result)
    if word == Verdict.PASS.upper():
        return ()
    said = result.judgement.headline if result.judgement else sentence(result)
    return (_command("warning" if word == Verdict.INCONCLUSIVE.upper() else "error", f"{where}: {word}", said),)


def _command(kind: str, title: str, message: str) -> str:
    """Escape as the toolkit's `core` package does (`command.ts`): a title ends at a comma or at `::`."""
    title = _escaped(one_line(title)).replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={title}::{_escaped(printable(message))}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def job_summary(results: Iterable[Result], room: int = SUMMARY_LIMIT) -> str:
    """Write Markdown of at most `room` bytes: all there is to say, or each run's verdict, or nothing."""
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
        _gate([row for row in gate_rows(result) if row.gated]),
        _objectives(result),
        *(f"{_text(words)}\n\n" for words in (power_sentence(result), looks_sentence(result)) if words),
        *_open(result),
        *(f"- ⚠️ {_text(c.message)}{f': {_text(c.remedy)}' if c.remedy else ''}\n" for c in result.cautions),
    ]
    models = "".join(f"{arm} {_code(model.given)}  \n" for arm, model in result.models.items())
    return f"{''.join(parts)}\n{models}again {_code(shlex.join(result.command))}\n"


def _gate(rows: list[GateRow]) -> str:
    if not rows:
        return ""
    lines = [
        "| verdict | metric | change | interval | tolerance | baseline | candidate |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {_verdict(r.verdict)} | `{r.metric}` | {r.change} | {r.interval} | {r.tolerance} | {r.baseline} | {r.candidate} |"  # noqa: E501
        for r in rows
    ]
    return "\n".join(lines) + "\n\n"


def _objectives(result: Result) -> str:
    rows = objective_rows(result)
    if not rows:
        return ""
    lines = ["| verdict | objective | asked | candidate | bounds |", "|---|---|--:|--:|--:|"]
    lines += [f"| {_verdict(r.verdict)} | `{r.metric}` | {r.bound} | {r.value} | {r.interval} |" for r in rows]
    return "\n".join(lines) + "\n\n"


def _open(result: Result) -> Iterator[str]:
    reasons = result.judgement.reasons if result.judgement and result.judgement.verdict is not Verdict.PASS else ()
    yield from (f"- {_text(reason)}\n" for reason in reasons)
    yield from (f"- `{metric}` is undecided: {_text(more)}\n" for metric, more in hints(result))


def _verdict(verdict: Verdict) -> str:
    return f"{_ICONS[verdict.upper()]} {verdict.value}"


def _text(text: str) -> str:
    """Let a string from outside be text and nothing else: no markup, no link, no mention, no second line."""
    return "".join(char if char.isalnum() or char in _PLAIN else f"&#{ord(char)};" for char in one_line(text))


def _code(text: str) -> str:
    """Put it between more backticks than it has itself (CommonMark, Code spans)."""
    line = one_line(text)
    longest = max((len(run) for run in "".join(c if c == "`" else " " for c in line).split()), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {line} {fence}"
