"""Durations and percentages as written in files and on the command line."""

from __future__ import annotations

import re

_NUMBER = r"([0-9]+\.?[0-9]*|\.[0-9]+)"
_UNITS_S = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}

DURATION = rf"\s*{_NUMBER}\s*(ms|s|min|m|h|)\s*"
PERCENTAGE = rf"\s*{_NUMBER}\s*%\s*"
"""Regular expressions for the whole text, also used in JSON Schemas."""


def seconds_in(text: str) -> float | None:
    """Parse a duration such as `60`, `60s`, `500ms`, `1.5min`, `2h` to seconds; None for any other text."""
    match = re.fullmatch(DURATION, text)
    return float(match[1]) * _UNITS_S[match[2]] if match else None


def share_in(text: str) -> float | None:
    """Parse a percentage, such as `5%` to 0.05; None for any other text."""
    match = re.fullmatch(PERCENTAGE, text)
    return float(match[1]) / 100 if match else None
