"""The policy in `perfgate.toml`: severities of metrics, and temporarily accepted regressions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from perfgate.cautions import CautionKind
from perfgate.errors import UsageError
from perfgate.formatting import limit, size
from perfgate.gate.tolerance import own_tolerance_of, severity_of
from perfgate.metrics import BY_NAME
from perfgate.nearest import suggestion
from perfgate.sanitize import one_line
from perfgate.scenario.amounts import amount_problem
from perfgate.scenario.effective import effective
from perfgate.scenario.forms import Table
from perfgate.scenario.mistakes import Mistake, explain
from perfgate.scenario.project import Acceptance, Project
from perfgate.scenario.schema import Scenario
from perfgate.scenario.severity import Severity
from perfgate.trials import Caution


class Accept(Acceptance):
    """An accepted regression as written in the file."""

    metric: str
    """Name of the metric that is worse."""
    scenario: str | None = None
    """Name of the scenario to which the entry applies; default: all."""

    @property
    def words(self) -> str:
        """The whole entry in one line."""
        of = f" of scenario {self.scenario}" if self.scenario else ""
        return f"{self.metric}{of} up to {limit(self.up_to, self.metric)}, {self.author}: {self.reason}"


class PolicyTables(Table):
    """The tables of the file that do not set options."""

    severity: dict[str, Severity] = Field(default_factory=dict)
    """How much a failure of a metric counts, unless its scenario sets it."""
    accept: tuple[Accept, ...] = ()
    """Regressions that are accepted up to a bound and until a date."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The tables as they apply on one day."""

    tables: PolicyTables
    today: date
    """The day, in UTC."""
    path: Path | None = None

    def over(self, scenario: Scenario) -> Scenario:
        """Add the policy to the scenario's gate; UsageError if an accepted regression does not fit it."""
        if not (self.tables.severity or self.tables.accept):
            return scenario
        judged = effective(scenario, Project(severity=self.tables.severity))
        # The entry for this scenario comes last and so overrides the one for all scenarios.
        held = sorted(self._holding(scenario.name), key=lambda each: each.scenario is not None)
        taken = {each.metric: each for each in held}
        for each in taken.values():
            if problem := _misfit(each, judged):
                raise UsageError(f"{self.path}: accept: {problem}", "correct or remove the entry")
        accepted = {
            metric: Acceptance(**each.model_dump(exclude={"metric", "scenario"})) for metric, each in taken.items()
        }
        return effective(scenario, Project(severity=self.tables.severity, accepted=accepted))

    def cautions(self, scenario_name: str) -> tuple[Caution, ...]:
        """Return a caution for each expired entry."""
        return tuple(
            CautionKind.ACCEPTANCE_EXPIRED.caution(
                expires=each.expires.isoformat(), words=each.words, path=str(self.path)
            )
            for each in self._of(scenario_name)
            if self.expired(each)
        )

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Return each entry as a setting: key, value, source."""
        for metric, word in self.tables.severity.items():
            yield f"severity.{metric}", word.value, str(self.path)
        for number, each in enumerate(self.tables.accept):
            until = f"EXPIRED {each.expires}" if self.expired(each) else f"until {each.expires}"
            yield f"accept[{number}]", f"{until}: {one_line(each.words)}", str(self.path)

    def shown(self) -> dict[str, Any]:
        """Return the entries as data, each with its source."""
        source = {"source": str(self.path)}
        return {
            "severity": {name: {"value": word.value, **source} for name, word in self.tables.severity.items()},
            "accept": [
                {**each.model_dump(mode="json"), "expired": self.expired(each), **source} for each in self.tables.accept
            ],
        }

    def expired(self, accept: Accept) -> bool:
        """Return whether the last day of the entry has passed."""
        return accept.expires < self.today

    def _of(self, scenario_name: str) -> Iterator[Accept]:
        return (each for each in self.tables.accept if each.scenario in {None, scenario_name})

    def _holding(self, scenario_name: str) -> Iterator[Accept]:
        return (each for each in self._of(scenario_name) if not self.expired(each))


NO_POLICY = Policy(PolicyTables(), date.max)


def _misfit(accept: Accept, scenario: Scenario) -> str:
    """Return why an accepted regression does not fit a scenario; empty if it does."""
    metric = BY_NAME[accept.metric]
    if severity_of(metric, scenario.gate) is Severity.OFF:
        return f"{metric.name} is not gated in scenario {scenario.name}"
    own = own_tolerance_of(metric, scenario.gate, 0.0).share
    if accept.up_to > own:
        return ""
    given, has = size(accept.up_to, metric.name), size(own, metric.name)
    return f"up_to = {given} of {metric.name} is not above its tolerance of {has} in scenario {scenario.name}"


def policy_tables(values: Mapping[str, Any], path: Path) -> PolicyTables:
    """Read the tables; UsageError with the first mistake and how to correct it."""
    if isinstance(values.get("accept"), dict):
        raise UsageError(
            f"{path}: accept must be an array of tables", "write [[accept]], with double brackets, for each entry"
        )
    try:
        tables = PolicyTables.model_validate(dict(values))
    except ValidationError as error:
        found = sorted(error.errors(include_url=False), key=lambda each: each["type"] != "extra_forbidden")
        raise _first(path, [explain(each, PolicyTables) for each in found]) from error
    given = [each.get("up_to") for each in values.get("accept", ())]
    if mistakes := list(_mistakes(tables, given)):
        raise _first(path, mistakes)
    return tables


def _first(path: Path, mistakes: list[Mistake]) -> UsageError:
    more = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
    return UsageError(f"{path}: {mistakes[0].problem}{more}", mistakes[0].remedy)


def _mistakes(tables: PolicyTables, given: list[Any]) -> Iterator[Mistake]:
    """Yield the mistakes that the metrics table reveals; `given`: the amounts as written."""
    for name in tables.severity:
        if name not in BY_NAME:
            yield Mistake(f"severity.{name}: unknown metric", suggestion(name, BY_NAME))
    seen = set()
    for number, each in enumerate(tables.accept):
        if each.metric not in BY_NAME:
            problem = f"accept[{number}].metric = {json.dumps(each.metric)}: unknown metric"
            yield Mistake(problem, suggestion(each.metric, BY_NAME))
        elif problem := amount_problem(each.metric, given[number]):
            yield Mistake(f"accept[{number}].up_to = {json.dumps(given[number])}", problem)
        elif (each.metric, each.scenario) in seen:
            yield Mistake(f"accept[{number}]: {each.metric} is listed twice", "keep only one")
        seen.add((each.metric, each.scenario))
