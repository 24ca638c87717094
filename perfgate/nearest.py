"""The known name that a mistyped one most likely means."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_ALIKE = 0.6
"""Ratio from which two names are alike; difflib's own, and so what `get_close_matches` would take."""


def nearest(wanted: str, known: Iterable[str]) -> str:
    """Return the most similar of the known names, however far, the first of several; ValueError when there are none.

    A name that goes on where the wanted one ends is meant rather than one that looks like it: `rate_rps` by `rate`.
    """
    return max(known, key=lambda name: (_goes_on(wanted, name), _ratio(wanted, name)))


def is_near(wanted: str, name: str) -> bool:
    """Return whether a name is likely to be meant: it begins with the wanted one, or the two are much alike."""
    return _goes_on(wanted, name) or _ratio(wanted, name) >= _ALIKE


def suggestion(wanted: str, known: Iterable[str]) -> str:
    """Suggest the nearest of the known names, or list them all where none is near."""
    names = sorted(known)
    if names and is_near(wanted, closest := nearest(wanted, names)):
        return f"did you mean {closest}?"
    return f"known: {', '.join(names)}"


def _goes_on(wanted: str, name: str) -> bool:
    return bool(wanted) and name.startswith(wanted)


def _ratio(wanted: str, name: str) -> float:
    return difflib.SequenceMatcher(None, name, wanted).ratio()
