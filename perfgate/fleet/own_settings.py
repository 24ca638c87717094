"""Settings that are meant for a fleet as a whole, or for a single run, and not for each measurement of a fleet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OF_FLEET = "PERFGATE_OF_FLEET"
"""Variable that tells a command that it measures for a fleet, and leaves these settings out."""
KEYS = ("baseline", "scenario", "budget", "replicas", "seed", "out", "on_inconclusive", "junit", "metrics")
"""Keys of perfgate.toml. The fleet file says what is measured, and files of one name would replace each other."""
STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
"""Variable that names the file to which commands append their summary on GitHub Actions."""
_VARIABLES = {f"PERFGATE_{name.upper()}" for name in (*KEYS, "store", "engine")} | {STEP_SUMMARY}


def without_own(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the keys of a perfgate.toml say about each measurement."""
    return {key: value for key, value in values.items() if key not in KEYS}


def environ_of(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a measurement."""
    return {name: value for name, value in environ.items() if name not in _VARIABLES} | {OF_FLEET: "1"}
