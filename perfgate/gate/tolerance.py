"""Which metrics are gated, and how much change each may show."""

from __future__ import annotations

from dataclasses import dataclass

from perfgate.metrics import METRICS, Direction, Metric, Scale
from perfgate.scenario.schema import Gate, MetricGate

_DEFAULT = MetricGate()


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Accepted change of one metric, in the direction of worse, symmetric on the metric's scale."""

    share: float
    """Positive; where the scale is the difference, an amount in the metric's unit."""
    note: str = ""
    """Why it is wider than what was asked; else empty."""
    scale: Scale = Scale.RATIO

    @property
    def log(self) -> float:
        """The same on its scale."""
        return self.scale.of_change(self.share)


def gated_metrics(gate: Gate) -> tuple[Metric, ...]:
    """Give the table's defaults and those that the gate names, without those with `gate = false`."""
    return tuple(metric for metric in METRICS if _is_gated(metric, gate))


def _is_gated(metric: Metric, gate: Gate) -> bool:
    named = gate.metrics.get(metric.name)
    return metric.gated if named is None else named.gate


def tolerance_of(metric: Metric, gate: Gate, baseline_value: float) -> Tolerance:
    """Take the metric's tolerance, or half of the regression to catch, never narrower than the smallest change."""
    asked = gate.metrics.get(metric.name, _DEFAULT)
    share = asked.tolerance if asked.tolerance is not None else (asked.catch or metric.catch) / 2
    note = ""
    if metric.scale is Scale.RATIO and baseline_value > 0 and metric.min_change / baseline_value > share:
        note = f"tolerance widened from {100 * share:.3g}% to {metric.min_change:g} {metric.unit}"
        share = metric.min_change / baseline_value
    return Tolerance(share, note, metric.scale)


def signed_limit(metric: Metric, share: float) -> float:
    """Give the accepted change as it shows in the metric: +5 %, or where higher is better 1 / 1.05 - 1 = -4.8 %."""
    if metric.direction is Direction.LOWER:
        return share
    return metric.scale.change_of(-metric.scale.of_change(share))
