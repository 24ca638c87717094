"""The page on metrics says what the table says."""

import re
from pathlib import Path

import pytest

from perfgate.metrics import METRICS, Metric, Scale

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
_ROW = r"^\| `(\w+)` " + r"\| (.*?) " * 5 + r"\|$"
ROWS = {row[0]: row[1:] for row in re.findall(_ROW, PAGE, re.MULTILINE)}


def _catch(metric: Metric) -> str:
    if metric.scale is Scale.DIFFERENCE:
        return f"{100 * metric.catch:g} pp" if metric.unit == "share" else f"{metric.catch:g} {metric.unit}"
    least = f"{2 * metric.min_change:g} {'' if metric.unit == '1' else metric.unit}".rstrip()
    return f"{100 * metric.catch:g}%" + (f", at least {least}" if metric.min_change else "")


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_each_metric_has_its_row(metric: Metric) -> None:
    estimator, gated = (
        metric.estimator.value.replace("_", " ").replace("block ", "block-"),
        "yes" if metric.gated else "no",
    )
    assert ROWS[metric.name] == (metric.unit, metric.direction.value, estimator, _catch(metric), gated)


def test_the_page_has_no_metric_more() -> None:
    assert set(ROWS) == {metric.name for metric in METRICS}
