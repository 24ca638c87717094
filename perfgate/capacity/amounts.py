"""Amounts of a demand as written on the command line: `20M`, `1.5k`, `300,000`; `30%`."""

from __future__ import annotations

import re
from math import isfinite

from perfgate.errors import UsageError
from perfgate.formatting import given
from perfgate.sanitize import one_line
from perfgate.scenario.quantities import share_in

_FACTORS = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}
_RATE = r"\s*(\d{1,3}(?:,\d{3})+|\d+)?(\.\d*)?\s*([kKMG]?)\s*"
_MOST_RPS = 1e12
_LONGEST = 40


def rate_in(text: str, option: str) -> float:
    """Parse requests per second: `20M` is 20 million, `1.5k` is 1,500. UsageError for nonsense and for 0."""
    match = re.fullmatch(_RATE, text, re.ASCII)
    digits = (match[1] or "").replace(",", "") + (match[2] or "") if match else ""
    if match is None or not digits.strip("."):
        return _refuse(option, text, "is not a rate", 'give requests per second, such as 300000, "1.5k" or "20M"')
    rate_rps = float(digits) * _FACTORS[match[3]]
    if not 0 < rate_rps <= _MOST_RPS:
        return _refuse(option, text, "is not a rate", f"give requests per second, above 0 and up to {given(_MOST_RPS)}")
    return rate_rps


def headroom_in(text: str, option: str) -> float:
    """Parse the share of a server's capacity that stays unused: `30%` or `0.3`, below 1. UsageError otherwise."""
    share = share_in(text)
    share = _number(text) if share is None else share
    if share is None or not 0 <= share < 1:
        why = "leaves no capacity" if share is not None and share >= 1 else "is not a share"
        return _refuse(option, text, why, 'give the share of a server\'s capacity to keep free, such as "30%"')
    return share


def price_in(text: str, option: str) -> float:
    """Parse the price of a server for an hour: a number, in any currency. UsageError if it is none, or negative."""
    price = _number(text)
    if price is None:
        return _refuse(
            option, text, "is not a price", "give what a server costs an hour as a plain number, such as 0.34"
        )
    return price


def _number(text: str) -> float | None:
    """Read a plain number that is not negative; None for any other text."""
    match = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*", text, re.ASCII)
    found = float(match[1]) if match else None
    return found if found is not None and isfinite(found) else None


def _refuse(option: str, text: str, why: str, remedy: str) -> float:
    msg = f'{option}: "{one_line(text, _LONGEST)}" {why}'
    raise UsageError(msg, remedy)
