"""Recorded arrivals: a file of timestamps, one a line."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from perfgate.errors import UsageError

_ONE_A_LINE = "write one timestamp in seconds per line, such as 12.5"
_WORD = re.compile(r"""["'A-Za-z_]""")


def read_trace(file: Path, speed: float = 1.0) -> tuple[float, ...]:
    """Read the arrivals of a trace as seconds since its first one, `speed` times as fast.

    Ignores blank lines, comments after `#`, and one header line before the first timestamp. UsageError, in one line
    with file and line number, for anything that is not a timestamp or goes back in time, and for an unreadable or empty
    file.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror or error}", "check the file and its permissions") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: not UTF-8 at byte {error.start}", _ONE_A_LINE) from error
    found = list(_timestamps(file, lines))
    if not found:
        raise UsageError(f"{file}: no timestamps", _ONE_A_LINE)
    return tuple((each - found[0]) / speed for each in found)


def _timestamps(file: Path, lines: list[str]) -> Iterator[float]:
    last, header_is_welcome = -math.inf, True
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        value = _number(text)
        if value is None and header_is_welcome and _WORD.match(text):
            header_is_welcome = False
            continue
        if value is None:
            shown = text if len(text) <= 40 else text[:37] + "..."
            raise UsageError(f"{file}:{number}: {shown!r} is not a timestamp", _ONE_A_LINE)
        if value < last:
            raise UsageError(f"{file}:{number}: {text} comes after {last:.15g}", "sort the timestamps with sort -g")
        header_is_welcome, last = False, value
        yield value


def _number(text: str) -> float | None:
    """Parse a finite number; None for anything else, including Python's own spellings such as `1_0` and `nan`."""
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII):
        return None
    value = float(text)
    return value if math.isfinite(value) else None
