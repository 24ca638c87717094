"""The syntax that GitHub reads: workflow commands, and Markdown without what strings from outside could mean in it."""

from __future__ import annotations

import re

from perfgate.sanitize import one_line, printable

SUMMARY_LIMIT = 1 << 20
"""Largest step summary, bytes; GitHub drops a larger one (GitHub, Workflow commands, Adding a job summary)."""

_ICONS = {"pass": "✅", "fail": "❌", "inconclusive": "❔", "invalid": "⛔", "warn": "⚠️", "accepted": "☑️"}
_PLAIN = frozenset(" ,+%=/();'")
"""Characters besides letters and digits that have no meaning in Markdown in the middle of a line."""
_PLAIN_BETWEEN = re.compile(
    r"(?<=[0-9])\.(?=[0-9])|(?<=[a-z%)])[.:](?= |$)|(?<=[a-z0-9])_(?=[a-z0-9])|(?<= )-(?=[0-9])"
)
"""Characters without meaning between such neighbours: in numbers, metric names and at the ends of sentences."""


def icon(word: str) -> str:
    """Return the sign of a verdict, in any case; of another word, that of a run without a verdict."""
    return _ICONS.get(word.lower(), "⏹")


def that_fits(room: int, *texts: str) -> str:
    """Return the first text of at most `room` bytes; empty if there is none."""
    return next((text for text in texts if len(text.encode()) <= room), "")


def command(kind: str, title: str, message: str) -> str:
    """Escape like the toolkit's `core` package (`command.ts`): a title ends at a comma or at `::`."""
    title = _escaped(one_line(title)).replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={title}::{_escaped(printable(message))}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def plain(text: str) -> str:
    """Escape an external string as plain text: no markup, link, mention or line break."""
    line = one_line(text)
    bare = {match.start() for match in _PLAIN_BETWEEN.finditer(line)}
    return "".join(
        char if char.isalnum() or char in _PLAIN or at in bare else f"&#{ord(char)};" for at, char in enumerate(line)
    )


def code(text: str) -> str:
    """Enclose it in more backticks than it contains (CommonMark, Code spans)."""
    line = one_line(text)
    longest = max((len(run) for run in "".join(c if c == "`" else " " for c in line).split()), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {line} {fence}"
