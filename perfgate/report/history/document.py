"""A history as data: one JSON document."""

from __future__ import annotations

import json
from dataclasses import asdict

from perfgate.results.history import History

SCHEMA_VERSION = 1


def to_json(history: History) -> str:
    """Write a history; all change points are in it, those that the default tolerance accepts marked `is_small`."""
    return json.dumps({"schema_version": SCHEMA_VERSION, **asdict(history)}, indent=2, allow_nan=False)
