from __future__ import annotations

import csv
import io
import json
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from pyarrow import parquet

from perfgate.cli import report as command
from perfgate.errors import UsageError
from perfgate.metrics import BY_NAME, Direction
from perfgate.observe.prometheus import totals
from perfgate.report.formats.benchmark_action import benchmark_action
from perfgate.report.formats.choose import FORMATS
from perfgate.report.formats.openmetrics import openmetrics
from perfgate.report.formats.tables import samples_table
from perfgate.results.result import Result
from tests.report import example

_LINE = re.compile(r'[a-z_]+\{(?:[a-z]+="(?:[^"\\]|\\.)*",?)+\} -?[0-9.e+-]+')


def test_the_command_offers_every_format() -> None:
    assert tuple(FORMATS) == command.FORMATS


@pytest.mark.parametrize("build", example.EVERY)
def test_open_metrics_are_well_formed(build: Callable[[], Result]) -> None:
    lines = openmetrics((build(),)).splitlines()
    assert lines[-1] == "# EOF"
    for line in lines[:-1]:
        assert re.match(r"# (TYPE|HELP) perfgate_[a-z]+ ", line) or _LINE.fullmatch(line), line
    assert len({line.rsplit("} ", 1)[0] for line in lines if not line.startswith("#")}) == sum(
        not line.startswith("#") for line in lines
    ), "no series twice"


def test_each_case_has_exactly_one_verdict() -> None:
    text = openmetrics((example.failing(),))
    assert 'perfgate_verdict{kind="' in text
    passed = len(re.findall(r'perfgate_verdict\{[^}]*verdict="pass"', text))
    assert totals(text, {"perfgate_verdict"})["perfgate_verdict"] == passed > 0
    assert re.search(r'kind="change",metric="execute_ms",scenario="[^"]*",severity="error",verdict="fail"} 1.0\n', text)


def test_open_metrics_are_what_the_specification_and_gitlab_want() -> None:
    result = replace(example.failing(), scenario=example.failing().scenario | {"name": 'a "b"\\c\nd'})
    families = list(text_string_to_metric_families(openmetrics((result,))))  # type: ignore[no-untyped-call]
    assert [family.type for family in families] == ["gauge"] * 5
    assert all(family.documentation.endswith(".") for family in families)
    assert {sample.labels["scenario"] for family in families for sample in family.samples} == {'a "b"\\c d'}
    for line in openmetrics((example.failing(),)).splitlines():
        words = shlex.split(re.sub("#.*$", "", line))  # as GitLab's parser, lib/gitlab/ci/parsers/metrics/generic.rb
        assert not words or (len(words) == 2 and float(words[1]) is not None), line


def test_the_benchmark_action_reads_candidates_by_direction() -> None:
    lower, higher = (json.loads(benchmark_action((example.failing(),), d)) for d in (Direction.LOWER, Direction.HIGHER))
    assert {entry["name"].split()[-1] for entry in higher} <= {
        m for m in BY_NAME if BY_NAME[m].direction is Direction.HIGHER
    }
    assert any(entry["name"].endswith(" execute_ms") for entry in lower)
    for entry in (*lower, *higher):
        assert isinstance(entry["value"], float)
        assert entry["unit"]
        assert set(entry) <= {"name", "unit", "value", "range", "extra"}


def test_a_column_that_an_older_result_has_not_is_empty() -> None:
    result = example.passing()
    older = replace(result, trials=replace(result.trials, response_p99_ms=()))
    table = parquet.read_table(pa.BufferReader(FORMATS["trials-parquet"].render(older, Path())))
    assert table["response_p99_ms"].null_count == table.num_rows == len(result.trials.block)


def test_trials_are_the_same_table_in_both_forms() -> None:
    result = example.passing()
    lines = list(csv.DictReader(io.StringIO(FORMATS["trials-csv"].render(result, Path()).decode())))
    table = parquet.read_table(pa.BufferReader(FORMATS["trials-parquet"].render(result, Path())))
    assert len(lines) == table.num_rows == len(result.trials.block)
    assert [float(line["start_s"]) for line in lines[:5]] == table["start_s"].to_pylist()[:5]
    assert lines[0]["arm"] in {"baseline", "candidate"}


def test_a_run_without_samples_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"samples\.arrow"):
        samples_table(tmp_path)
