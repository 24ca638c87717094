"""The glossary, from the report's table of words."""

from __future__ import annotations

from posixpath import relpath

from docs.reference.make.markdown import table
from perfgate.report.glossary import TERMS, Term

PAGE = "docs/explanation/glossary.md"


def glossary() -> str:
    """Explain each word, and link it to the page that says more."""
    return table(("word", "what it is", "elsewhere called"), map(_row, TERMS))


def _row(term: Term) -> tuple[str, ...]:
    page, _, anchor = term.where.partition("#")
    link = relpath(page, "explanation") + (f"#{anchor}" if anchor else "")
    return f"[{term.word}]({link})", term.meaning, term.field
