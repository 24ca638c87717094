"""Check that an accepted change is given in the unit in which its metric is compared."""

from __future__ import annotations

from perfgate import formatting
from perfgate.metrics import BY_NAME, Scale
from perfgate.scenario.forms import as_share

AMOUNTS = ("catch", "tolerance")
"""Keys of a metric's gate that hold a change."""
_MOST = 10.0
"""Largest change as a share; for a share of requests the limit is 1."""


def amount_problem(metric: str, given: object) -> str:
    """Return the form in which the change must be given instead; empty if it is valid, or not a number at all."""
    known = BY_NAME.get(metric)
    read = given if isinstance(given, bool) else as_share(given)
    number = read if isinstance(read, int | float) and not isinstance(read, bool) else None
    if known is None:
        return ""
    if known.scale is Scale.DIFFERENCE and known.unit != "share":
        plain = f"must be a number of {known.unit}, such as {formatting.given(known.catch)}"
        return plain if isinstance(given, str) and "%" in given else ""
    most = 1.0 if known.scale is Scale.DIFFERENCE else _MOST
    if number is None or number < most:
        return ""
    return f'must be less than {formatting.given(most)}, a share such as 0.05 or "5%"'
