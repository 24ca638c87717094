"""The plan of a job: as many servers as fit in memory, in an order fixed by its seed."""

from __future__ import annotations

from perfgate.errors import InvalidRunError
from perfgate.experiment.plan import (
    EXECUTING,
    Plan,
    loading_mib,
    make_plan,
    replicas_that_fit,
    size_in_memory_mib,
)
from perfgate.experiment.world import World
from perfgate.formatting import with_unit
from perfgate.model.interface import Model
from perfgate.model.locate import GRAPH_FILE
from perfgate.pipeline.job import Job
from perfgate.trials import Arm

_MIB = 1 << 20


def plan_of(job: Job, world: World) -> Plan:
    """Plan the run; InvalidRunError if memory is too short for a single server."""
    budget, kind, available_mib = job.scenario.budget, job.scenario.target.kind, world.available_mib()
    sizes = [_sizes_mib(model) for model in job.models.values()]
    if kind in EXECUTING:
        _require_room_for_one(max(loading_mib(*each) for each in sizes), available_mib)
    largest_mib = max(size_in_memory_mib(*each) for each in sizes)
    replicas = replicas_that_fit(kind, budget.replicas, len(job.models), budget.parents, available_mib, largest_mib)
    return make_plan(
        job.scenario,
        tuple(arm for arm in Arm if arm in job.models),
        job.seed,
        replicas,
        executes=kind in EXECUTING,
        at_once=world.at_once,
        trace_s=job.prepared.trace_s,
    )


def _sizes_mib(model: Model) -> tuple[float, float]:
    """Return the size of a model's variables and other files, and that of its graph."""
    graph = model.path / GRAPH_FILE
    graph_mib = graph.stat().st_size / _MIB if model.size_bytes and graph.is_file() else 0.0
    return model.size_bytes / _MIB - graph_mib, graph_mib


def _require_room_for_one(needed_mib: float, available_mib: float) -> None:
    """Raise InvalidRunError if not even one server could load its model."""
    if needed_mib > available_mib:
        needed, free = (with_unit(mib / 1024, "GiB") for mib in (needed_mib, available_mib))
        problem = f"not enough memory: one server needs about {needed} while it loads its model"
        raise InvalidRunError(
            f"{problem}, but only {free} is free",
            "free memory, store weights in variables instead of constants, or use a larger machine",
        )
