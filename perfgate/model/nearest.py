"""The known name that a mistyped one most likely means."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(wanted: str, known: Iterable[str]) -> str:
    """Give the most similar of the known names, however far; ValueError when there are none.

    A name that goes on where the wanted one ends is meant rather than one that looks like it: `rate_rps` by `rate`.
    """
    ratios = {name: difflib.SequenceMatcher(None, wanted, name).ratio() for name in known}
    return max(ratios, key=lambda name: (bool(wanted) and name.startswith(wanted), ratios[name]))
