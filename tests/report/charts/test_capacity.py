from __future__ import annotations

import re
from dataclasses import replace
from math import inf, nan
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from perfgate.capacity.answer import ArmCapacity, Bound, CapacityAnswer, CapacityKind, RateStatus
from perfgate.report.charts.axes import Area
from perfgate.report.charts.capacity import HEIGHT, capacity_curves
from perfgate.report.charts.levels import Level, levels
from perfgate.report.charts.misses import decisive, misses
from perfgate.report.charts.rates import WIDTH, place_words, rate_scale, span_of
from perfgate.trials import Arm
from tests.capacity.answers import ERRORS, OBJECTIVES, RATES, SAMPLES, answer, arm, below, open_, two_arms

_SVG = "{http://www.w3.org/2000/svg}"
AREA = Area(50, 20, 450, 320)


def _root(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - our own


def _words(root: ET.Element) -> list[str]:
    return [node.text or "" for node in root.iter(f"{_SVG}text")]


def _series(root: ET.Element, group: int = 0) -> dict[str, list[tuple[float, float]]]:
    plots = [node for node in root.iter(f"{_SVG}g") if node.get("data-x")]
    lines = [node for node in plots[group].iter(f"{_SVG}polyline") if node.get("data-series")]
    return {
        node.get("data-series", ""): [
            (float(x), float(y)) for x, y in (pair.split(",") for pair in node.get("points", "").split())
        ]
        for node in lines
    }


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("draw", [capacity_curves, misses])
def test_every_kind_of_answer_is_well_formed_and_within_the_frame(name: str, draw: object) -> None:
    text = draw(SAMPLES[name]())  # type: ignore[operator]
    if not text:
        assert draw is misses
        return
    assert "nan" not in text.lower().replace("finance", "")
    assert '"inf' not in text
    root = _root(text)
    assert root[0].text
    assert root[1].text
    for node in root.iter():
        for key in ("x", "x1", "x2", "cx"):
            assert 0 <= float(node.get(key, 0)) <= WIDTH
        for key in ("y", "y1", "y2", "cy"):
            assert 0 <= float(node.get(key, 0)) <= HEIGHT
        for number in re.findall(r"-?[\d.]+", node.get("points", "")):
            assert -1 <= float(number) <= WIDTH
        assert "style" not in node.attrib
        assert "url(" not in "".join(node.attrib.values())


def test_nothing_measured_is_no_picture() -> None:
    nothing = answer(arm(Arm.CANDIDATE, "m", 400.0, ()))
    assert capacity_curves(nothing) == ""
    assert misses(nothing) == ""
    assert capacity_curves(answer()) == ""
    found = arm(Arm.CANDIDATE, "m", 400.0)
    lost = replace(found, points=tuple(replace(each, p50_ms=nan, p99_ms=inf) for each in found.points))
    assert capacity_curves(answer(lost)) == ""


def test_both_percentiles_of_both_versions_rise_to_the_right() -> None:
    root = _root(capacity_curves(two_arms()))
    groups = [node.get("data-name") for node in root.iter(f"{_SVG}g") if node.get("data-x")]
    assert groups == ["p50", "p99"]
    p50, p99 = _series(root, 0), _series(root, 1)
    assert list(p50) == list(p99) == ["baseline", "candidate"]
    for which, line in p99.items():
        assert len(line) == len(p50[which]) == 11
        assert [x for x, _ in line] == sorted(x for x, _ in line)
        assert all(upper <= lower for (_, upper), (_, lower) in zip(line, p50[which], strict=True))
        assert line[-1][1] < line[0][1]


def test_a_rate_without_a_p99_is_marked_on_the_p50() -> None:
    root = _root(capacity_curves(open_()))
    assert _series(root, 1) == {}
    assert len(_series(root, 0)["candidate"]) == 3
    assert len([node for node in root.iter(f"{_SVG}polygon") if node.get("stroke") == "#D55E00"]) == 3


@pytest.mark.parametrize(
    ("status", "added"),
    [(RateStatus.HOLDS, (1, 0, 0)), (RateStatus.OPEN, (0, 1, 0)), (RateStatus.BREAKS, (0, 1, 2))],
)
@pytest.mark.parametrize(("which", "ink"), [(Arm.BASELINE, "#0072B2"), (Arm.CANDIDATE, "#D55E00")])
def test_a_status_has_its_own_shape(which: Arm, ink: str, status: RateStatus, added: tuple[int, int, int]) -> None:
    """Filled marks, outlined marks, and strokes of crosses."""

    def counts(found: ArmCapacity) -> tuple[int, int, int]:
        root = _root(capacity_curves(answer(found)))
        marks = [*root.iter(f"{_SVG}circle"), *root.iter(f"{_SVG}polygon")]
        lines = [node for node in root.iter(f"{_SVG}line") if node.get("stroke") == ink]
        return (
            sum(node.get("fill") == ink for node in marks),
            sum(node.get("stroke") == ink for node in marks),
            len(lines),
        )

    whole = arm(which, "m", 412.0)
    point = replace(whole.points[0], status=status)
    without, with_one = (
        counts(replace(whole, points=points)) for points in ((whole.points[1],), (whole.points[1], point))
    )
    assert tuple(b - a for a, b in zip(without, with_one, strict=True)) == added


def test_the_bound_and_the_capacities_are_written() -> None:
    words = _words(_root(capacity_curves(two_arms())))
    for each in ("latency_p99_ms at most 20 ms", "491/s [474, 507]", "412/s [398, 425]", "holds", "breaks", "open"):
        assert each in words
    assert not any("error_rate" in each for each in words)
    words = _words(_root(misses(two_arms())))
    assert "1% may miss latency_p99_ms" in words
    assert "\N{LESS-THAN OR EQUAL TO}0.05%" in words


def test_the_description_says_the_answer() -> None:
    root = _root(capacity_curves(two_arms()))
    assert (root[1].text or "").startswith("baseline: 491/s [474, 507]; p99 ")
    assert "candidate: 412/s [398, 425]" in (root[1].text or "")


def _band(root: ET.Element) -> list[tuple[float, float]]:
    rects = [node for node in root.iter(f"{_SVG}rect") if node.get("fill-opacity")]
    return [(float(node.get("x", "nan")), float(node.get("width", "nan"))) for node in rects]


@pytest.mark.parametrize(
    ("kind", "rate", "ends", "words", "span"),
    [
        (CapacityKind.ESTIMATED, 412.0, (398.0, 425.0), "412/s [398, 425]", (398, 425)),
        (CapacityKind.ESTIMATED, 412.0, (398.0, inf), "412/s, at least 398/s", (398, inf)),
        (CapacityKind.ESTIMATED, 412.0, (0.0, 425.0), "412/s, at most 425/s", (0, 425)),
        (CapacityKind.ABOVE, 1250.0, (0.0, inf), "above 1,250/s", (1250, inf)),
        (CapacityKind.BELOW, 12.0, (0.0, inf), "below 12/s", (0, 12)),
        (CapacityKind.GENERATOR, 41_000.0, (0.0, inf), "generator limit 41,000/s", (0, inf)),
        (CapacityKind.OPEN, nan, (0.0, inf), "not known", (0, inf)),
        (CapacityKind.OPEN, nan, (280.0, inf), "not known, at least 280/s", (280, inf)),
        (CapacityKind.OPEN, nan, (nan, nan), "not known", (0, inf)),
    ],
)
def test_each_kind_of_capacity_has_its_place(
    kind: CapacityKind, rate: float, ends: tuple[float, float], words: str, span: tuple[float, float]
) -> None:
    found = replace(arm(Arm.CANDIDATE, "m", 412.0), kind=kind, rate_rps=rate, lower_rps=ends[0], upper_rps=ends[1])
    assert place_words(found) == words
    assert span_of(found) == span
    root = _root(capacity_curves(answer(found)))
    assert words in _words(root)
    assert len(_band(root)) == (0 if span == (0, inf) else 1)


def test_a_capacity_far_below_the_highest_rate_makes_the_axis_logarithmic() -> None:
    assert not rate_scale(two_arms().arms, AREA).log
    axis = rate_scale(below().arms, AREA)
    assert axis.log
    assert axis.low < min(RATES) < max(RATES) < axis.high
    assert rate_scale((), AREA).high > 0


def _drawn_levels(found: CapacityAnswer, draw: object) -> list[str]:
    return [each for each in _words(_root(draw(found))) if " at most " in each or " may miss " in each]  # type: ignore[operator]


def test_objectives_that_break_first_are_drawn_and_no_others() -> None:
    found = two_arms()
    errors = replace(found.arms[1], objective="error_rate")
    both = replace(found, arms=(found.arms[0], errors))
    assert decisive(both) == OBJECTIVES
    assert _drawn_levels(both, misses) == ["1% may miss latency_p99_ms", "0.1% may miss error_rate"]
    unbroken = replace(found, arms=tuple(replace(each, objective="") for each in found.arms))
    assert decisive(unbroken) == OBJECTIVES[:1]


@pytest.mark.parametrize("share", [0.0, 1e-9, 0.5, 1.0])
def test_any_allowed_share_has_a_place(share: float) -> None:
    found = replace(two_arms(), objectives=(Bound("latency_p99_ms", share, 20.0),))
    assert len(_drawn_levels(found, misses)) == 1


def test_shares_out_of_range_are_drawn_at_the_edge_without_a_value_to_read() -> None:
    found = two_arms().arms[0]
    curve = tuple(replace(each, share=0.0, low=0.0) for each in found.curve[:-1])
    root = _root(misses(answer(replace(found, curve=(*curve, found.curve[-1])))))
    lines = [node.get("points", "") for node in root.iter(f"{_SVG}polyline")]
    assert len({pair.split(",")[1] for line in lines for pair in line.split()}) == 2
    dots = {node.get("data-series"): node.get("d", "").count("M") for node in root.iter(f"{_SVG}path")}
    assert dots == {"baseline": 1, None: len(curve)}
    lost = replace(found, curve=(replace(found.curve[0], high=nan),))
    assert misses(answer(lost)) == ""


def test_without_objectives_on_times_no_bound_is_drawn() -> None:
    assert _drawn_levels(replace(two_arms(), objectives=(ERRORS,)), capacity_curves) == []


def test_words_of_a_line_avoid_what_is_drawn() -> None:
    def place(*curves: tuple[list[float], list[float]]) -> tuple[str, bool]:
        drawn = [(np.array(x), np.array(y)) for x, y in curves]
        *_, words = levels(AREA, [Level(170, "twenty at most")], drawn)
        return words.get("text-anchor", ""), float(words.get("y", "nan")) < 170

    assert place() == ("start", True)
    left_above, left_below = ([50.0, 200.0], [160.0, 160.0]), ([50.0, 200.0], [180.0, 180.0])
    assert place(left_above) == ("start", False)
    assert place(left_above, left_below) == ("end", True)


def test_two_lines_that_are_near_do_not_write_over_each_other() -> None:
    texts = [
        node for node in levels(AREA, [Level(170, "first line"), Level(176, "second line")], []) if node.tag == "text"
    ]
    places = {(node.get("text-anchor"), node.get("y")) for node in texts}
    assert len(places) == 2
