"""The page of causes, from their table."""

from __future__ import annotations

from docs.reference.make.markdown import code, prose, table
from perfgate.explain.cause_table import CAUSES


def causes() -> str:
    """Describe every cause: what it is, what shows it, and what to do about it."""
    columns = ("code", "what it is", "what shows it", "what to do")
    return table(columns, ((code(c.code), prose(c.meaning), prose(c.shown_by), prose(c.remedy)) for c in CAUSES))
