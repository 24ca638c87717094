"""`plan.html`: whether an untrained model holds its objectives, and what it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from perfgate import formatting
from perfgate.explain.profile import Profile
from perfgate.planning.answer import ObjectiveAnswer, ObjectiveStatus, PlanAnswer, Scale
from perfgate.planning.method import plan_method
from perfgate.planning.objective_sentences import objective_sentence
from perfgate.planning.ratios import ratios_table
from perfgate.planning.scale_sentences import scale_sentences
from perfgate.planning.sentences import (
    UNSEEN,
    built_words,
    dominant_sentence,
    finding_sentences,
    interrupted_sentence,
    named_capacity,
    needed_sentences,
    promise_sentences,
    tracing_sentence,
)
from perfgate.planning.tables import (
    frontier_table,
    layers_table,
    objectives_table,
    ops_table,
    promises_table,
    scale_table,
    types_table,
)
from perfgate.report.charts.frontier import frontier
from perfgate.report.charts.interval_rows import STATUS_WORDS, objective_rows
from perfgate.report.charts.limit import limit
from perfgate.report.charts.shares import layer_shares, type_shares
from perfgate.report.charts.verdicts import COLOURS
from perfgate.report.html.capacity import capacity_section
from perfgate.report.html.chart_tables import behind_chart
from perfgate.report.html.differences import flat
from perfgate.report.html.frame import drawn, template
from perfgate.report.rows import description
from perfgate.sketch.built import SketchFacts
from perfgate.whole_file import write_whole

FILE_NAME = "plan.html"


def plan_page(answer: PlanAnswer) -> str:
    """Render one self-contained page; the same answer gives the same bytes."""
    verdict, capacity = answer.verdict.value if answer.complete else "interrupted", named_capacity(answer)
    return template("plan.html.j2").render(
        answer=answer,
        verdict=verdict,
        verdict_colour=COLOURS[verdict],
        sentences=finding_sentences(answer),
        interrupted=interrupted_sentence(answer),
        sketch=tuple(sketch_facts(answer.sketch, built_words(answer))),
        objectives=objectives_part(answer.objectives),
        scale=_scale(answer.scale) if answer.scale else None,
        profile=_profile(answer.profile) if answer.profile else None,
        server=promise_sentences(answer.promises, answer.profile),
        promises=promises_table(answer.promises),
        capacity=capacity_section(capacity) if capacity else "",
        needed=needed_sentences(answer.needed),
        unseen_title=UNSEEN,
        method=tuple(plan_method(answer)),
        measurement=tuple(_measurement(answer)),
        environment=tuple(flat(answer.environment)),
    )


def write_plan(answer: PlanAnswer, directory: Path) -> Path:
    """Write `plan.html` into the directory atomically."""
    return write_whole(directory / FILE_NAME, plan_page(answer))


def sketch_facts(sketch: SketchFacts, name: str) -> Iterator[tuple[str, str]]:
    """Yield what was built, for the top of a page."""
    yield "sketch", f"{name} ({sketch.kind})"
    if sketch.dimensions:
        yield "dimensions", ", ".join(f"{name}={value:,}" for name, value in sketch.dimensions.items())
    yield "parameters", f"{sketch.parameters:,}"
    yield "size", formatting.with_unit(sketch.size_mb, "MiB")


def objectives_part(objectives: Sequence[ObjectiveAnswer]) -> dict[str, Any]:
    """Return the section's rows, sentences and chart."""
    rows = zip(map(_word, objectives), map(_named, objectives), objectives_table(objectives).rows, strict=True)
    return {
        "rows": tuple(rows),
        "sentences": tuple(map(objective_sentence, objectives)),
        "chart": drawn(objective_rows(objectives)),
        "chart_table": behind_chart(ratios_table(objectives)),
    }


def _word(objective: ObjectiveAnswer) -> str:
    missed = objective.warns and objective.status is ObjectiveStatus.BREAKS
    return "warn" if missed else STATUS_WORDS[objective.status]


def _named(objective: ObjectiveAnswer) -> str:
    return description(objective.metric)


def _scale(scale: Scale) -> dict[str, Any]:
    both = len(scale.ranges) > 1
    tables = tuple(scale_table(scale, each) for each in scale.limits)
    return {
        "sentences": scale_sentences(scale),
        "limit": drawn(limit(scale)),
        "frontier": drawn(frontier(scale)),
        "frontier_table": behind_chart(frontier_table(scale)) if both else None,
        "limit_table": behind_chart(tables[0]) if tables else None,
        "tables": tables if both or not limit(scale) else (),
    }


def _profile(profile: Profile) -> dict[str, Any]:
    return {
        "sentence": dominant_sentence(profile),
        "layers": drawn(layer_shares(profile)),
        "layers_table": behind_chart(layers_table(profile)),
        "types": drawn(type_shares(profile)),
        "types_table": behind_chart(types_table(profile)),
        "ops": ops_table(profile),
        "tracing": tracing_sentence(profile),
    }


def _measurement(answer: PlanAnswer) -> Iterator[tuple[str, str]]:
    yield "plan", answer.plan_id
    yield "began", answer.created_utc
    yield "took", formatting.duration(answer.seconds)
    yield "sketch", formatting.short_digest(answer.sketch.digest)
    yield "model", formatting.short_digest(answer.sketch.model_digest)
    yield "built in", formatting.duration(answer.sketch.build_s)
    for name, count in answer.sketch.cardinalities.items():
        yield f"ids of {name}", f"{count:,}"
    if answer.sketch.batch is not None:
        yield "rows of a request", f"{answer.sketch.batch:,}"
    yield "scenario", formatting.short_digest(answer.scenario_digest)
    yield "seed", str(answer.seed)
    yield "complete", "yes" if answer.complete else "no: interrupted"
    yield "perfgate", answer.perfgate_version
