"""`plan-check.html`: whether the trained model shows what its plan promised."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from perfgate import formatting
from perfgate.planning.check import PlanCheck
from perfgate.planning.check_sentences import (
    beside_sentence,
    check_interrupted_sentence,
    checked_sentence,
    record_sentence,
)
from perfgate.planning.method import check_method
from perfgate.planning.objective_sentences import verdict_sentence
from perfgate.planning.tables import check_table
from perfgate.report.charts.interval_rows import promise_rows
from perfgate.report.charts.verdicts import COLOURS
from perfgate.report.html.chart_tables import behind_chart
from perfgate.report.html.differences import flat
from perfgate.report.html.frame import drawn, template
from perfgate.report.html.plan import objectives_part, sketch_facts
from perfgate.whole_file import write_whole

FILE_NAME = "plan-check.html"


def check_page(check: PlanCheck) -> str:
    """Render one self-contained page; the same check gives the same bytes."""
    verdict = check.verdict.value if check.complete else "interrupted"
    return template("plan_check.html.j2").render(
        check=check,
        verdict=verdict,
        verdict_colour=COLOURS[verdict],
        sentence=verdict_sentence(check.verdict, check.model, check.objectives),
        record=record_sentence(check),
        interrupted=check_interrupted_sentence(check),
        sketch=tuple(sketch_facts(check.sketch, check.sketch.given)),
        objectives=objectives_part(check.objectives),
        beside=beside_sentence(check),
        promises=tuple(map(checked_sentence, check.promises)),
        chart=drawn(promise_rows(check.promises)),
        chart_table=behind_chart(check_table(check.promises)),
        method=tuple(check_method(check)),
        measurement=tuple(_measurement(check)),
        environment=tuple(flat(check.environment)),
    )


def write_check(check: PlanCheck, directory: Path) -> Path:
    """Write `plan-check.html` into the directory atomically."""
    return write_whole(directory / FILE_NAME, check_page(check))


def _measurement(check: PlanCheck) -> Iterator[tuple[str, str]]:
    yield "check", check.check_id
    yield "plan", check.plan_id
    yield "began", check.created_utc
    yield "trained model", formatting.short_digest(check.model_digest)
    yield "untrained model", formatting.short_digest(check.sketch.model_digest)
    yield "sketch", formatting.short_digest(check.sketch.digest)
    yield "complete", "yes" if check.complete else "no: interrupted"
    yield "perfgate", check.perfgate_version
