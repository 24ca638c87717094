"""A series in one line of text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perfgate.stats.change_points import clip_outliers

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII = "_.-=*#"


def sparkline(values: Sequence[float], width: int, encoding: str) -> str:
    """Draw the values from lowest to highest in at most `width` characters; ASCII if block characters do not encode.

    If there are more values than characters, each character is the median of its share. Isolated outliers are pulled
    in.
    """
    letters = BLOCKS if _encodes(BLOCKS, encoding) else ASCII
    clipped = clip_outliers(np.asarray(values, np.float64))
    shown = np.array([np.median(each) for each in np.array_split(clipped, min(width, len(clipped)))])
    low, high = float(np.min(shown)), float(np.max(shown))
    if high <= low:
        return letters[len(letters) // 2 - 1] * len(shown)
    places = np.rint((shown - low) / (high - low) * (len(letters) - 1)).astype(int)
    return "".join(letters[place] for place in places.tolist())


def place_in(index: int, count: int, width: int) -> int:
    """Return the index of the character that contains a value, for a series of that length."""
    ends = np.cumsum([len(each) for each in np.array_split(np.arange(count), min(width, count))])
    return int(np.searchsorted(ends, index, side="right"))


def _encodes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
