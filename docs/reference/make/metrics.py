"""The page of metrics, from their table."""

from __future__ import annotations

from docs.reference.make.markdown import code, prose, sentence, table
from perfgate.metrics import METRICS, Metric, Scale


def metrics() -> str:
    """Describe every metric: what it measures, then how it is judged."""
    what = table(("metric", "unit", "better", "what it is"), map(_what, METRICS))
    how = table(
        ("metric", "gated", "catch", "tolerance", "compared by", "estimator", "measured at"), map(_how, METRICS)
    )
    return f"## What each is\n\n{what}\n\n## How each is judged\n\n{how}"


def _what(metric: Metric) -> tuple[str, ...]:
    return code(metric.name), metric.unit, metric.direction.value, prose(sentence(metric.description))


def _how(metric: Metric) -> tuple[str, ...]:
    return (
        code(metric.name),
        ("warns" if metric.warns else "yes") if metric.gated else "no",
        amount(metric, metric.catch, metric.min_change * 2),
        amount(metric, metric.catch / 2, metric.min_change),
        metric.scale.value,
        metric.estimator.value.replace("block_", "block-").replace("_", " "),
        ", else ".join(code(source.value) for source in metric.sources),
    )


def amount(metric: Metric, change: float, least: float) -> str:
    """Format a change as in a scenario; `least`: the smallest change that counts, in the unit."""
    unit = "" if metric.unit == "1" else f" {metric.unit}"
    if metric.scale is Scale.DIFFERENCE:
        return f"{100 * change:g} pp" if metric.unit == "share" else f"{change:g}{unit}"
    return f"{100 * change:g}%" + (f", at least {least:g}{unit}" if least else "")
