"""The known name that a mistyped one most likely means."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(wanted: str, known: Iterable[str]) -> str:
    """Give the most similar of the known names, however far; ValueError when there are none."""
    return max(known, key=lambda name: difflib.SequenceMatcher(None, wanted, name).ratio())
