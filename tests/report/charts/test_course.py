from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np

from perfgate.report.charts.course import HEIGHT, WIDTH, Course, Mark, course
from perfgate.stats.change_points import clip_outliers


def drawn(values: list[float], marks: list[Mark] | None = None) -> ET.Element:
    data = np.array(values, np.float64)
    made = Course(
        slug="c",
        title="execute_ms",
        unit="ms",
        description="first, last",
        dates=[f"2026-01-{1 + n % 28:02d}" for n in range(len(values))],
        values=data,
        shown=clip_outliers(data),
        levels=[(0, len(values), float(np.mean(clip_outliers(data))))],
        marks=marks or [],
    )
    return ET.fromstring(course(made))  # noqa: S314 - our own


def words(svg: ET.Element) -> list[str]:
    return [part.text or "" for part in svg.iter() if part.tag.endswith("text")]


def triangles(svg: ET.Element) -> int:
    return sum(part.tag.endswith("polygon") for part in svg.iter())


def test_outliers_stand_at_the_edge_and_are_counted() -> None:
    values = [1.0, 1.1, 1.2, 1.1, 1.0] * 8
    values[7], values[20], values[30] = 50.0, 60.0, 0.001
    svg = drawn(values)
    assert triangles(svg) == 3
    assert "▲ 2 outside ▼ 1 outside" in words(svg)
    assert triangles(drawn([1.0, 1.1, 1.2, 1.1, 1.0] * 8)) == 0


def test_one_value_and_equal_values_can_be_drawn() -> None:
    for values in ([2.0], [2.0, 2.0], [0.0] * 30, [-1.0, -2.0, 3.0]):
        svg = drawn(values)
        numbers = [float(part.get(name, "0")) for part in svg.iter() for name in ("x", "y", "x1", "x2", "y1", "y2")]
        assert all(np.isfinite(numbers))
        assert all(0 <= number <= max(WIDTH, HEIGHT) for number in numbers)


def test_close_marks_take_turns_in_two_rows() -> None:
    svg = drawn([1.0] * 200, [Mark(50, 1, "worse"), Mark(55, 2, "better"), Mark(150, 3, "changed")])
    heights = {
        part.text: part.get("y") for part in svg.iter() if part.text in {"1", "2", "3"} and part.get("font-weight")
    }
    assert heights["1"] == heights["3"]
    assert heights["1"] != heights["2"]


def test_worse_and_better_differ_without_colour() -> None:
    svg = drawn([1.0] * 100, [Mark(20, 1, "worse"), Mark(50, 2, "better"), Mark(80, 3, "changed")])
    dashes = [part.get("stroke-dasharray") for part in svg.iter() if part.get("stroke-dasharray")]
    assert len(set(dashes)) == 3
