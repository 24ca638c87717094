"""Errors of a sketch's own code, each in one line with the line of its file."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import tensorflow as tf

from perfgate.errors import UsageError
from perfgate.sanitize import one_line

_MOST_CHARACTERS = 200


@contextmanager
def errors_of(path: Path | None, what: str) -> Iterator[None]:
    """Turn what code raises into a UsageError that says what did it, and at which line of the file.

    Errors of perfgate, and those that say that there is not enough memory, pass.
    """
    try:
        yield
    except (UsageError, MemoryError, tf.errors.ResourceExhaustedError):
        raise
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        traceback.print_exc()  # to the builder's log
        raise UsageError(f"{what} {_said(error)}{_line(error, path)}", _remedy(error)) from error


def _said(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "ended the program"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"imports {error.name}, which is not installed here"
    said = error.msg if isinstance(error, SyntaxError) else str(error)  # without file and line, which follow
    text = one_line(said, _MOST_CHARACTERS)
    return f"raised {type(error).__name__}{': ' if text else ''}{text}"


def _remedy(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"install it where perfgate runs: {sys.executable} -m pip install {error.name.partition('.')[0]}"
    return "make it run in Python first"


def _line(error: BaseException, path: Path | None) -> str:
    """Return the last line of the file that led to an error; empty if none did."""
    if isinstance(error, SyntaxError) and path is not None and error.filename == str(path):
        return f" (line {error.lineno})"
    lines = [line for name, line in _places(error.__traceback__) if path is not None and name == str(path)]
    return f" (line {lines[-1]})" if lines else ""


def _places(trace: TracebackType | None) -> Iterator[tuple[str, int]]:
    for frame, line in traceback.walk_tb(trace):
        yield frame.f_code.co_filename, line
