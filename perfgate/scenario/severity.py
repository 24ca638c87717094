"""Severity of a missed limit, named as in linters."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """Severity of a gated metric or an objective."""

    OFF = "off"  # measured and described, not judged
    WARN = "warn"  # judged and shown, but not part of the run's verdict
    ERROR = "error"  # a failure fails the run
