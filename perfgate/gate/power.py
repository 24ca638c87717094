"""Power of a plan, from variance components: the smallest regression it catches, and the time for the one to catch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite, isnan, nan, sqrt

from perfgate.experiment.plan import Plan
from perfgate.gate.remedy import MOST_REPLICAS, POWER, is_once_a_replica
from perfgate.gate.tolerance import gated_metrics, own_tolerance_of, severity_of
from perfgate.metrics import BY_NAME, Source
from perfgate.scenario.schema import Gate, Scenario
from perfgate.stats.contrast import LEAST_PAIRS, SPARE_DF, half_width, taken_out
from perfgate.stats.estimate import in_pairs
from perfgate.stats.variance_components import Components
from perfgate.trials import Arm


@dataclass(frozen=True, slots=True)
class Power:
    """What a plan detects of one gated metric with 80 % power."""

    metric: str
    catch: float
    """The regression to catch: a share, or an amount in the metric's unit if differences are compared."""
    detectable: float
    """The smallest regression that the plan detects."""
    needs_s: float
    """Measuring time that catches the regression; infinite if no time does with these replicas, NaN if the effect of
    more time is unknown."""
    needs_replicas: int
    """Replicas per arm that catch it in the plan's time; 0 if no number does."""


@dataclass(frozen=True, slots=True)
class _Design:
    """What determines the standard error of one metric."""

    components: Components
    replicas: int
    parents: int
    seconds: float
    """Duration of the lane."""

    @property
    def df(self) -> int:
        """Degrees of freedom of the comparison over replicas, or over pairs started or visited one after the other."""
        paired = in_pairs(BY_NAME[self.components.metric], self.components.source)
        if paired and self.replicas >= LEAST_PAIRS:
            return self.replicas - 1
        return 2 * self.replicas - 2 - taken_out(self.replicas, self.parents)

    @property
    def lasting(self) -> float:
        """The part of the squared standard error that more time does not reduce."""
        found = self.components
        out = 2 * self.replicas - 2 - (self.parents - 1) >= SPARE_DF  # without or with blocks of the start order
        parents = found.parent_sd if isfinite(found.parent_sd) and not out else 0.0
        return 2 / self.replicas * (found.replica_sd**2 + parents**2)

    @property
    def noise(self) -> float:
        """The requests' part of the squared standard error, times the seconds of the lane.

        Each of K replicas gets 1/K of an arm's time, so K cancels out.
        """
        found = self.components
        if not (isfinite(found.request_sd) and found.trials_per_s > 0):
            return 0.0
        return 2 * found.request_sd**2 / (found.trials_per_s * (found.replicas or self.replicas))

    @property
    def se(self) -> float:
        """Return the standard error of the effect: sqrt(2/K (replica_sd^2 + request_sd^2 / trials of a replica))."""
        return sqrt(self.lasting + (self.noise / self.seconds if self.noise else 0.0))

    @property
    def time_buys_what_is_not_known(self) -> bool:
        """Whether the replicas' differences include the requests' noise; with one value per server, time is no help."""
        return not isfinite(self.components.request_sd) and not is_once_a_replica(BY_NAME[self.components.metric])

    def distance(self, alpha: float) -> float:
        """Return how many standard errors beyond the tolerance a detected regression lies (perfgate.gate.remedy)."""
        return half_width(1.0, self.df, alpha) + half_width(1.0, self.df, 1 - POWER)


def powers(components: Sequence[Components], scenario: Scenario, plan: Plan) -> tuple[Power, ...]:
    """Predict the power for each gated metric that has components, at Holm's strictest level for its severity.

    Objectives of that severity share the level. The metric's own tolerance applies, without accepted regressions.
    Metrics are left out if their lane is not in the plan, or if the plan cannot compare replicas of both arms.
    """
    gate = scenario.gate
    severity = {metric.name: severity_of(metric, gate) for metric in gated_metrics(gate)}
    known = [each for each in components if each.metric in severity]
    family = Counter(severity[each.metric] for each in known)
    family.update(objective.severity for objective in scenario.objectives.values())
    designs = [design for each in known if (design := _design(each, plan)) is not None]
    alphas = [gate.alpha / gate.gates / family[severity[design.components.metric]] for design in designs]
    return tuple(_power(design, gate, alpha, plan) for design, alpha in zip(designs, alphas, strict=True))


def slowest(found: Sequence[Power]) -> Power | None:
    """Return the metric that needs the most time; None if the time is unknown for all."""
    return max((each for each in found if not isnan(each.needs_s)), key=lambda each: each.needs_s, default=None)


def _design(components: Components, plan: Plan) -> _Design | None:
    arms = {slot.arm for slot in plan.slots}
    replicas, parents = plan.replicas, len({slot.parent for slot in plan.slots})
    found = _Design(components, replicas, parents, inf)
    if components.source != Source.START:
        segment = next((each for each in plan.segments if each.source == components.source), None)
        if segment is None:
            return None
        replicas = plan.load_replicas if segment.source is Source.LOAD else replicas
        found = _Design(components, replicas, min(parents, replicas), plan.seconds_of(segment))
    return found if found.replicas > 1 and arms == set(Arm) and isfinite(found.lasting) else None


def _power(design: _Design, gate: Gate, alpha: float, plan: Plan) -> Power:
    metric = BY_NAME[design.components.metric]
    tolerance = own_tolerance_of(metric, gate, design.components.typical)
    catch = 2 * tolerance.share
    room = metric.scale.of_change(catch) - tolerance.log
    return Power(
        metric=metric.name,
        catch=catch,
        detectable=metric.scale.change_of(tolerance.log + design.distance(alpha) * design.se),
        needs_s=_needs_s(design, (room / design.distance(alpha)) ** 2, plan),
        needs_replicas=_needs_replicas(design, room, alpha),
    )


def _needs_s(design: _Design, variance: float, plan: Plan) -> float:
    """Return the measuring time that reduces the squared standard error to `variance`, at the same shares of lanes."""
    if design.time_buys_what_is_not_known:
        return nan
    if variance <= design.lasting:
        return inf
    if not design.noise:
        return 0.0
    return design.noise / (variance - design.lasting) / design.seconds * sum(each.seconds for each in plan.segments)


def _needs_replicas(design: _Design, room: float, alpha: float) -> int:
    for replicas in range(2, MOST_REPLICAS + 1):
        other = replace(design, replicas=replicas)
        if other.distance(alpha) * other.se <= room:
            return replicas
    return 0
