"""Content of the charts of a plan, read back from their elements."""

from __future__ import annotations

import re
from dataclasses import replace
from math import inf, nan
from xml.etree import ElementTree as ET

import pytest

from perfgate.planning.answer import ObjectiveAnswer, ObjectiveStatus, Scale, ScaleRange
from perfgate.planning.ratios import ratio, ratios_table
from perfgate.report.charts.frontier import frontier
from perfgate.report.charts.interval_rows import objective_rows, promise_rows
from perfgate.report.charts.limit import limit as limit_chart
from perfgate.report.charts.shares import layer_shares, type_shares
from perfgate.report.charts.verdicts import COLOURS
from tests.planning.answers import (
    BREAKING,
    CHECKS,
    HOLDING,
    NO_ERRORS,
    OPEN,
    SAMPLES,
    alone,
    check,
    limit,
    one_dimension,
    profile,
    two_dimensions,
)

_SVG = "{http://www.w3.org/2000/svg}"
FAST = ObjectiveAnswer("throughput_rps", ObjectiveStatus.HOLDS, 400.0, False, 480.0, 440.0, inf)  # noqa: FBT003
WIDTH = ScaleRange("layers.width", 256, 4096)


def _root(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - our own


def _words(root: ET.Element) -> list[str]:
    return [node.text or "" for node in root.iter(f"{_SVG}text")]


def _tags(root: ET.Element, tag: str) -> list[ET.Element]:
    return list(root.iter(f"{_SVG}{tag}"))


def _drawn() -> dict[str, str]:
    answers = {name: build() for name, build in SAMPLES.items()}
    scales = {name: answer.scale for name, answer in answers.items() if answer.scale}
    return {
        **{f"objectives {name}": objective_rows(answer.objectives) for name, answer in answers.items()},
        **{f"promises {name}": promise_rows(build().promises) for name, build in CHECKS.items()},
        **{f"layers {name}": layer_shares(each.profile) for name, each in answers.items() if each.profile},
        **{f"types {name}": type_shares(each.profile) for name, each in answers.items() if each.profile},
        **{f"limit {name}": limit_chart(scale) for name, scale in scales.items()},
        **{f"frontier {name}": frontier(scale) for name, scale in scales.items()},
        "extremes": objective_rows((
            replace(HOLDING, lower=-inf), replace(BREAKING, value=900.0, lower=700.0, upper=inf), FAST,
            replace(OPEN, lower=-inf, upper=inf),
        )),
        "wide limit": limit_chart(_scale(lower=nan, upper=inf)),
        "limit beyond": limit_chart(_scale(estimate=9000.0, lower=5000.0, upper=inf)),
    }  # fmt: skip


def _scale(**changes: float) -> Scale:
    return Scale((WIDTH,), (replace(limit(1460.0), **changes),), 100.0)  # type: ignore[arg-type]


DRAWN = {name: text for name, text in _drawn().items() if text}


@pytest.mark.parametrize("name", DRAWN)
def test_every_picture_is_well_formed_described_and_within_its_frame(name: str) -> None:
    text = DRAWN[name]
    assert "nan" not in text.lower()
    assert '"inf' not in text
    root = _root(text)
    width, height = float(root.get("width", "nan")), float(root.get("height", "nan"))
    assert root[0].text
    assert root[1].text
    for node in root.iter():
        for key in ("x", "x1", "x2", "cx"):
            assert 0 <= float(node.get(key, 0)) <= width
        for key in ("y", "y1", "y2", "cy"):
            assert 0 <= float(node.get(key, 0)) <= height
        for place in re.findall(r"-?[\d.]+", node.get("points", "")):
            assert -1 <= float(place) <= max(width, height)
        assert "style" not in node.attrib


def test_an_objective_is_left_of_its_bound_only_if_it_holds() -> None:
    root = _root(objective_rows((HOLDING, BREAKING, FAST)))
    (bound,) = {float(line.get("x1", "nan")) for line in _tags(root, "line") if line.get("stroke-dasharray")}
    places = [float(circle.get("cx", "nan")) for circle in _tags(root, "circle")]
    assert len(places) == 2
    assert all(place < bound for place in places)
    (diamond,) = (each for each in _tags(root, "polygon"))
    assert diamond.get("fill") == COLOURS["fail"]
    assert all(float(point.split(",")[0]) > bound for point in diamond.get("points", "").split())
    assert "latency_p99_ms" in _words(root)
    assert "latency_p99_ms 28.4 ms [25.8, 31.6], at most 20 ms: breaks" in (root[1].text or "")


def test_a_ratio_is_above_one_on_the_bad_side_whichever_is_better() -> None:
    assert ratio(HOLDING, 30.0) == pytest.approx(1.5)
    assert ratio(FAST, 200.0) == pytest.approx(2.0)
    assert ratio(FAST, inf) == 0.0
    assert str(ratio(replace(NO_ERRORS, bound=0.0), 0.1)) == "nan"


def test_the_table_has_the_ends_in_order_whichever_is_better() -> None:
    assert ratios_table((HOLDING, FAST)).rows == (
        ("latency_p99_ms", "holds", "42%", "39%", "47%"),
        ("throughput_rps", "holds", "83.3%", "0%", "90.9%"),
    )


def test_what_is_open_is_hollow_and_a_warning_has_its_own_colour() -> None:
    (mark,) = _tags(_root(objective_rows((OPEN,))), "circle")
    assert mark.get("fill") == "none"
    (diamond,) = _tags(_root(objective_rows((replace(BREAKING, warns=True),))), "polygon")
    assert diamond.get("fill") == COLOURS["warn"]


def test_nothing_to_draw_is_no_picture() -> None:
    unknown = replace(OPEN, value=nan, lower=-inf, upper=inf)
    assert objective_rows((unknown, replace(NO_ERRORS, bound=0.0))) == ""
    assert objective_rows(()) == promise_rows(()) == promise_rows(alone().promises[2:]) == ""
    nothing = replace(profile(), by_layer=(), by_type=())
    assert layer_shares(nothing) == type_shares(nothing) == ""
    assert layer_shares(replace(profile(), execute_ms=nan)) == ""
    assert limit_chart(replace(_scale(), limits=())) == ""
    assert limit_chart(_scale(points=limit(1460.0).points[:1])) == ""  # type: ignore[arg-type]
    both, one = two_dimensions().scale, one_dimension().scale
    assert both
    assert one
    assert limit_chart(both) == frontier(one) == frontier(replace(both, limits=())) == ""


def test_a_promise_is_a_band_with_what_was_measured_on_it() -> None:
    root = _root(promise_rows(check().promises))
    bands = [(float(b.get("x", "nan")), float(b.get("x", "nan")) + float(b.get("width", "nan")))
             for b in _tags(root, "rect")]  # fmt: skip
    assert len(bands) == len(check().promises)
    marks = [float(each.get("cx", "nan")) for each in _tags(root, "circle")]
    covered = [band for band, each in zip(bands, check().promises, strict=True) if each.covered]
    assert all(left - 1 <= mark <= right + 1 for mark, (left, right) in zip(marks, covered, strict=True))
    assert len(_tags(root, "polygon")) == 1
    assert "rss_peak_mb +4.7%, not covered" in (root[1].text or "")


def test_bars_are_as_long_as_their_share_and_the_rest_is_last() -> None:
    root = _root(layer_shares(profile()))
    lengths = [float(bar.get("width", "nan")) for bar in _tags(root, "rect")]
    times = [*(each.ms for each in profile().by_layer), profile().rest_ms]
    assert [length / lengths[0] for length in lengths] == pytest.approx([ms / times[0] for ms in times], rel=0.01)
    assert _words(root)[-2:] == ["outside of ops", "0.250 ms, 10.8%"]


def test_many_layers_are_added_up_and_long_names_keep_their_end() -> None:
    long = "ranker/encoder/" * 8
    groups = tuple(replace(profile().by_layer[0], name=f"{long}{number}", ms=0.1) for number in range(15))
    words = _words(_root(layer_shares(replace(profile(), by_layer=groups))))
    assert "3 more" in words
    assert "0.300 ms, 13%" in words
    names = [each for each in words if each.startswith("\N{HORIZONTAL ELLIPSIS}")]
    assert [name[-2:] for name in names] == [f"/{place}"[-2:] for place in range(12)]
    assert max(map(len, names)) < 60


def test_points_rise_with_the_value_and_cross_the_bound_at_the_limit() -> None:
    found = one_dimension().scale
    assert found
    root = _root(limit_chart(found))
    circles = [(float(c.get("cx", "nan")), float(c.get("cy", "nan"))) for c in _tags(root, "circle")][2:]
    diamonds = [p.get("points", "").split()[0] for p in _tags(root, "polygon")][1:]
    tops = [(float(x), float(y)) for x, y in (point.split(",") for point in diamonds)]
    assert len(circles) == 4
    assert len(tops) == 3
    across = [x for x, _ in (*circles, *tops)]
    assert across == sorted(across)
    heights = [y for _, y in (*circles, *tops)]
    assert heights == sorted(heights, reverse=True)
    (middle,) = (float(each.get("x1", "nan")) for each in _tags(root, "line") if each.get("stroke-dasharray") == "7 3")
    assert circles[-1][0] < middle < tops[0][0]
    (band,) = _tags(root, "rect")
    left = float(band.get("x", "nan"))
    assert left < middle < left + float(band.get("width", "nan"))
    assert "1,460 [1,379, 1,562]" in _words(root)
    assert "1,536: latency_p99_ms 111% [104%, 117%], breaks" in (root[1].text or "")


def test_an_unknown_limit_has_no_band() -> None:
    root = _root(limit_chart(_scale(estimate=nan)))
    assert _tags(root, "rect") == []
    assert "not known" in _words(root)


def test_each_limit_of_the_frontier_has_its_place_and_open_ends_their_arrow_heads() -> None:
    found = two_dimensions().scale
    assert found
    root = _root(frontier(found))
    circles = [(float(c.get("cx", "nan")), float(c.get("cy", "nan"))) for c in _tags(root, "circle")]
    assert len(circles) == 3
    assert [x for x, _ in circles] == sorted((x for x, _ in circles), reverse=True)
    assert [y for _, y in circles] == sorted((y for _, y in circles), reverse=True)
    assert len(_tags(root, "polygon")) == 1, "one breaks from the start"
    heads = [
        line
        for line in _tags(root, "polyline")
        if len(line.get("points", "").split()) == 3 and not line.get("stroke-opacity")
    ]
    assert len(heads) == 3
    assert "embeddings.user.lookups=160: 300 (at most 321)" in (root[1].text or "")
    held = replace(found.limits[0], estimate=nan, holds=4096)
    assert frontier(replace(found, limits=(held, *found.limits[1:]))).count("<circle") == 3
    unknown = replace(held, holds=None)
    assert frontier(replace(found, limits=(unknown, *found.limits[1:]))).count("<circle") == 2
