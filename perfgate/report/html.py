"""`report.html`: the whole result as one page that needs nothing but itself."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jinja2
from markupsafe import Markup

from perfgate.report import figures
from perfgate.report.charts.ecdf import ecdf
from perfgate.report.charts.forest import forest
from perfgate.report.charts.machine import machine
from perfgate.report.charts.panels import panels
from perfgate.report.charts.series import series
from perfgate.report.charts.stages import stages
from perfgate.report.charts.verdicts import COLOURS, icon
from perfgate.report.plain import printable
from perfgate.report.result import Result
from perfgate.report.rows import batch_rows, gate_rows, hints, in_order, objective_rows, summary_rows, thread_rows
from perfgate.report.sentences import (
    confidence,
    generator_sentence,
    rest_words,
    sampling_sentence,
    sentence,
    stored_sentence,
    verdict_word,
)

FILE_NAME = "report.html"


def render_html(result: Result) -> str:
    """Render one self-contained page; the same result gives the same bytes."""
    return _template().render(_page(result))


def write(result: Result, directory: Path) -> Path:
    """Put `report.html` into the directory in one step."""
    path = directory / FILE_NAME
    temporary = directory / f".{FILE_NAME}.tmp"
    directory.mkdir(parents=True, exist_ok=True)
    temporary.write_text(render_html(result), encoding="utf-8")
    return temporary.replace(path)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("perfgate.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters.update(minus=_minus, quantity=figures.quantity, with_unit=figures.with_unit)
    environment.filters.update(figure=figures.figure, short_digest=figures.short_digest, duration=figures.duration)
    environment.globals["icon"] = _icon
    return environment.get_template("page.html.j2")


def _page(result: Result) -> dict[str, Any]:
    verdict = verdict_word(result).lower()
    compared = {metric.metric for metric in result.judgement.metrics} if result.judgement else set()
    return {
        "result": result,
        "css": Markup(resources.files("perfgate.report").joinpath("templates/style.css").read_text()),  # noqa: S704
        "verdict": verdict,
        "verdict_colour": COLOURS.get(verdict, COLOURS["invalid"]),
        "sentence": sentence(result),
        "command": shlex.join(result.command),
        "gate": gate_rows(result),
        "confidence": confidence(result),
        "objectives": objective_rows(result),
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
        "environment": tuple(_flat(result.environment)),
        "plan": tuple(
            _flat({key: value for key, value in result.plan.items() if key not in {"slots", "segments"}})
        ),  # slots: the replicas table; segments: how long each phase took
        "scenario": json.dumps(result.scenario, indent=1, ensure_ascii=False),
        "charts": _charts(result),
    }


def _charts(result: Result) -> dict[str, Any]:
    return {
        "forest": _drawn(forest(in_order(result))),
        "ecdf": _drawn(ecdf(result.curves)),
        "series": [(panel.title, _drawn(series(panel))) for panel in panels(result.trials)],
        "stages": _drawn(stages(result.stages)),
        "machine": _drawn(machine(result.blocks)),
    }


def _drawn(svg: str) -> Markup:
    return Markup(svg)  # noqa: S704 - made by ElementTree, which escapes every string in it


def _icon(verdict: str, size: int = 16) -> Markup:
    return _drawn(ET.tostring(icon(verdict, size), encoding="unicode"))


def _shown(value: Any) -> Any:  # noqa: ANN401 - jinja passes every value of a template through here
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _minus(text: str) -> str:
    """Set a true minus sign, which is as wide as a plus."""
    return text.replace("-", "\N{MINUS SIGN}")


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{prefix}{key}.")
        elif isinstance(item, list | tuple):
            yield f"{prefix}{key}", " ".join(str(part) for part in item)
        else:
            words = {"True": "yes", "False": "no", "None": "\N{EN DASH}"}  # by text, since 1 == True
            yield f"{prefix}{key}", words.get(str(item), str(item))
