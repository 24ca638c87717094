"""Suggestions for mistyped names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_ALIKE = 0.6
"""Similarity from which two names count as similar; the default of difflib's `get_close_matches`."""


def nearest(wanted: str, known: Iterable[str]) -> str:
    """Return the most similar known name, however different, the first of several; ValueError if there are none.

    A name that begins with the wanted one is preferred to one that looks similar: `rate_rps` for `rate`.
    """
    return max(known, key=lambda name: (_goes_on(wanted, name), _ratio(wanted, name)))


def is_near(wanted: str, name: str) -> bool:
    """Return whether a name is probably meant: it begins with the wanted one, or the two are similar."""
    return _goes_on(wanted, name) or _ratio(wanted, name) >= _ALIKE


def suggestion(wanted: str, known: Iterable[str]) -> str:
    """Suggest the most similar known name, or list all of them if none is similar."""
    names = sorted(known)
    if names and is_near(wanted, closest := nearest(wanted, names)):
        return f"did you mean {closest}?"
    return f"known: {', '.join(names)}"


def _goes_on(wanted: str, name: str) -> bool:
    return bool(wanted) and name.startswith(wanted)


def _ratio(wanted: str, name: str) -> float:
    return difflib.SequenceMatcher(None, name, wanted).ratio()
