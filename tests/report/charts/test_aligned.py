"""The picture of the whole run, with its tracks and shaded areas, read back from its elements."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from perfgate.experiment.timeline import Timeline
from perfgate.report.charts.aligned import aligned
from perfgate.report.charts.spans import Span, disturbed, disturbed_blocks, lanes, parted, warm_up
from perfgate.report.charts.tracks import Track, tracks
from perfgate.results.result import BlockColumns, Result, TrialColumns
from tests.report import example
from tests.report.kinds import KINDS

_SVG = "{http://www.w3.org/2000/svg}"


def _root(result: Result) -> ET.Element:
    return ET.fromstring(aligned(result, tracks(result)))  # noqa: S314 - our own


def _words(root: ET.Element) -> list[str]:
    return [node.text or "" for node in root.iter(f"{_SVG}text")]


def _rects(root: ET.Element) -> list[tuple[float, float]]:
    tall = [rect for rect in root.iter(f"{_SVG}rect") if float(rect.get("height", "0")) > 100]
    return [(float(rect.get("x", "nan")), float(rect.get("width", "nan"))) for rect in tall]


def _of(result: Result, slug: str) -> Track:
    return next(track for track in tracks(result) if track.slug == slug)


def _blocks(*rows: tuple[str, float, float | None, float | None]) -> BlockColumns:
    lane, start_s, steal, pressure = zip(*rows, strict=True)
    depth = tuple("request" for _ in rows)
    return BlockColumns(lane, depth, tuple(range(len(rows))), start_s, (1.0,) * len(rows), steal, pressure)


def test_all_quantities_stand_below_each_other_on_one_axis() -> None:
    words = _words(_root(KINDS["fail"]()))
    titles = [
        word
        for word in words
        if word.startswith(("Request time", "Throughput", "CPU cores", "Resident", "Failed", "Interf"))
    ]
    assert [title.split()[0] for title in titles] == [
        "Request", "Request", "Throughput", "CPU", "Resident", "Failed", "Interference",
    ]  # fmt: skip
    assert sum(word.startswith("time since the run began") for word in words) == 1
    assert "none of 49,867 requests failed" in words
    assert {"executions", "single requests", "load"} <= set(words)


def test_the_description_summarizes_the_chart() -> None:
    desc = _root(KINDS["fail"]())[1].text or ""
    assert "p99 per turn under load: baseline 8.13 ms in load, candidate 8.87 ms in load" in desc
    assert "warm-up took 5.9 s" in desc
    assert "3 of 100 blocks were disturbed by other work" in desc


def test_the_warm_up_is_shaded_until_the_first_block() -> None:
    result = replace(example.passing(), blocks=_blocks(("cost", 10.0, 0.0, 0.0), ("load", 54.0, 0.0, 0.9)))
    assert warm_up(result) == Span("warm-up", pytest.approx(4.1), 10.0)  # type: ignore[arg-type]
    ((left, width),) = _rects(_root(result))
    assert left == 64
    assert width == pytest.approx((10 - 4.1) / (55 - 4.1) * 1002, abs=2)
    assert warm_up(replace(result, phases_s={})) is None
    assert warm_up(replace(result, blocks=BlockColumns())) is None


def test_blocks_are_disturbed_by_the_rule_of_the_cautions_and_close_ones_are_one_shade() -> None:
    blocks = _blocks(
        ("cost", 0.0, 0.0, 0.9), ("cost", 1.5, 0.2, 0.1), ("cost", 9.0, None, 0.9), ("load", 20.0, 0.0, 0.9)
    )  # fmt: skip
    assert disturbed_blocks(blocks) == (True, True, True, False)
    assert disturbed(blocks) == (Span("disturbed", 0, 1), Span("disturbed", 1.5, 2.5), Span("disturbed", 9, 10))
    assert disturbed(blocks, 0.5) == (Span("disturbed", 0, 2.5), Span("disturbed", 9, 10))
    assert disturbed(BlockColumns()) == ()


def test_the_shades_are_named_where_they_are() -> None:
    quiet, hit = KINDS["fail"](), KINDS["inconclusive"]()
    calm = replace(quiet.blocks, steal_share=(0.0,) * 100, cpu_pressure_share=(0.1,) * 100)
    assert "block disturbed by other work" in _words(_root(hit))
    assert len(_rects(_root(hit))) > 10
    assert "block disturbed by other work" not in _words(_root(replace(quiet, blocks=calm)))


def test_lanes_part_a_series() -> None:
    spans = lanes(_blocks(("cost", 0.0, 0, 0), ("cost", 4.0, 0, 0), ("load", 6.0, 0, 0)))
    assert spans == (Span("single requests", 0.0, 5.0), Span("load", 6.0, 7.0))
    first, second = parted(np.array([0.5, 4.9, 6.0, 6.5]), spans)
    assert (first.tolist(), second.tolist()) == ([0, 1], [2, 3])


def test_throughput_counts_what_was_answered_in_the_load_lane_alone() -> None:
    result = KINDS["inconclusive"]()
    t, values = _of(result, "throughput").series["candidate"]
    trials = result.trials
    first = next(i for i, at in enumerate(trials.start_s) if at == t[-1])
    assert values[-1] == pytest.approx((trials.requests[first] - 3) / trials.wall_s[first])
    assert t.min() >= 45


def test_without_the_99th_percentile_the_slowest_request_is_shown() -> None:
    result = example.passing()
    older = replace(result, trials=replace(result.trials, response_p99_ms=()))
    assert "Slowest request per turn under load" in _words(_root(older))
    assert not any(track.slug == "p99" for track in tracks(older))


def test_cores_under_load_come_from_the_samples_within_a_servers_own_turns() -> None:
    trials = TrialColumns(
        lane=("load", "load"), depth=("request",) * 2, block=(0, 0), arm=("candidate",) * 2, replica=(0, 1),
        start_s=(1.0, 2.0), wall_s=(1.0, 1.0), requests=(10, 10), errors=(0, 0), cpu_ms=(900.0, 900.0),
    )  # fmt: skip
    at_s = (1.0, 1.5, 2.0, 2.5, 3.0)
    timeline = Timeline(
        time_s=at_s * 2, arm=("candidate",) * 10, replica=(0,) * 5 + (1,) * 5,
        cpu_ms=(0, 250, 750, 750, 750, 0, 0, 0, 500, 1250), rss_mb=(100.0,) * 10,
    )  # fmt: skip
    result = replace(example.passing(), trials=trials, timeline=timeline)
    t, cores = _of(result, "cores").series["candidate"]
    assert (t.tolist(), cores.tolist()) == ([1.25, 1.75, 2.25, 2.75], [0.5, 1.0, 1.0, 1.5])
    assert len(_of(result, "rss").series["candidate"][0]) == 10
    alone = replace(result, timeline=Timeline())
    assert _of(alone, "cores").series["candidate"][1].tolist() == [0.9, 0.9]


def test_steal_is_left_out_if_the_platform_does_not_report_it() -> None:
    result = replace(example.passing(), blocks=_blocks(("cost", 10.0, None, 0.02), ("cost", 20.0, None, 0.7)))
    assert set(_of(result, "machine").series) == {"CPU pressure"}
    words = _words(_root(result))
    assert "limit of CPU pressure, except under load, 50%" in words
    assert not any(word.startswith("limit of steal") for word in words)


def test_a_limit_that_nothing_came_near_is_not_drawn() -> None:
    rows = [("cost", 10.0, steal, 0.1) for steal in (0.0, 0.04)]
    names = [
        [name for _, name in _of(replace(example.passing(), blocks=_blocks(row)), "machine").limits] for row in rows
    ]
    assert names == [[], ["limit of steal"]]


@pytest.mark.parametrize("name", ["died_in_warm_up", "interrupted_at_start"])
def test_nothing_measured_is_no_picture(name: str) -> None:
    result = KINDS[name]()
    assert tracks(result) == ()
    assert aligned(result, tracks(result)) == ""


def test_one_trial_is_a_picture() -> None:
    whole = KINDS["no_baseline"]()
    names = TrialColumns.__dataclass_fields__
    one = TrialColumns(**{name: getattr(whole.trials, name)[-1:] for name in names})
    result = replace(whole, trials=one, blocks=_blocks(("load", 53.0, 0.0, 0.0)), timeline=Timeline())
    numbers = [float(node.get(key, "0")) for node in _root(result).iter() for key in ("x", "y", "x1", "y1", "width")]
    assert np.isfinite(numbers).all()


def test_a_long_run_has_few_enough_points_and_keeps_the_extremes() -> None:
    result = KINDS["long"]()
    text = aligned(result, tracks(result))
    assert len(text) < 250_000
    assert text.count("h0") <= 2_000 * 7
