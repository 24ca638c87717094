"""Markdown tables and their cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

NOTHING = "-"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Format a table; the cells are already Markdown."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(_cell(each) for each in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|") or NOTHING


def prose(text: str) -> str:
    """Convert text written for a terminal or an editor to Markdown: escape `<`, and turn names of pages into links."""
    escaped = re.sub(r"<(?=[^`]*(?:`[^`]*`[^`]*)*$)", "&lt;", text)
    return re.sub(r"\(docs/([\w/.-]+\.md(?:#[\w-]+)?)\)", r"([more](../\1))", escaped).replace("(../reference/", "(")


def code(text: object) -> str:
    """Format a word of the interface as code."""
    return f"`{text}`"


def sentence(text: str) -> str:
    """Capitalize the first letter and add a full stop."""
    first = text if text.startswith("perfgate") else text[:1].upper() + text[1:]
    return f"{first.rstrip('.')}." if first else ""
