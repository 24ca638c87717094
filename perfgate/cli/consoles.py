"""The consoles: stderr for messages, stdout for requested output; when they use colour and redraw."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

_LOG_COLUMNS = 120
"""Width of logs if unknown; CI servers show this much, and the gate table fits with all columns."""
_WHOLE_ROWS_COLUMNS = 1000
_NO = {"", "0", "false"}
_DUMB = {"dumb", "unknown"}


def error_console(color: str = "auto", environ: Mapping[str, str] = os.environ) -> Console:
    """Make the console on stderr."""
    return _console(sys.stderr, color, environ, _LOG_COLUMNS)


def output_console(color: str = "auto", environ: Mapping[str, str] = os.environ) -> Console:
    """Make the console on stdout; in a pipe, rows stay whole, however long they are."""
    return _console(sys.stdout, color, environ, _WHOLE_ROWS_COLUMNS)


def wants_color(color: str, environ: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Return whether to use colour: by `--color`, else by NO_COLOR, FORCE_COLOR, or the terminal's capabilities."""
    if color != "auto":
        return color == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "").lower() not in _NO:
        return True
    return is_terminal and environ.get("TERM", "").lower() not in _DUMB


def redraws(console: Console, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether a live view makes sense: on an interactive terminal, not on a CI server's."""
    return console.is_terminal and not console.is_dumb_terminal and environ.get("CI", "").lower() in _NO


def _console(stream: TextIO, color: str, environ: Mapping[str, str], log_columns: int) -> Console:
    from rich.console import Console  # noqa: PLC0415 - instant --help

    is_terminal = stream.isatty()
    is_dumb = environ.get("TERM", "").lower() in _DUMB
    return Console(
        file=stream,
        force_terminal=is_terminal,  # rich's own FORCE_COLOR would redraw in a log
        color_system=("auto" if is_terminal and not is_dumb else "256")
        if wants_color(color, environ, is_terminal=is_terminal)
        else None,
        no_color=False,  # decided above
        width=_width(stream, environ, log_columns) if is_dumb or not is_terminal else None,
        markup=False,
        highlight=False,
        emoji=False,
        _environ=environ,
    )


def _width(stream: TextIO, environ: Mapping[str, str], log_columns: int) -> int:
    """Return the width for output that is not a terminal, or one whose size rich does not query."""
    if (columns := environ.get("COLUMNS", "")).isdigit() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or log_columns
    except (OSError, ValueError):  # not a terminal, or not a file
        return log_columns
