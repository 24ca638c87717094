"""The page of cautions, from their table."""

from __future__ import annotations

from docs.reference.make.markdown import code, prose, sentence, table
from perfgate.cautions import EARLIER_CODES, CautionKind


def cautions() -> str:
    """Describe every caution: its meaning, its message and its remedy."""
    kinds = table(("code", "what it means", "message", "remedy"), map(_row, CautionKind))
    earlier = table(("earlier", "now"), ((code(old), code(kind.code)) for old, kind in EARLIER_CODES.items()))
    return f"{kinds}\n\n## Earlier codes\n\nResults of earlier versions are read with today's codes.\n\n{earlier}"


def _row(kind: CautionKind) -> tuple[str, ...]:
    return code(kind.code), prose(sentence(kind.meaning)), prose(kind.message), prose(kind.remedy)
