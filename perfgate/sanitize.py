"""Strings from outside made fit to show: nothing that moves a cursor, turns the text around or breaks XML."""

from __future__ import annotations

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_GAP = " ... "


def printable(text: str) -> str:
    """Replace what does not print (control, bidirectional override, lone surrogate), keep line breaks."""
    if text.isprintable():  # nearly always, and a hundred times as fast as looking at each character
        return text
    return "".join(char if char.isprintable() or char == "\n" else REPLACEMENT for char in text.replace("\t", " "))


def one_line(text: str, most: int | None = None) -> str:
    """Make it printable and join its lines with a blank; of more than `most` characters, keep the end rather than all.

    A third of the beginning says what failed; libraries say why at the end.
    """
    line = printable(" ".join(text.split()))
    if most is None or len(line) <= most:
        return line
    head = most // 3
    return f"{line[:head].rstrip()}{_GAP}{line[head + len(_GAP) - most :].lstrip()}"
