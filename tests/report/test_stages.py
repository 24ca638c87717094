"""Stages, batch sizes, request classes and the generator, on the page and in the terminal."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from perfgate.loadgen.load_worker import LoadWorker
from perfgate.report.charts.stages import stages
from perfgate.report.html.page import render_html
from perfgate.report.rows import batch_rows, thread_rows
from perfgate.report.sentences import generator_sentence, sampling_sentence, stage_sentence
from perfgate.stats.summary import BatchSizes, Generator
from perfgate.trials import Arm
from tests.report import example

_RECT = "{http://www.w3.org/2000/svg}rect"


def test_a_bar_is_as_long_as_its_mean() -> None:
    summaries = example.failing().stages
    root = ET.fromstring(stages(summaries))  # noqa: S314 - our own
    widths = [float(rect.get("width", "nan")) + 1 for rect in root.iter(_RECT)]
    means = [each.mean_ms for each in summaries]
    assert [width / widths[2] for width in widths] == pytest.approx([mean / means[2] for mean in means], rel=0.02)
    assert "candidate execute 2.70 ms" in (root[1].text or "")


def test_nothing_is_drawn_without_stages() -> None:
    assert stages(()) == ""


def test_batch_sizes_are_shares_and_many_of_them_are_put_together() -> None:
    result = example.passing()
    assert batch_rows(result)[0] == ("8", ("36.2%", "36.2%"))
    many = BatchSizes(Arm.CANDIDATE, tuple(range(1, 101)), (1,) * 100)
    rows = batch_rows(replace(result, batch_sizes=(many,)))
    assert len(rows) == 20
    assert rows[0] == ("1 to 5", ("0%", "5%"))
    assert batch_rows(replace(result, batch_sizes=(BatchSizes(Arm.CANDIDATE, (1,), (9,)),))) == ()


def test_the_sentences_say_where_the_time_went_and_how_late_the_generator_was() -> None:
    result = example.passing()
    assert stage_sentence(result, Arm.CANDIDATE) == (
        "candidate: mean request time under load 4.13 ms = send lag 0.0500 + queue 0.900 + execute 2.40 + encode "
        "0.0800 + rest 0.700"
    )
    assert "Send lag: 0.0600 ms (p50), 0.900 ms (p99), 3.40 ms (maximum)" in generator_sentence(result)
    closed = replace(result, generator=Generator(10, 0.0, None, 0.0, 0.5, 2))
    assert generator_sentence(closed) == (
        "The load generator used 50% of the cores of its workers; in a closed loop no request is sent late."
    )


def test_the_sentence_says_that_workers_ran_elsewhere() -> None:
    workers = tuple(LoadWorker(f"load worker {number}", clock_uncertainty_ms=0.1 * number) for number in (1, 2))
    closed = replace(example.passing(), generator=Generator(10, 0.0, None, 0.0, 0.5, 2), load_workers=workers)
    assert generator_sentence(closed) == (
        "The load generator ran in 2 workers on the nodes of a Ray cluster, with clocks compared to ±0.200 ms; it used "
        "50% of the cores of its workers; in a closed loop no request is sent late."
    )
    assert "ran in a worker on" in generator_sentence(replace(closed, load_workers=workers[:1]))


def test_threads_are_shares_of_an_arm_and_the_idle_ones_are_left_out() -> None:
    assert thread_rows(example.passing()) == (("rpc", ("72%", "72%")), ("tf_Compute", ("27.5%", "27.5%")))
    assert thread_rows(example.invalid()) == ()


def test_sampling_says_what_it_cost_where_it_is_known() -> None:
    assert sampling_sentence(example.passing()) == "Sampling the servers took 0.36% of a core."
    assert sampling_sentence(example.invalid()) == ""


@pytest.mark.slow
def test_the_page_has_the_section_only_where_there_is_something_to_show() -> None:
    assert 'id="stages"' in render_html(example.passing())
    assert 'id="stages"' not in render_html(example.invalid())
