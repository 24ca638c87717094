"""`explain.json`: an explanation written as a document, and read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from perfgate.explain.explanation import SCHEMA_VERSION, Explanation
from perfgate.results.json_document import JsonDocument

FILE_NAME = "explain.json"

_DOCUMENT = JsonDocument(
    Explanation, "explanation", FILE_NAME, SCHEMA_VERSION, "use explain.json or the directory that contains it"
)


def json_schema() -> dict[str, Any]:
    """Describe `explain.json` as a JSON Schema (draft 2020-12)."""
    return _DOCUMENT.json_schema()


def to_json(explanation: Explanation) -> str:
    """Write the explanation as JSON; NaN and infinities are null."""
    return _DOCUMENT.to_json(explanation)


def from_json(text: str) -> Explanation:
    """Read an explanation; null is NaN where a number is required. UsageError if it is none, or of a newer perfgate."""
    return _DOCUMENT.from_json(text)


def write(explanation: Explanation, directory: Path) -> Path:
    """Write `explain.json` into the directory atomically."""
    return _DOCUMENT.write(to_json(explanation), directory)


def read(place: Path) -> Explanation:
    """Read an explanation, from its directory or the file itself."""
    return from_json(_DOCUMENT.read(place))
