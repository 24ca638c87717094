"""A TOML file that someone wrote by hand: read, with every error in one line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from perfgate.errors import UsageError


def read_toml(file: Path, what: str) -> dict[str, Any]:
    """Read a file; UsageError if it is missing, not readable, or not TOML. `what` is what the file should be."""
    try:
        return tomllib.loads(file.read_bytes().decode())
    except FileNotFoundError as error:
        raise UsageError(f"{file}: no such {what} file", "check the path") from error
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror or error}", "check the file and its permissions") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: not UTF-8 at byte {error.start}", "save the file as UTF-8") from error
    except RecursionError as error:
        raise UsageError(
            f"{file}: tables or arrays are nested too deeply", "write it without so many levels"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(file, str(error)) from error


def _syntax_error(file: Path, message: str) -> UsageError:
    if place := re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message):
        what, line, column = place.groups()
        return UsageError(f"{file}:{line}: invalid TOML: {what}, column {column}", f"fix line {line}")
    return UsageError(
        f"{file}: invalid TOML: {message}", "check for an unclosed string or bracket at the end of the file"
    )
