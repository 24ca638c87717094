"""Command-line flags that override a scenario's server settings."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from perfgate.errors import UsageError
from perfgate.scenario.schema import Server


def server_settings(
    intra_op_threads: int | None,
    inter_op_threads: int | None,
    cpus: tuple[int, ...] | None,
    base: Server | None = None,
) -> Server:
    """Apply the given flags to a scenario's server settings, or to the defaults."""
    flags = {"intra_op_threads": intra_op_threads, "inter_op_threads": inter_op_threads, "cpus": cpus}
    given = {name: value for name, value in flags.items() if value is not None}
    return (base or Server()).model_copy(update=given)


def check_cpus(cpus: Iterable[int], allowed: Collection[int]) -> None:
    """Raise UsageError for CPUs that perfgate itself may not use."""
    if missing := sorted(set(cpus) - set(allowed)):
        problem = f"CPU {missing[0]} is not available to perfgate"
        raise UsageError(problem, f"choose from {', '.join(map(str, sorted(allowed)))}")
