"""Markdown: tables and cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

NOTHING = "-"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; cells are Markdown already."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(_cell(each) for each in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|") or NOTHING


def prose(text: str) -> str:
    """Let text that was written for a terminal or an editor stand in a page: `<` opens no markup, pages are links."""
    escaped = re.sub(r"<(?=[^`]*(?:`[^`]*`[^`]*)*$)", "&lt;", text)
    return re.sub(r"\(docs/([\w/.-]+\.md(?:#[\w-]+)?)\)", r"([more](../\1))", escaped).replace("(../reference/", "(")


def code(text: object) -> str:
    """Write a word of the interface."""
    return f"`{text}`"


def sentence(text: str) -> str:
    """Begin with a capital and end with a full stop."""
    first = text if text.startswith("perfgate") else text[:1].upper() + text[1:]
    return f"{first.rstrip('.')}." if first else ""
