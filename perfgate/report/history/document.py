"""A history as a JSON document."""

from __future__ import annotations

import json
from dataclasses import asdict

from perfgate.results.history import History

SCHEMA_VERSION = 1


def to_json(history: History) -> str:
    """Write a history with all change points; those that the default tolerance accepts are marked `is_small`."""
    return json.dumps({"schema_version": SCHEMA_VERSION, **asdict(history)}, indent=2, allow_nan=False)
