"""The cache directory, for files that perfgate can make again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def cache_dir(environ: Mapping[str, str]) -> Path:
    """Return `$XDG_CACHE_HOME/perfgate`, by default `~/.cache/perfgate`; it may not exist yet.

    A relative or empty `XDG_CACHE_HOME` counts as unset (XDG Base Directory Specification).
    """
    stated = Path(environ.get("XDG_CACHE_HOME", ""))
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    return (stated if stated.is_absolute() else home / ".cache") / "perfgate"
