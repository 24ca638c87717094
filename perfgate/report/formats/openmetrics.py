"""OpenMetrics text, for GitLab's metrics report and for Prometheus tools that push."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.gate.verdict import Verdict
from perfgate.metrics import BY_NAME
from perfgate.report.formats.cases import cases, scenario_name
from perfgate.report.rows import in_order
from perfgate.results.result import Result
from perfgate.sanitize import one_line

if TYPE_CHECKING:
    from prometheus_client import Metric


@dataclass(frozen=True, slots=True)
class _Sample:
    labels: Mapping[str, str]
    value: float


def openmetrics(results: Sequence[Result]) -> str:
    """Write one exposition, with gauges only; https://prometheus.io/docs/specs/om/open_metrics_spec/."""
    from prometheus_client import CollectorRegistry  # noqa: PLC0415 - slow to import, and rarely needed
    from prometheus_client.openmetrics.exposition import generate_latest  # noqa: PLC0415
    from prometheus_client.registry import Collector  # noqa: PLC0415

    class Families(Collector):
        def collect(self) -> Iterator[Metric]:
            for name, text, samples_of in _FAMILIES:
                yield _family(name, text, [sample for result in results for sample in samples_of(result)])

    registry = CollectorRegistry()  # the library's default registry includes this process's CPU time and memory
    registry.register(Families())
    exposition: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return exposition.decode()


def _family(name: str, text: str, samples: Sequence[_Sample]) -> Metric:
    from prometheus_client.metrics_core import GaugeMetricFamily  # noqa: PLC0415

    family = GaugeMetricFamily(name, text, labels=tuple(samples[0].labels) if samples else ())
    for sample in samples:
        family.add_metric([one_line(value) for value in sample.labels.values()], float(f"{sample.value:.10g}"))
    return family


def _values(result: Result) -> Iterator[_Sample]:
    for each in result.summaries:
        if each.value is not None and math.isfinite(each.value):
            unit = BY_NAME[each.metric].unit if each.metric in BY_NAME else ""
            yield _Sample({**_of(result, each.metric), "arm": each.arm, "unit": unit}, each.value)


def _changes(result: Result) -> Iterator[_Sample]:
    for metric in in_order(result):
        ends = {"estimate": metric.effect.change, "lower": metric.effect.lower, "upper": metric.effect.upper}
        for bound, value in ends.items():
            if math.isfinite(value):
                yield _Sample({**_of(result, metric.metric), "bound": bound}, value)


def _tolerances(result: Result) -> Iterator[_Sample]:
    for metric in in_order(result):
        if metric.gated and math.isfinite(metric.tolerance):
            yield _Sample(_of(result, metric.metric), metric.tolerance)


def _accepted(result: Result) -> Iterator[_Sample]:
    for metric in in_order(result):
        if metric.gated and (accepted := metric.accepted) is not None:
            needed = {"until": accepted.expires, "needed": str(metric.needs_acceptance).lower()}
            yield _Sample({**_of(result, metric.metric), **needed}, accepted.up_to)


def _verdicts(result: Result) -> Iterator[_Sample]:
    for case in cases(result):
        kind, severity = "objective" if case.is_objective else "change", "warn" if case.warns else "error"
        for verdict in Verdict:
            labels = {**_of(result, case.name), "kind": kind, "severity": severity, "verdict": verdict.value}
            yield _Sample(labels, float(case.verdict is verdict))


def _of(result: Result, metric: str) -> dict[str, str]:
    return {"scenario": scenario_name(result), "metric": metric}


_FAMILIES = (
    ("perfgate_value", "Typical value of an arm, in the unit given by the label.", _values),
    ("perfgate_change", "Change from baseline to candidate, as a share or in the metric's unit.", _changes),
    ("perfgate_tolerance", "Tolerance, in the same unit as the change.", _tolerances),
    ("perfgate_accepted", "Temporarily accepted change, instead of the metric's own tolerance.", _accepted),
    ("perfgate_verdict", "1 for the verdict of a gated metric or objective.", _verdicts),
)
