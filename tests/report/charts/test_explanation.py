"""Content of the charts of an explanation, read back from their elements."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from perfgate.explain.explanation import Attribution, Interval, Part
from perfgate.report.charts.flame import flame
from perfgate.report.charts.waterfall import waterfall
from perfgate.report.html.chart_tables import flame_table
from tests.explain.samples import SAMPLES, equal_models, extra_layer

_SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def found() -> Attribution:
    attribution = extra_layer().attribution
    assert attribution
    return attribution


def _root(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - our own


def _bars(root: ET.Element) -> dict[tuple[str, int], ET.Element]:
    """Return the bars by what their title begins with and by the arm's row."""
    bars = [bar for bar in root.iter(f"{_SVG}rect") if bar.get("class") == "bar"]
    middle = max(float(bar.get("y", "nan")) for bar in bars) / 2
    return {
        ((bar.find(f"{_SVG}title").text or "").partition(":")[0], int(float(bar.get("y", "nan")) > middle)): bar  # type: ignore[union-attr]
        for bar in bars
    }


def _x(bar: ET.Element) -> tuple[float, float]:
    left = float(bar.get("x", "nan"))
    return left, left + float(bar.get("width", "nan")) + 1


def test_the_waterfall_leads_from_one_time_to_the_other_step_by_step(found: Attribution) -> None:
    root = _root(waterfall(found))
    words = [node.text or "" for node in root.iter(f"{_SVG}text")]
    names = ["baseline", "added", "removed", "changed", "same", "rest", "candidate"]
    assert [word for word in words if word in names] == names
    steps = [(float(r.get("x", "nan")), float(r.get("width", "nan"))) for r in root.iter(f"{_SVG}rect")][:5]
    assert steps[1][0] + steps[1][1] == pytest.approx(steps[0][0] + steps[0][1], abs=0.1), (
        "removed begins where added ends"
    )
    assert steps[0][1] / steps[1][1] == pytest.approx(0.308 / 0.098, rel=0.01)
    colours = [rect.get("fill") for rect in root.iter(f"{_SVG}rect")][:5]
    assert colours == ["#C4281C", "#00795B", "#C4281C", "#6E6E78", "#6E6E78"], "slower, faster, slower, uncertain"
    assert "removed -0.098 ms [-0.101, -0.0951]" in (root[1].text or "")


@pytest.mark.parametrize("parts", [(), (Part("rest", Interval(0.0, 0.0, 0.0)),)])
def test_a_waterfall_of_nothing_has_a_frame(found: Attribution, parts: tuple[Part, ...]) -> None:
    root = _root(waterfall(replace(found, execute_ms=(1.0, 1.0), parts=parts)))
    assert all(10 <= float(line.get("x1", "nan")) <= 470 for line in root.iter(f"{_SVG}line"))


def test_flame_bars_of_both_arms_have_one_scale(found: Attribution) -> None:
    bars = _bars(_root(flame(found)))
    (left, right), (other_left, other_right) = _x(bars["execution", 0]), _x(bars["execution", 1])
    assert left == other_left
    assert (other_right - left) / (right - left) == pytest.approx(1.9574 / 1.734, rel=1e-3)


def test_what_differs_has_its_arms_colour_and_what_vanished_an_outline(found: Attribution) -> None:
    bars = _bars(_root(flame(found)))
    by_op = {
        (title.removeprefix("execution").replace("StatefulPartitionedCall/ranker/", ""), row): bar
        for (title, row), bar in bars.items()
    }
    added, removed = (
        by_op["added MatMul tower/extra/MatMul", 1],
        by_op["removed _FusedMatMul tower/dense_2/_FusedMatMul", 0],
    )
    assert (added.get("fill"), added.get("stroke-dasharray")) == ("#D55E00", None)
    assert float(added.get("fill-opacity", "nan")) > 0
    assert (removed.get("stroke"), removed.get("fill-opacity")) == ("#0072B2", "0")
    assert removed.get("stroke-dasharray")
    assert ("added MatMul tower/extra/MatMul", 0) not in by_op
    assert by_op["MatMul tower/dense/MatMul", 0].get("stroke") is None


def test_a_bars_title_has_its_numbers(found: Attribution) -> None:
    titles = {node.text for node in _root(flame(found)).iter(f"{_SVG}title")}
    assert (
        "added MatMul StatefulPartitionedCall/ranker/tower/extra/MatMul: baseline 0 ms, candidate 0.168 ms, "
        "+0.168 ms [+0.163, +0.173]" in titles
    )


def test_names_are_cut_to_their_bars(found: Attribution) -> None:
    long = replace(found, ops=tuple(replace(op, op="x" * 300) for op in found.ops))
    labels = [node.text or "" for node in _root(flame(long)).iter(f"{_SVG}text")]
    assert max(map(len, labels)) < 130
    assert any(label.endswith("x\N{HORIZONTAL ELLIPSIS}") for label in labels)


def test_the_chart_says_what_differs_in_words(found: Attribution) -> None:
    assert "MatMul +0.168 ms" in (_root(flame(found))[1].text or "")
    equal = equal_models().attribution
    assert equal
    assert _root(flame(equal))[1].text == "no op differs"


def test_nothing_traced_is_no_flame(found: Attribution) -> None:
    assert flame(replace(found, ops=(), execute_ms=(0.0, 0.0))) == ""


def test_the_table_has_every_bar_with_both_times(found: Attribution) -> None:
    table = flame_table(found)
    rows = {row[0].removeprefix("StatefulPartitionedCall/ranker/"): row for row in table.rows}
    assert rows["execution"][4:6] == ("1.73 ms", "1.96 ms")
    assert rows["tower/dense_2/_FusedMatMul"][2:] == (
        "_FusedMatMul", "removed", "0.0980 ms", "0 ms", "-0.098 ms [-0.101, -0.0951]",
    )  # fmt: skip
    drawn = {bar for bar, _ in _bars(_root(flame(found)))}
    assert len(table.rows) >= len(drawn)


@pytest.mark.parametrize("name", ["extra_layer", "equal_models", "hostile"])
def test_the_charts_of_every_sample_are_well_formed(name: str) -> None:
    attribution = SAMPLES[name]().attribution
    assert attribution
    for text in (waterfall(attribution), flame(attribution)):
        assert "<script" not in text
        _root(text)
