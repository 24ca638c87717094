"""Stored runs in Python: the public interface of `import perfgate`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from perfgate.baseline.numbers import stored_baseline
from perfgate.errors import UsageError
from perfgate.gate.judge import judge
from perfgate.gate.stored_baseline import judge_stored
from perfgate.gate.verdict import Judgement, Verdict
from perfgate.metrics import METRICS
from perfgate.results import document
from perfgate.results.loader import read_run
from perfgate.results.record import record_of
from perfgate.results.result import ComparisonKind, Result
from perfgate.results.samples import FILE_NAME, read_samples
from perfgate.results.scenario import scenario_of
from perfgate.scenario.mistakes import mistakes_in, usage_error
from perfgate.scenario.schema import Gate, Scenario
from perfgate.stats.cross_run import candidate_of
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm


@dataclass(frozen=True)
class Run:
    """A stored run."""

    directory: Path
    result: Result
    """The content of result.json as dataclasses; docs/reference/result.md describes each field."""

    @property
    def verdict(self) -> Verdict | None:
        """PASS, FAIL, INCONCLUSIVE or INVALID; None while the run is in progress."""
        return None if self.result.judgement is None else self.result.judgement.verdict

    @property
    def scenario(self) -> Scenario:
        """The measured metrics, and how they were judged."""
        return scenario_of(self.result.scenario)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """One row per measured metric, by name, in the order of the metrics table.

        `unit`; `baseline` and `candidate`, typical values in that unit, NaN for an arm that was not measured; and for a
        comparison `change` (a share, 0.05 for +5%, or a difference in the unit if `scale` is "difference"), its
        one-sided bounds `lower` and `upper`, `tolerance`, `gated` and `verdict`.
        """
        arms = {(each.metric, each.arm): each.value for each in self.result.summaries}
        judged = {each.metric: each for each in self.result.judgement.metrics} if self.result.judgement else {}
        rows = []
        for metric in METRICS:
            found = judged.get(metric.name)
            values = [arms.get((metric.name, arm.value)) for arm in (Arm.BASELINE, Arm.CANDIDATE)]
            if found is not None:
                values = [found.effect.baseline_value, found.effect.candidate_value]
            elif values == [None, None]:
                continue
            rows.append(
                {
                    "metric": metric.name,
                    "unit": metric.unit,
                    "scale": metric.scale.value,
                    "baseline": values[0],
                    "candidate": values[1],
                    "change": found.effect.change if found else None,
                    "lower": found.effect.lower if found else None,
                    "upper": found.effect.upper if found else None,
                    "tolerance": found.tolerance if found else None,
                    "gated": bool(found and found.gated),
                    "verdict": found.verdict.value if found else None,
                }
            )
        frame = pd.DataFrame(rows, columns=_COLUMNS).set_index("metric")
        return frame.astype(dict.fromkeys(_NUMBERS, float))

    @cached_property
    def trials(self) -> pd.DataFrame:
        """One row per trial, a visit to one server, in the columns of result.json."""
        columns = {each.name: getattr(self.result.trials, each.name) for each in fields(self.result.trials)}
        return pd.DataFrame({name: column for name, column in columns.items() if column})

    @cached_property
    def samples(self) -> pd.DataFrame:
        """One row per request, as in samples.arrow; UsageError if the run has no samples."""
        frame: pd.DataFrame = read_samples(self.directory / FILE_NAME).to_pandas()
        return frame

    def judge(self, gate: Gate | Mapping[str, Any] | None = None) -> Judgement:
        """Judge the run again: as before, or by another `[gate]` table, written as in a scenario file.

        `run.judge({"metrics": {"execute_ms": {"catch": "2%"}}})`. A tolerance chosen after seeing the numbers has no
        error rate: explore with it, do not gate. UsageError for an invalid table, and for a run that was compared with
        stored numbers: they are in the store.
        """
        if self.result.comparison is ComparisonKind.STORED_NUMBERS:
            raise UsageError("this run was compared with stored numbers", "compare it with a run that you load")
        chosen = self.scenario.gate if gate is None else _gate(gate)
        budget, objectives = self.scenario.budget, self.scenario.objectives
        return judge(self.table, chosen, objectives, self.result.looks, budget.measure_s)

    @cached_property
    def table(self) -> TrialTable:
        """All trials as the estimators read them, directly from the samples."""
        return read_run(self.directory)[1]


_NUMBERS = ("baseline", "candidate", "change", "lower", "upper", "tolerance")
_COLUMNS = ("metric", "unit", "scale", *_NUMBERS, "gated", "verdict")


def _gate(table: Gate | Mapping[str, Any]) -> Gate:
    if isinstance(table, Gate):
        return table
    data = {"gate": dict(table)}
    try:
        return Scenario.model_validate(data).gate
    except ValidationError as error:
        raise usage_error("judge", mistakes_in(data, error)) from error


def load(run: str | PathLike[str]) -> Run:
    """Load a run from its directory or its result.json; UsageError if there is none."""
    path = Path(run)
    return Run(path if path.is_dir() else path.parent, document.read(path))


def compare(baseline: Run, candidate: Run) -> Judgement:
    """Compare the candidates of two runs, by the gate of the second one.

    The runs are two occasions, and the intervals include the differences between occasions, like those of
    `perfgate run` with stored numbers: only large changes show. For a side-by-side comparison, see `load(…).metrics`.
    INCONCLUSIVE, with the reason, if scenario or environment differ.
    """
    record = record_of(baseline.result, "run", "", datetime.fromisoformat(baseline.result.created_utc))
    scenario = candidate.scenario
    if record.scenario_digest != candidate.result.scenario_digest:
        raise UsageError("the two runs measured different scenarios", "compare runs of the same scenario")
    stored = stored_baseline(
        record,
        (),
        environment=candidate.result.environment,
        fingerprint=candidate.result.fingerprint,
        calibrations=(),
        again="perfgate compare OLD NEW",
        keep="measure both side by side",
    )
    return judge_stored(candidate_of(candidate.table), scenario.gate, scenario.objectives, stored.numbers)
