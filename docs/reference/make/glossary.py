"""The glossary, from the report's table of terms."""

from __future__ import annotations

from posixpath import relpath

from docs.reference.make.markdown import table
from perfgate.report.glossary import TERMS, Term

PAGE = "docs/explanation/glossary.md"


def glossary() -> str:
    """Explain each term, with a link to the page that has the details."""
    return table(("word", "what it is", "elsewhere called"), map(_row, TERMS))


def _row(term: Term) -> tuple[str, ...]:
    page, _, anchor = term.where.partition("#")
    link = relpath(page, "explanation") + (f"#{anchor}" if anchor else "")
    return f"[{term.word}]({link})", term.meaning, term.field
