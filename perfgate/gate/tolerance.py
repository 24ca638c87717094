"""Which metrics are gated, how much a failure counts, and how much change each may show."""

from __future__ import annotations

from dataclasses import dataclass

from perfgate.formatting import bound, limit
from perfgate.metrics import METRICS, Metric, Scale
from perfgate.scenario.effective import project_of
from perfgate.scenario.project import Acceptance
from perfgate.scenario.schema import Gate, MetricGate
from perfgate.scenario.severity import Severity

_DEFAULT = MetricGate()


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Accepted change of one metric, in the direction of worse, symmetric on the metric's scale."""

    share: float
    """Positive; where the scale is the difference, an amount in the metric's unit."""
    note: str = ""
    """Why it is wider than what was asked; else empty."""
    scale: Scale = Scale.RATIO
    acceptance: Acceptance | None = None
    """The accepted regression that raises it; None where none does."""
    own: Tolerance | None = None
    """What it is without the acceptance; None where there is none."""

    @property
    def log(self) -> float:
        """The same on its scale."""
        return self.scale.of_change(self.share)


def gated_metrics(gate: Gate) -> tuple[Metric, ...]:
    """Return the table's defaults and those that are named, without those whose severity is `off`."""
    return tuple(metric for metric in METRICS if severity_of(metric, gate) is not Severity.OFF)


def severity_of(metric: Metric, gate: Gate) -> Severity:
    """Take the scenario's word, then the project's; else `error` for what the table gates or the scenario names."""
    named = gate.metrics.get(metric.name)
    if named is not None and named.severity is not None:
        return named.severity
    default = Severity.ERROR if named is not None or metric.gated else Severity.OFF
    return project_of(gate).severity.get(metric.name, default)


def is_required(metric: Metric, gate: Gate) -> bool:
    """Return whether a run that cannot decide the metric is inconclusive."""
    return metric.required or metric.name in gate.metrics


def tolerance_of(metric: Metric, gate: Gate, baseline_value: float) -> Tolerance:
    """Return the metric's own tolerance, or what an accepted regression raises it to."""
    own, acceptance = own_tolerance_of(metric, gate, baseline_value), project_of(gate).accepted.get(metric.name)
    if acceptance is None:
        return own
    return Tolerance(max(own.share, acceptance.up_to), "", metric.scale, acceptance, own)


def own_tolerance_of(metric: Metric, gate: Gate, baseline_value: float) -> Tolerance:
    """Take the metric's tolerance, or half of the regression to catch, never narrower than the smallest change."""
    asked = gate.metrics.get(metric.name, _DEFAULT)
    share = asked.tolerance if asked.tolerance is not None else (asked.catch or metric.catch) / 2
    note = ""
    if metric.scale is Scale.RATIO and baseline_value > 0 and metric.min_change / baseline_value > share:
        note = f"tolerance widened from {limit(share, metric.name)} to {bound(metric.min_change, metric.name)}"
        share = metric.min_change / baseline_value
    return Tolerance(share, note, metric.scale)
