"""Which metrics are gated, how much a failure counts, and which change is tolerated."""

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
    """A positive share; if the scale is the difference, an amount in the metric's unit."""
    note: str = ""
    """Why it is wider than requested; empty if it is not."""
    scale: Scale = Scale.RATIO
    acceptance: Acceptance | None = None
    """The accepted regression that raises it; None if there is none."""
    own: Tolerance | None = None
    """The tolerance without the accepted regression; None if there is none."""

    @property
    def log(self) -> float:
        """The tolerance on the metric's scale."""
        return self.scale.of_change(self.share)


def gated_metrics(gate: Gate) -> tuple[Metric, ...]:
    """Return the metrics gated by default or named in the gate, except those whose severity is `off`."""
    return tuple(metric for metric in METRICS if severity_of(metric, gate) is not Severity.OFF)


def severity_of(metric: Metric, gate: Gate) -> Severity:
    """Return the scenario's severity, else the project's, else `error` if the metric is gated by default or named.

    A metric that the default gate only warns of stays a warning when it is named without a severity.
    """
    named = gate.metrics.get(metric.name)
    if named is not None and named.severity is not None:
        return named.severity
    unnamed = (Severity.WARN if metric.warns else Severity.ERROR) if metric.gated else Severity.OFF
    default = Severity.ERROR if named is not None and not metric.warns else unnamed
    return project_of(gate).severity.get(metric.name, default)


def is_required(metric: Metric, gate: Gate) -> bool:
    """Return whether a run that cannot decide the metric is inconclusive."""
    return metric.required or metric.name in gate.metrics


def tolerance_of(metric: Metric, gate: Gate, baseline_value: float) -> Tolerance:
    """Return the metric's own tolerance, raised by an accepted regression if there is one."""
    own, acceptance = own_tolerance_of(metric, gate, baseline_value), project_of(gate).accepted.get(metric.name)
    if acceptance is None:
        return own
    return Tolerance(max(own.share, acceptance.up_to), "", metric.scale, acceptance, own)


def own_tolerance_of(metric: Metric, gate: Gate, baseline_value: float) -> Tolerance:
    """Return the metric's tolerance, or half the regression to catch; at least the smallest change that counts."""
    asked = gate.metrics.get(metric.name, _DEFAULT)
    share = asked.tolerance if asked.tolerance is not None else (asked.catch or metric.catch) / 2
    note = ""
    if metric.scale is Scale.RATIO and baseline_value > 0 and metric.min_change / baseline_value > share:
        note = f"tolerance widened from {limit(share, metric.name)} to {bound(metric.min_change, metric.name)}"
        share = metric.min_change / baseline_value
    return Tolerance(share, note, metric.scale)
