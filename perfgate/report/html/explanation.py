"""Why one version is slower: a section of a run's page, and `explain.html`, a page of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from perfgate.explain.explanation import Attribution, Explanation
from perfgate.explain.sentences import NO_CAUSE, causes, change_sentence, looked_at, node_changes, overhead_sentence
from perfgate.explain.tables import beside_tables, differing, group_tables, ops_table, static_tables, sum_table
from perfgate.report.charts.flame import flame
from perfgate.report.charts.waterfall import waterfall
from perfgate.report.html.chart_tables import flame_table
from perfgate.report.html.frame import drawn, template
from perfgate.version import __version__
from perfgate.whole_file import write_whole

FILE_NAME = "explain.html"
_MOST_CHANGED, _MOST_OPS = 25, 200


def explanation_section(explanation: Explanation) -> Markup:
    """Return the section: causes, the sum, the ops, and what else was compared."""
    found, static = explanation.attribution, explanation.static
    return Markup(  # noqa: S704 - the template escapes every string
        template("why.html.j2").render(
            explanation=explanation,
            change=change_sentence(explanation),
            causes=causes(explanation),
            no_cause=f"{NO_CAUSE} {looked_at(explanation)}",
            measured=_measured(found) if found else None,
            beside=tuple(beside_tables(explanation)),
            nodes=node_changes(static) if static else "",
            static=tuple(static_tables(static, whole=True)) if static else (),
        )
    )


def _measured(found: Attribution) -> dict[str, Any]:
    changed = differing(found)
    return {
        "overhead": overhead_sentence(found),
        "sum": sum_table(found),
        "changed": ops_table(found, changed, _MOST_CHANGED) if changed else None,
        "every": (*group_tables(found), ops_table(found, found.ops, _MOST_OPS)),
        "waterfall": drawn(waterfall(found)),
        "flame": drawn(flame(found)),
        "flame_table": flame_table(found),
    }


def explanation_page(explanation: Explanation) -> str:
    """Render one self-contained page; the same explanation gives the same bytes."""
    return template("explain.html.j2").render(
        explanation=explanation, section=explanation_section(explanation), version=__version__
    )


def write_explanation(explanation: Explanation, directory: Path) -> Path:
    """Write `explain.html` into the directory atomically."""
    return write_whole(directory / FILE_NAME, explanation_page(explanation))
