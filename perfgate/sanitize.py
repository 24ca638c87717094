"""External strings made safe to display: nothing that moves a cursor, reverses the text or breaks XML."""

from __future__ import annotations

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_GAP = " ... "


def printable(text: str) -> str:
    """Replace unprintable characters (control, bidirectional override, lone surrogate), and keep line breaks."""
    if text.isprintable():  # nearly always, and a hundred times as fast as looking at each character
        return text
    return "".join(char if char.isprintable() or char == "\n" else REPLACEMENT for char in text.replace("\t", " "))


def one_line(text: str, most: int | None = None) -> str:
    """Make it printable and join its lines with spaces; beyond `most` characters, cut the middle.

    A third of them are from the beginning, which says what failed, the rest from the end, where libraries explain why.
    """
    line = printable(" ".join(text.split()))
    if most is None or len(line) <= most:
        return line
    head = most // 3
    return f"{line[:head].rstrip()}{_GAP}{line[head + len(_GAP) - most :].lstrip()}"
