"""How much each version can carry: a section of a run's page, and `capacity.html`, a page of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from markupsafe import Markup

from perfgate import formatting
from perfgate.capacity.answer import CapacityAnswer
from perfgate.capacity.needs_sentences import needs_sentences
from perfgate.capacity.sentences import (
    bound_words,
    capacity_sentence,
    change_sentence,
    interrupted_sentence,
    limit_sentence,
    low_load_sentence,
    notes,
    tested_sentence,
    told_apart,
)
from perfgate.capacity.tables import curve_table, needs_table
from perfgate.capacity.tuning_words import paste_blocks, tuning_lines, tuning_table
from perfgate.report.charts.capacity import capacity_curves
from perfgate.report.charts.misses import misses
from perfgate.report.charts.verdicts import COLOURS
from perfgate.report.html.capacity_tables import misses_table, times_table
from perfgate.report.html.differences import flat
from perfgate.report.html.frame import drawn, template
from perfgate.whole_file import write_whole

FILE_NAME = "capacity.html"
ERROR_RATES = "What the error rates of a capacity cover"
"""Title of the page in docs/explanation that says how often an answer is wrong."""


def capacity_section(answer: CapacityAnswer) -> Markup:
    """Return the section: capacities, curves, and what limits them; the run's own gate judges the change."""
    arms = told_apart(answer)
    return Markup(  # noqa: S704 - the template escapes every string
        template("carries.html.j2").render(
            sentences=tuple(f"{capacity_sentence(arm, answer.objectives)}." for arm in arms),
            interrupted=interrupted_sentence(answer),
            charts=_charts(answer),
            beside=(*_tested(answer), *filter(None, map(limit_sentence, arms))),
            notes=notes(answer),
            tables=tuple(curve_table(arm) for arm in arms if arm.points),
        )
    )


def capacity_page(answer: CapacityAnswer) -> str:
    """Render one self-contained page; the same answer gives the same bytes."""
    verdict, arms = answer.verdict.value if answer.verdict else "", told_apart(answer)
    return template("capacity.html.j2").render(
        answer=answer,
        verdict=verdict,
        verdict_colour=COLOURS.get(verdict, ""),
        sentences=tuple(_sentences(answer)),
        interrupted=interrupted_sentence(answer),
        limits=tuple(filter(None, map(limit_sentence, arms))),
        tested=tuple(_tested(answer)),
        tables=tuple(curve_table(arm) for arm in arms if arm.points),
        needs=needs_sentences(answer, arms),
        needs_table=needs_table(answer),
        notes=notes(answer),
        tuning=tuning_lines(answer.tuning) if answer.tuning else (),
        tuning_table=tuning_table(answer.tuning) if answer.tuning else None,
        tuning_paste=paste_blocks(answer.tuning) if answer.tuning else (),
        charts=_charts(answer),
        method=tuple(_method(answer)),
        measurement=tuple(_measurement(answer)),
        environment=tuple(flat(answer.environment)),
    )


def write_capacity(answer: CapacityAnswer, directory: Path) -> Path:
    """Write `capacity.html` into the directory atomically."""
    return write_whole(directory / FILE_NAME, capacity_page(answer))


def _sentences(answer: CapacityAnswer) -> Iterator[str]:
    """Yield the change, which is what two versions are measured for, and each capacity."""
    if change_sentence(answer):
        yield change_sentence(answer)
    yield from (f"{capacity_sentence(arm, answer.objectives)}." for arm in told_apart(answer))


def _tested(answer: CapacityAnswer) -> Iterator[str]:
    for arm in told_apart(answer):
        for words in (tested_sentence(arm), low_load_sentence(arm, answer.objectives)):
            if words:
                yield f"{arm.model} {words}."


def _charts(answer: CapacityAnswer) -> dict[str, Any]:
    return {
        "times": drawn(capacity_curves(answer)),
        "times_table": times_table(answer),
        "misses": drawn(misses(answer)),
        "misses_table": misses_table(answer),
    }


def _method(answer: CapacityAnswer) -> Iterator[str]:
    servers, cpus = _counted(answer.servers, "server"), _counted(answer.cores, "CPU")
    yield (
        f"{servers} of each version took turns of {formatting.duration(answer.turn_s)}, one at a time and with {cpus}: "
        "requests were sent at a fixed mean rate whether or not earlier ones were answered, and each response time "
        "counts from when its request was due."
    )
    yield (
        "The capacity is the rate at which as many requests miss an objective as may: where a line, fitted to turns "
        "near it, crosses that share. What the arrivals of a turn are to blame for is taken away (a queue with the "
        "same arrivals shows it). The interval is over servers and over parts of the time."
    )
    yield (
        "A rate holds or breaks by a test of turns that did not choose it or, where that leaves it open, by lying "
        "below or above the capacity\u2019s interval. How often such answers and their "
        f"intervals are wrong, by simulation, is on the page \u201c{ERROR_RATES}\u201d of the documentation."
    )


def _measurement(answer: CapacityAnswer) -> Iterator[tuple[str, str]]:
    yield "run", answer.run_id
    yield "began", answer.created_utc
    yield "took", formatting.duration(answer.seconds)
    yield "servers of each version", f"{answer.servers:,}"
    yield "CPUs of a server", f"{answer.cores:,}"
    left_out = formatting.duration(answer.lead_in_s)
    yield (
        "turns",
        f"{answer.turns:,} of {formatting.duration(answer.turn_s)}; the first {left_out} of each are left out",
    )
    yield "objectives", "; ".join(map(bound_words, answer.objectives))
    yield "seed", str(answer.seed)
    yield "complete", "yes" if answer.complete else "no: interrupted"
    yield "perfgate", answer.perfgate_version


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
