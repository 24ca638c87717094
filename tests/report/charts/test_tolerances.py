"""Content of the chart of a fleet's gates, read back from its elements."""

from __future__ import annotations

import re
from math import inf, nan
from xml.etree import ElementTree as ET

import pytest

from perfgate.report.charts.tolerances import LOW, NARROW, Layout, ToleranceRow, tolerance_rows
from perfgate.report.charts.verdicts import COLOURS
from perfgate.report.html.fleet_rows import chart_row
from tests.fleet.answers import SAMPLES, failing, gate, many, move

_SVG = "{http://www.w3.org/2000/svg}"


def _drawn(*rows: ToleranceRow, layout: Layout = LOW) -> ET.Element:
    return ET.fromstring(tolerance_rows("gates", "Gates", rows, layout))  # noqa: S314 - our own


def _row(place: float, lower: float, upper: float, verdict: str = "pass") -> ToleranceRow:
    return ToleranceRow("ranker--steady", "execute_ms +1.0%", place, lower, upper, verdict)


def _whisker(root: ET.Element, verdict: str) -> tuple[float, float]:
    (found,) = (node for node in root.iter(f"{_SVG}line") if node.get("stroke") == COLOURS[verdict])
    return float(found.attrib["x1"]), float(found.attrib["x2"])


def test_nothing_is_drawn_without_rows() -> None:
    assert tolerance_rows("gates", "Gates", (), LOW) == ""


@pytest.mark.parametrize("layout", [LOW, NARROW], ids=["low", "narrow"])
@pytest.mark.parametrize("name", SAMPLES)
def test_every_gate_with_numbers_has_its_name_its_numbers_and_stays_inside(name: str, layout: Layout) -> None:
    rows = [row for each in SAMPLES[name]().gates if (row := chart_row(each)) is not None]
    text = tolerance_rows("gates", "Gates", rows, layout)
    assert not re.search(r"\b(nan|inf)\b", text.replace("\N{REPLACEMENT CHARACTER}", ""))
    if rows:
        root = _drawn(*rows, layout=layout)
        width = float(root.attrib["width"])
        places = [float(node.attrib[key]) for node in root.iter(f"{_SVG}line") for key in ("x1", "x2")]
        assert min(places) >= 0
        assert max(places) <= width
        assert len([node for node in root.iter(f"{_SVG}text") if node.get("text-anchor") == "end"]) == len(rows)


def test_a_row_has_the_colour_and_the_shape_of_its_gate() -> None:
    row = chart_row(failing().gates[0])
    assert row
    (diamond,) = _drawn(row).iter(f"{_SVG}polygon")
    assert diamond.get("fill") == COLOURS["fail"]
    hollow = _drawn(_row(0.5, 0.0, 1.5, "inconclusive")).find(f"{_SVG}circle")
    assert hollow is not None
    assert hollow.get("fill") == "none"


def test_an_end_beyond_the_picture_or_unknown_is_an_arrow_head() -> None:
    whole, open_above, unknown, beyond = (
        _drawn(row) for row in (_row(0.5, 0.0, 1.0), _row(0.5, 0.0, inf), _row(nan, nan, nan), _row(20, 15, 25))
    )
    heads = [
        sum(node.attrib["points"].count(",") == 3 for node in root.iter(f"{_SVG}polyline"))
        for root in (whole, open_above, unknown, beyond)
    ]
    assert heads == [0, 1, 2, 1]
    assert not list(unknown.iter(f"{_SVG}circle"))
    low, high = _whisker(beyond, "pass")
    assert high - low == pytest.approx(24)


def test_long_names_are_cut_so_that_both_parts_can_be_told_apart() -> None:
    row = chart_row(many().gates[0])
    assert row
    model, _, scenario = row.short.partition("--")
    assert (len(model), len(scenario)) == (21, 21)
    assert row.name.partition("--")[0].endswith(model[-5:])
    short = chart_row(gate("ranker", "steady", move("execute_ms", 0.0)))
    assert short
    assert short.short == "ranker--steady"
