"""The metric `capacity_rps`: a search for the capacity in a run's own servers."""

from __future__ import annotations

from collections.abc import Sequence

from perfgate.capacity.answer import CapacityAnswer
from perfgate.capacity.gated import gated
from perfgate.capacity.turn import Stage
from perfgate.errors import InvalidRunError
from perfgate.experiment.lanes import Bench
from perfgate.experiment.servers import LiveReplica
from perfgate.gate.objectives import judged_objectives
from perfgate.gate.tolerance import severity_of
from perfgate.metrics import BY_NAME
from perfgate.pipeline.capacity import Measured, answer_with, assembled
from perfgate.pipeline.job import Job
from perfgate.pipeline.rate_search import RateSearch, begin_search, continue_search
from perfgate.scenario.schema import Scenario
from perfgate.scenario.severity import Severity
from perfgate.stats.capacities import Capacities

METRIC = BY_NAME["capacity_rps"]
_INTERRUPTED = "its search was interrupted"


def search_s(scenario: Scenario) -> float:
    """Return the time of the search; 0 unless the gate or an objective names the metric."""
    is_gated = severity_of(METRIC, scenario.gate) is not Severity.OFF
    named = is_gated or METRIC.name in judged_objectives(scenario.objectives)
    return scenario.budget.capacity_s if named else 0.0


class CapacityLane:
    """Searches after everything else, because it overloads the servers."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._found: RateSearch | None = None
        self._problem = _INTERRUPTED

    def take(self, replicas: Sequence[LiveReplica], seconds: float, bench: Bench) -> None:
        """Search; a server that dies of overload spoils no other metric."""
        began_s, scenario = bench.now_s(), self._job.scenario
        try:
            self._found = begin_search(replicas, scenario, seconds, bench)
            left_s = seconds - (bench.now_s() - began_s)
            continue_search(self._found, replicas, scenario, max(left_s, seconds / 2), bench)
        except InvalidRunError as error:
            self._problem = error.in_a_line

    def known(self) -> tuple[Capacities, CapacityAnswer | None]:
        """Return what the estimators need, and the answer; a search that did not end is shown, and not judged."""
        unknown = Capacities(unknown=dict.fromkeys(self._job.models, self._problem))
        if self._found is None or (self._found.stage is Stage.SWEEP and not self._found.complete):
            return unknown, None
        cores = len(self._job.scenario.server.cpus or ()) or int(self._job.environment["cores"])
        given = Measured(self._job, self._found, self._found.seconds, cores)
        found = assembled(given)
        answer = answer_with(given, found)
        return (gated(found.arms, found.estimates, self._found.bounds) if self._found.complete else unknown), answer
