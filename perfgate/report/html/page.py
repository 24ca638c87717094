"""`report.html`: the whole result as one self-contained page."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from perfgate import formatting
from perfgate.experiment.cautions import PRESSURE_LIMIT, STEAL_LIMIT
from perfgate.report.attribution import causes
from perfgate.report.charts.aligned import aligned
from perfgate.report.charts.ecdf import ecdf
from perfgate.report.charts.forest import forest
from perfgate.report.charts.panels import panels
from perfgate.report.charts.percentiles import BEYOND, percentiles
from perfgate.report.charts.series import series
from perfgate.report.charts.stages import stages
from perfgate.report.charts.tracks import tracks
from perfgate.report.charts.verdicts import COLOURS
from perfgate.report.html.capacity import capacity_section
from perfgate.report.html.chart_tables import aligned_table, forest_table, panel_table, percentile_table
from perfgate.report.html.differences import environment_rows, flat, model_rows, settings_differ
from perfgate.report.html.embedded_result import attach
from perfgate.report.html.explanation import explanation_section
from perfgate.report.html.frame import drawn, template
from perfgate.report.html.method import method
from perfgate.report.payloads import payload_rows, payload_sentences
from perfgate.report.rows import (
    accepted_rows,
    batch_rows,
    gate_rows,
    hints,
    in_order,
    objective_rows,
    summary_rows,
    thread_rows,
)
from perfgate.report.sentences import (
    confidence,
    generator_sentence,
    looks_sentence,
    not_gated_sentence,
    power_sentence,
    rest_words,
    sampling_sentence,
    sentence,
    stored_sentence,
    verdict_word,
    warning_sentence,
)
from perfgate.results.result import Result
from perfgate.whole_file import write_whole

FILE_NAME = "report.html"


def render_html(result: Result) -> str:
    """Render one self-contained page; the same result gives the same bytes."""
    return template("page.html.j2").render(_page(result))


def write(result: Result, directory: Path) -> Path:
    """Write `report.html` into the directory atomically."""
    return write_whole(directory / FILE_NAME, render_html(result))


def _page(result: Result) -> dict[str, Any]:
    verdict = verdict_word(result).lower()
    gate = gate_rows(result)
    compared = {row.metric for row in gate}
    return {
        "result": result,
        "verdict": verdict,
        "verdict_colour": COLOURS.get(verdict, COLOURS["invalid"]),
        "sentence": sentence(result),
        "command": shlex.join(result.command),
        "gate": gate,
        "not_gated": not_gated_sentence([row for row in gate if not row.gated]),
        "confidence": confidence(result),
        "decided": tuple(words for words in (power_sentence(result), looks_sentence(result)) if words),
        "objectives": objective_rows(result),
        "accepted": accepted_rows(result),
        "warning": warning_sentence(result),
        "summaries": tuple(row for row in summary_rows(result) if row.metric not in compared),
        "arms": list(result.models),
        "stages": result.stages,
        "rest": rest_words(result),
        "batch_sizes": batch_rows(result),
        "classes": result.request_classes,
        "threads": thread_rows(result),
        "sampling": sampling_sentence(result),
        "generator": generator_sentence(result),
        "stored": stored_sentence(result),
        "hints": tuple(hints(result)),
        "why": explanation_section(result.explanation) if result.explanation else "",
        "capacity": capacity_section(result.capacity) if result.capacity else "",
        "causes": causes(result),
        "payload_rows": payload_rows(result),
        "payload_sentences": payload_sentences(result),
        "model_rows": model_rows(result),
        "environment_rows": environment_rows(result),
        "settings_differ": settings_differ(result),
        "environment": tuple(flat(result.environment)),
        "method": method(result),
        "plan": tuple(
            flat({key: value for key, value in result.plan.items() if key not in {"slots", "segments"}})
        ),  # slots are in the replicas table; segments show how long each phase took
        "scenario": json.dumps(result.scenario, indent=1, ensure_ascii=False),
        "charts": _charts(result),
        "data": attach(result),
        "steal_limit": formatting.share(STEAL_LIMIT),
        "pressure_limit": formatting.share(PRESSURE_LIMIT),
    }


def _charts(result: Result) -> dict[str, Any]:
    """Draw each chart, with its table."""
    metrics, shown = in_order(result), tracks(result)
    return {
        "forest": drawn(forest(metrics)),
        "forest_table": forest_table(metrics),
        "ecdf": drawn(ecdf(result.curves)),
        "percentiles": drawn(percentiles(result.curves)),
        "percentile_table": percentile_table(result.curves),
        "beyond": BEYOND,
        "aligned": drawn(aligned(result, shown)),
        "aligned_table": aligned_table(result, shown),
        "series": [(panel.title, drawn(series(panel)), panel_table(panel)) for panel in panels(result.trials)],
        "stages": drawn(stages(result.stages)),
    }
