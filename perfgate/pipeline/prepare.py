"""What is prepared once for a comparison, before any server starts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from perfgate.experiment.plan import trace_of
from perfgate.experiment.setup import ArmRequests, arm_requests
from perfgate.payload.arms import request_differences
from perfgate.pipeline.comparison import Comparison
from perfgate.scenario.overrides import check_cpus
from perfgate.trials import Arm, Caution


@dataclass(frozen=True, slots=True)
class Prepared:
    """A comparison and everything prepared for it; a calibration measures the same one several times."""

    comparison: Comparison
    requests: Mapping[Arm, ArmRequests]
    differences: tuple[Caution, ...]
    """Differences between the two arms' requests."""
    trace_s: tuple[float, ...]
    """Arrival times of the scenario's trace, from 0; empty if it has none."""


def prepare(comparison: Comparison, cpus: Collection[int]) -> Prepared:
    """Make the requests and read the trace; `cpus`: those that perfgate may use.

    UsageError for a scenario that cannot be measured, InvalidRunError if the arms cannot get the same requests.
    """
    scenario, models = comparison.scenario, comparison.models
    check_cpus((*(scenario.server.cpus or ()), *(scenario.server.driver_cpus or ())), cpus)
    trace_s = trace_of(scenario.load)
    requests = arm_requests(models, scenario)
    return Prepared(comparison, requests, request_differences(models, scenario), trace_s)
