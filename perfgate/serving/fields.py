"""The fields `{port}`, `{model}` … in the strings of a scenario's `[target]`."""

from __future__ import annotations

import shlex
import string
from collections.abc import Iterator, Mapping

from perfgate.errors import UsageError
from perfgate.nearest import nearest

FIELDS = {
    "host": "the server's address, 127.0.0.1 or this node's",
    "port": "a free port, for gRPC",
    "rest_port": "another free port, for REST",
    "model": "a directory with the model as its only version, for `--model_base_path`",
    "saved_model": "the SavedModel directory itself",
    "name": "`target.model_name`",
    "version": "the model's version, a number",
}
"""Every field, with its meaning."""


def split(line: str, key: str) -> tuple[str, ...]:
    """Split a command line like a POSIX shell, without expansions; UsageError naming `key` if it does not parse.

    Fields are kept, so that a path with spaces remains one word.
    """
    try:
        found = tuple(shlex.split(line))
    except ValueError as error:
        raise UsageError(f"{key} is not a valid command line: {str(error).lower()}", "close all quotes") from error
    if not found:
        raise UsageError(f"{key} is empty", "write the command that starts the server")
    for word in found:
        fields_in(word, key)
    return found


def fields_in(text: str, key: str) -> set[str]:
    """Return the fields that a text uses; UsageError naming `key` for an unknown one."""
    return {field for _, field in _parts(text, key) if field is not None}


def fill(text: str, values: Mapping[str, str], key: str) -> str:
    """Replace fields by values; `{{` and `}}` stand for braces."""
    return "".join(literal + ("" if field is None else values[field]) for literal, field in _parts(text, key))


def _parts(text: str, key: str) -> Iterator[tuple[str, str | None]]:
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        raise UsageError(f"{key}: {text!r} has an unmatched brace", _LITERAL) from error
    for literal, field, spec, conversion in parts:
        if field is not None and (field not in FIELDS or spec or conversion):
            known = ", ".join(f"{{{name}}}" for name in FIELDS)
            likely = f"did you mean {{{nearest(field, FIELDS)}}}? " if field else ""
            raise UsageError(f"{key} has an unknown field {{{field}}}", f"{likely}available: {known}; {_LITERAL}")
        yield literal, field


_LITERAL = "write {{ and }} for braces"
