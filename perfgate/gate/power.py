"""What a plan can catch, foretold from variance components: the smallest regression, and the time for the one asked."""

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
    """What a plan can do for one gated metric, with 80 % power."""

    metric: str
    catch: float
    """The regression that the gate asks to catch: a share, or an amount in the unit where differences are compared."""
    detectable: float
    """The smallest one that the plan fails."""
    needs_s: float
    """Measuring time that catches what is asked; infinite where none does with these replicas, NaN where it is not
    known what time buys."""
    needs_replicas: int
    """Per arm, to catch it in the plan's time; 0 where no number does."""


@dataclass(frozen=True, slots=True)
class _Design:
    """What decides how sharp one metric is seen."""

    components: Components
    replicas: int
    parents: int
    seconds: float
    """Of the lane."""

    @property
    def df(self) -> int:
        """Of the comparison over replicas, or of that over pairs started or visited one after the other."""
        paired = in_pairs(BY_NAME[self.components.metric], self.components.source)
        if paired and self.replicas >= LEAST_PAIRS:
            return self.replicas - 1
        return 2 * self.replicas - 2 - taken_out(self.replicas, self.parents)

    @property
    def lasting(self) -> float:
        """The part of the squared standard error that more time leaves as it is."""
        found = self.components
        out = 2 * self.replicas - 2 - (self.parents - 1) >= SPARE_DF  # alone, or with blocks of the start order
        parents = found.parent_sd if isfinite(found.parent_sd) and not out else 0.0
        return 2 / self.replicas * (found.replica_sd**2 + parents**2)

    @property
    def noise(self) -> float:
        """The requests' part of the squared standard error, times the seconds of the lane.

        Each of K replicas gets 1/K of an arm's time, so that K drops out.
        """
        found = self.components
        if not (isfinite(found.request_sd) and found.trials_per_s > 0):
            return 0.0
        return 2 * found.request_sd**2 / (found.trials_per_s * (found.replicas or self.replicas))

    @property
    def se(self) -> float:
        """Standard error of the effect: sqrt(2/K (replica_sd^2 + request_sd^2 / trials of a replica))."""
        return sqrt(self.lasting + (self.noise / self.seconds if self.noise else 0.0))

    @property
    def time_buys_what_is_not_known(self) -> bool:
        """Whether the requests' noise is in what replicas differ by; of one value a server time buys nothing."""
        return not isfinite(self.components.request_sd) and not is_once_a_replica(BY_NAME[self.components.metric])

    def distance(self, alpha: float) -> float:
        """Return so many standard errors the regression caught lies beyond the tolerance (perfgate.gate.remedy)."""
        return half_width(1.0, self.df, alpha) + half_width(1.0, self.df, 1 - POWER)


def powers(components: Sequence[Components], scenario: Scenario, plan: Plan) -> tuple[Power, ...]:
    """Foretell each gated metric that has components, at Holm's strictest level among those of its severity.

    Objectives of that severity share the level.

    What a metric's own tolerance catches, whatever is accepted for a while.

    A metric whose lane the plan leaves out is not among them, nor one that no comparison of two replicas an arm has.
    """
    gate = scenario.gate
    severity = {metric.name: severity_of(metric, gate) for metric in gated_metrics(gate)}
    known = [each for each in components if each.metric in severity]
    family = Counter(severity[each.metric] for each in known)
    family.update(objective.severity for objective in scenario.objectives.values())
    designs = [design for each in known if (design := _design(each, plan)) is not None]
    alphas = [gate.alpha / family[severity[design.components.metric]] for design in designs]
    return tuple(_power(design, gate, alpha, plan) for design, alpha in zip(designs, alphas, strict=True))


def slowest(found: Sequence[Power]) -> Power | None:
    """Choose the metric that needs the most time; None where of none it is known."""
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
    """Measuring time in which the squared standard error falls to `variance`, the lanes' shares of it unchanged."""
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
