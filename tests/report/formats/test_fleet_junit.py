from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from perfgate.fleet.answer import FleetAnswer
from perfgate.report.formats.fleet_junit import fleet_junit
from tests.fleet.answers import SAMPLES, answer, failing, gate, invalid, measurement

_COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def _root(answer: FleetAnswer) -> ET.Element:
    return ET.fromstring(fleet_junit(answer))  # noqa: S314 - our own


@pytest.mark.parametrize("build", SAMPLES.values(), ids=list(SAMPLES))
def test_every_fleet_is_well_formed_and_its_counts_are_those_of_its_cases(build: Callable[[], FleetAnswer]) -> None:
    answer = build()
    root = _root(answer)
    assert int(root.attrib["tests"]) == len(list(root.iter("testcase"))) == len(answer.gates)
    for node in (root, *root.iter("testsuite")):
        assert int(node.attrib["tests"]) == len(list(node.iter("testcase")))
        for name, tag in _COUNTED.items():
            assert int(node.attrib[name]) == len(list(node.iter(tag)))


def test_a_gate_is_a_case_of_its_models_suite_with_its_owner() -> None:
    root = _root(failing())
    assert [suite.attrib["name"] for suite in root.iter("testsuite")] == ["perfgate.audio", "perfgate.ranker"]
    assert [node.attrib["value"] for node in root.iter("property")] == ["ranking team"] * 2
    failure = root.find(".//testcase[@name='bursty']/failure")
    assert failure is not None
    assert failure.attrib["type"] == "regression"
    assert "together: latency_p99_ms +16.6% [+13.6, +19.6]" in (failure.text or "")
    assert float(root.attrib["time"]) == failing().seconds


def test_what_could_not_be_judged_is_an_error_and_what_is_undecided_is_skipped() -> None:
    assert _root(invalid()).attrib["errors"] == "2"
    assert _root(failing()).attrib["skipped"] == "2"


@pytest.mark.parametrize("ended", ["", "yesterday", "2026-11-29T10:45:51", None])
def test_a_measurement_without_readable_times_takes_none(ended: str) -> None:
    rounds = measurement(1), replace(measurement(2), ended_utc=ended)
    case = _root(answer(gate("ranker", "bursty", rounds=rounds))).find(".//testcase")
    assert case is not None
    assert case.attrib["time"] == "42.000"
