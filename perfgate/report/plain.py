"""Strings from outside made fit to show: nothing that moves a cursor, turns the text around or breaks XML."""

from __future__ import annotations

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """Replace what does not print (control, bidirectional override, lone surrogate), keep line breaks."""
    return "".join(char if char.isprintable() or char == "\n" else REPLACEMENT for char in text.replace("\t", " "))


def one_line(text: str) -> str:
    """Make it printable and join its lines with a blank."""
    return printable(" ".join(text.split()))
