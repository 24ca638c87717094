"""Start of the first run's fork server before a command's slow imports. This module must import little."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from perfgate.errors import PerfgateError
from perfgate.model.cache import cache_dir
from perfgate.model.locate import locate
from perfgate.scenario.files import FOLDERS, load_scenario
from perfgate.scenario.schema import Scenario
from perfgate.serving.fork_ahead import Ahead
from perfgate.serving.open_files import allow_open_files


def fork_server_ahead(options: Mapping[str, Any], *models: str) -> Ahead:
    """Start the first scenario's fork server, unless it is obvious that nothing will be measured.

    An unused one ends with the command. UsageError for a directory that is not a model, or a missing one: seconds
    earlier than from the code that opens it, which reports all other errors in a scenario or a MODEL.
    """
    ahead = Ahead()
    click.get_current_context().call_on_close(ahead.stop)
    scenario = _first_scenario(options["scenarios"])
    if scenario is None or scenario.target.kind == "endpoint" or any("://" in model for model in models):
        return ahead  # nothing is started
    for model in models:
        if not Path(model).is_file():  # one of Keras is exported first, which takes long
            locate(model, cache_dir(os.environ))
    allow_open_files()
    ahead.make(scenario, os.environ, os.sched_getaffinity(0))
    return ahead


def _first_scenario(names: Sequence[str]) -> Scenario | None:
    try:
        return load_scenario(names[0] if names else None, FOLDERS)
    except (PerfgateError, OSError):
        return None
