from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import pytest

from perfgate.api import Run
from perfgate.gate.verdict import ObjectiveVerdict
from perfgate.report.sentences import verdict_word
from perfgate.results import document
from perfgate.results.result import SCHEMA_VERSION, Result
from perfgate.results.runs import parsing
from perfgate.results.runs.interface import Found
from perfgate.results.runs.local import LocalPlace
from perfgate.results.runs.parsing import NotAResultError, parse
from perfgate.results.runs.reading import read_step
from tests.report import example
from tests.results.runs.stored import tree


def _parsed(made: object) -> Any:
    return parse(json.dumps(made).encode(), "here")


def _objectives(result: Result) -> tuple[ObjectiveVerdict, ...]:
    return result.judgement.objectives if result.judgement else ()


@pytest.mark.parametrize("kind", example.EVERY, ids=lambda kind: kind.__name__)
def test_a_row_says_what_the_whole_result_says(kind: Callable[[], Result], tmp_path: Any) -> None:
    result = kind()
    row, metrics = parse(document.to_json(result).encode(), "here")
    assert (row.run_id, row.verdict) == (result.run_id, verdict_word(result).lower())
    assert row.created_utc == datetime.fromisoformat(result.created_utc)
    assert row.model_given == result.models["candidate"].given
    assert row.wall_s == result.wall_s
    assert row.scenario == result.scenario["name"]
    whole = Run(tmp_path, result).metrics
    by_name = {each.metric: each for each in metrics}
    assert set(by_name) == set(whole.index) | {each.metric for each in _objectives(result)}
    for name, expected in whole.iterrows():
        found = by_name[str(name)]
        for column in ("unit", "scale", "baseline", "candidate", "change", "lower", "upper", "tolerance", "gated"):
            value, wanted = getattr(found, column), expected[column]
            unknown = isinstance(wanted, float) and not isfinite(wanted)
            assert value is None if unknown else value == wanted, f"{name} {column}"
        assert found.verdict == (None if isinstance(expected["verdict"], float) else expected["verdict"])


def test_the_known_version_is_that_of_results() -> None:
    assert parsing._KNOWN_VERSION == SCHEMA_VERSION
    with pytest.raises(NotAResultError, match="of a newer perfgate"):
        _parsed(tree(schema_version=SCHEMA_VERSION + 1))


def test_a_run_in_progress_has_no_duration_yet() -> None:
    row, metrics = _parsed(tree(status="running", judgement=None, wall_s=0.0))
    assert (row.verdict, row.wall_s, row.headline, row.moved_metric) == ("running", None, None, None)
    assert metrics == ()


def test_the_verdict_of_an_interrupted_run_does_not_count() -> None:
    assert _parsed(tree(status="interrupted"))[0].verdict == "interrupted"


@pytest.mark.parametrize(
    ("given", "model"),
    [
        ("models/ranking/7", "models/ranking"),
        ("models/ranking/7/", "models/ranking"),
        ("models/ranking//7", "models/ranking"),
        ("models/v2", "models/v2"),
        ("models/v2/", "models/v2"),
        ("7", "7"),
        ("/7", "/7"),
        ("/", "/"),
        ("grpc://host:8500/ranker", "grpc://host:8500/ranker"),
        ("models/ranking/007b", "models/ranking/007b"),
    ],
)
def test_versions_of_a_model_are_one_model(given: str, model: str) -> None:
    row, _ = _parsed(tree(model=given))
    assert (row.model, row.model_given) == (model, given)


def _with(*metrics: tuple[str, float | None, float, bool, str]) -> dict[str, Any]:
    made = tree()
    (template,) = made["judgement"]["metrics"]
    made["judgement"]["metrics"] = [
        {
            **template, "metric": name, "tolerance": tolerance, "gated": gated,
            "effect": {**template["effect"], "metric": name, "change": change, "scale": scale},
        }
        for name, change, tolerance, gated, scale in metrics
    ]  # fmt: skip
    return made


def test_what_moved_most_is_measured_by_its_tolerance() -> None:
    a, b = ("execute_ms", 0.04, 0.025, True, "ratio"), ("rss_peak_mb", -0.06, 0.05, True, "ratio")
    assert _parsed(_with(a, b))[0].moved_metric == "execute_ms"
    assert _parsed(_with(a, ("rss_peak_mb", -0.09, 0.05, True, "ratio")))[0].moved_metric == "rss_peak_mb"
    shares = ("error_rate", 0.018, 0.01, True, "difference")
    assert _parsed(_with(a, b, shares))[0].moved_metric == "error_rate"
    ungated = ("latency_p50_ms", 5.0, 0.05, False, "ratio")
    assert _parsed(_with(a, ungated))[0].moved_metric == "execute_ms"
    assert _parsed(_with(ungated))[0].moved_metric == "latency_p50_ms"
    assert _parsed(_with(("execute_ms", None, 0.05, True, "ratio")))[0].moved_metric is None
    assert _parsed(_with(("execute_ms", -1.0, 0.05, True, "ratio")))[0].moved_metric == "execute_ms"


def test_times_are_in_utc() -> None:
    row, _ = _parsed(tree(created_utc="2026-03-01T12:15:00+02:00"))
    assert row.created_utc == datetime(2026, 3, 1, 10, 15, tzinfo=UTC)
    assert _parsed(tree(created_utc="2026-03-01T10:15:00"))[0].created_utc == row.created_utc


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"run_id": "\\ud800"}', "not JSON"),
        (b"[" * 5000, "not JSON"),
        (b"[]", "not a perfgate result"),
        (b"{}", "not a perfgate result"),
        (b'{"schema_version": 1}', "not a perfgate result"),
        (b'{"schema_version": "1"}', "not a perfgate result"),
        (b"null", "not a perfgate result"),
    ],
)
def test_files_of_others_are_named_as_such(data: bytes, why: str) -> None:
    with pytest.raises(NotAResultError, match=why):
        parse(data, "here")


WRONG: tuple[Any, ...] = (
    None, True, 1, -1, 10**400, 1e308, "x", "", [], [1], ["x"], [[]], [{}], {}, {"given": 1}, {"metrics": 3},
)  # fmt: skip


def _places(made: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(made, dict):
        return [(*path, key) for key in made] + [p for key in made for p in _places(made[key], (*path, key))]
    first = made[:1] if isinstance(made, list) else []
    return [p for number, each in enumerate(first) for p in ((*path, number), *_places(each, (*path, number)))]


def test_no_wrong_value_anywhere_breaks_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    made = tree()
    del made["scenario"], made["plan"]
    made["scenario"] = {"name": "x"}
    results = []
    for number, path in enumerate(_places(made)):
        broken = json.loads(json.dumps(made))
        parent = broken
        for key in path[:-1]:
            parent = parent[key]
        parent[path[-1]] = WRONG[number % len(WRONG)]
        results.append(broken)
    for value in WRONG[::4]:
        results += [{**made, key: value} for key in made]
    texts = [json.dumps(broken).encode() for broken in results]
    monkeypatch.setattr(LocalPlace, "read_all", lambda *_: texts)
    table = read_step(LocalPlace("x"), [Found(str(number), 1, "") for number in range(len(results))])
    lost = table["problem"].to_pylist()
    assert set(lost) == {None, "not a perfgate result", "of a newer perfgate"}
    assert len(table) == len(results)
