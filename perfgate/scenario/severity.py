"""How much a broken limit counts, in the words of linters."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """Of a gated metric or an objective."""

    OFF = "off"  # measured and described, not judged
    WARN = "warn"  # judged and shown, no part of the run's verdict
    ERROR = "error"  # a failure fails the run
