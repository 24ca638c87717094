"""The formats in which a stored fleet can be written, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from perfgate.errors import UsageError
from perfgate.fleet import document
from perfgate.fleet.answer import FleetAnswer
from perfgate.report.formats.choose import Written
from perfgate.report.formats.fleet_github import fleet_commands, fleet_summary
from perfgate.report.formats.fleet_junit import fleet_junit
from perfgate.report.html.fleet import FILE_NAME, fleet_page

FLEET_FORMATS: dict[str, Callable[[FleetAnswer], str]] = {
    "html": fleet_page,
    "json": document.to_json,
    "junit": fleet_junit,
    "github": lambda answer: "".join(f"{line}\n" for line in fleet_commands(answer)),
    "markdown": fleet_summary,
}


def written(name: str, fleet: Path) -> Written:
    """Write a stored fleet, from its directory or `fleet.json`; UsageError if it cannot be read, or not so written."""
    if name not in FLEET_FORMATS:
        *others, last = FLEET_FORMATS
        raise UsageError(
            f"a fleet cannot be written as {name}, which is of single runs",
            f"choose {', '.join(others)} or {last}, or name the directory of one of its measurements",
        )
    return Written(FLEET_FORMATS[name](document.read(fleet)).encode(), is_binary=False, page_name=FILE_NAME)
