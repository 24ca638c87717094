"""A program for fork servers that prints when it is imported and when it is forked, and ends."""

from __future__ import annotations

import os
import sys

sys.stderr.write("imported\n")
sys.stderr.flush()
if "FAIL" in os.environ:
    raise ImportError("no such luck")


def run(*_: object) -> None:
    """Print a message, and end."""
    sys.stderr.write("forked\n")
