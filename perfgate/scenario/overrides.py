"""Settings of a server that flags put over a scenario's."""

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
    """Put the flags that were given over a scenario's server settings, or over the defaults."""
    flags = {"intra_op_threads": intra_op_threads, "inter_op_threads": inter_op_threads, "cpus": cpus}
    given = {name: value for name, value in flags.items() if value is not None}
    return (base or Server()).model_copy(update=given)


def check_cpus(cpus: Iterable[int], allowed: Collection[int]) -> None:
    """Refuse CPUs that perfgate itself may not use; UsageError."""
    if missing := sorted(set(cpus) - set(allowed)):
        problem = f"CPU {missing[0]} is not available to perfgate"
        raise UsageError(problem, f"choose from {', '.join(map(str, sorted(allowed)))}")
