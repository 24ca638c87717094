"""What `benchmarks.power` computes from a run: it uses the estimator's internals, so changes there show here."""

from __future__ import annotations

from math import isfinite
from pathlib import Path

import pytest

from benchmarks.power.estimators import spreads
from tests.pipeline.fake_runs import Bench


@pytest.mark.slow
def test_one_run_is_judged_in_many_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bench, "models", tmp_path, raising=False)
    Bench().run(tmp_path / "run", "old", "same")
    found = spreads(tmp_path / "run")
    assert len(found) == 10
    assert all(isfinite(se) and se > 0 for se in found.values())
    names = ("time without waiting", "mean over blocks", "median over blocks")
    assert len({found[name] for name in names}) == len(names)
