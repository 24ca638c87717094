"""Conversion of click's options and this process to the pipeline's types."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from typing import Any

from perfgate.cli.config_file import Config
from perfgate.cli.consoles import error_console, redraws
from perfgate.cli.interrupts import INTERRUPTS
from perfgate.gate.policy import Policy, PolicyTables
from perfgate.pipeline.host import Host
from perfgate.pipeline.options import Options
from perfgate.report.terminal.live import make_progress


def options_of(options: Mapping[str, Any]) -> Options:
    """Select the shared options from all of a command's."""
    policy = policy_of(options.get("config"), datetime.now(UTC).date())
    return Options(**{name: options[name] for name in Options.__slots__ if name in options}, policy=policy)


def gate_options_of(options: Mapping[str, Any]) -> Options:
    """Select the options of a judging command, and remove CI output of an earlier one."""
    taken = options_of(options)
    taken.ci_output.make_ready()
    return taken


def policy_of(config: Config | None, today: date) -> Policy:
    """Apply a file's verdict rules for that day."""
    tables, path = (config.tables, config.path) if config else (None, None)
    return Policy(tables or PolicyTables(), today, path)


def host_of(options: Mapping[str, Any]) -> Host:
    """Describe this process."""
    console = error_console(options["color"])
    live = redraws(console) and not options["no_progress"]

    def use_cpus(cpus: Collection[int]) -> None:
        os.sched_setaffinity(0, cpus)

    return Host(
        environ=os.environ,
        arguments=tuple(sys.argv[1:]),
        now=lambda: datetime.now(UTC),
        clock=time.perf_counter,
        random_bits=secrets.randbits,
        cpus=lambda: os.sched_getaffinity(0),
        use_cpus=use_cpus,
        interrupts=INTERRUPTS,
        progress=lambda: make_progress(console, live=live, quiet=options["quiet"]),
        console=console,
        stdout=sys.stdout,
        stderr=sys.stderr,
        ahead=options["ahead"],
    )
