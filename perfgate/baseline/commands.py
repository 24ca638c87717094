"""Command lines that messages give as remedies, complete, so that they can be pasted."""

from __future__ import annotations

import shlex


def recording(name: str, store_url: str, scenario: str | None = None, *flags: str) -> str:
    """Return the command that records a baseline; MODEL is left for the user, `flags` are those of the server."""
    named = () if scenario is None else ("--scenario", scenario)
    return shlex.join(("perfgate", "baseline", "record", "MODEL", "--name", name, "--store", store_url, *named, *flags))


def showing(name: str, store_url: str) -> str:
    """Return the command that shows a baseline."""
    return shlex.join(("perfgate", "baseline", "show", name, "--store", store_url))


def calibrating(store_url: str, scenario: str | None = None) -> str:
    """Return the command that calibrates; MODEL is left for the user."""
    named = () if scenario is None else ("--scenario", scenario)
    return shlex.join(("perfgate", "calibrate", "MODEL", "--store", store_url, *named))
