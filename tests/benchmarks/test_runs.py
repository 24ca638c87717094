from __future__ import annotations

import random
from pathlib import Path

from benchmarks.runs.made import documents, write_runs
from perfgate.results import document
from perfgate.results.runs.parsing import parse
from tests.report import example


def test_made_runs_are_whole_results_that_differ(tmp_path: Path) -> None:
    like = document.to_json(example.passing_small())
    made = dict(documents(like, 9, random.Random(1)))  # noqa: S311
    assert len(made) == 9
    results = [document.from_json(text) for text in made.values()]
    assert [result.run_id for result in results] == list(made)
    assert len({result.models["candidate"].digest for result in results}) == 9
    assert {result.trials for result in results} == {document.from_json(like).trials}
    changes = {each.metrics[0].effect.change for each in (result.judgement for result in results) if each}
    assert len(changes) == 9
    assert all(parse(text.encode(), name)[0].moved_metric for name, text in made.items())
    (tmp_path / "like.json").write_text(like)
    assert write_runs(tmp_path / "reports", 2, tmp_path / "like.json") > len(like)
    assert len(list((tmp_path / "reports").glob("*/result.json"))) == 2
