"""A row of the table: a comparison that is made many times, and the expected outcome."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from benchmarks.operating_curve.recipe import Family
from perfgate import metrics
from perfgate.scenario.files import load_scenario
from perfgate.scenario.schema import Scenario
from perfgate.trials import Depth, Lane

SCENARIOS = Path(__file__).parent / "scenarios"


class Outcome(StrEnum):
    """The outcome of a run."""

    FAIL = "fail"
    PASS = "pass"  # noqa: S105 - a verdict
    INCONCLUSIVE = "inconclusive"
    FOUND = "found"  # failed within the row's time
    PASS_IN_TIME = "passed"  # noqa: S105 - passed within that time
    METRIC_FAILS = "metric fails"  # the row's own metric, or an equivalent one, is among those that failed
    ALONE = "only this metric fails"  # the row's own metric failed, and every other gated one passed
    COVERS = "interval covers"  # the 95 % interval of the row's own metric contains the true change


@dataclass(frozen=True, slots=True)
class Wanted:
    """A bound on how often an outcome may, or must, occur."""

    outcome: Outcome
    at_most: float = 1.0
    at_least: float = 0.0

    def __str__(self) -> str:
        """Format as `fail <= 1 %`."""
        sign, share = ("≥", self.at_least) if self.at_least else ("≤", self.at_most)
        return f"{self.outcome} {sign} {share:.0%}"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a comparison that is made many times."""

    name: str
    title: str
    candidate: str
    scenario_name: str
    runs: int
    wanted: tuple[Wanted, ...]
    baseline: str = "base"
    metric: str = "execute_ms"
    """The metric that the row is about."""
    also: tuple[str, ...] = ()
    """Metrics that detect the change equally well."""
    truth: float | None = None
    """True change of `metric`, a share; None if only its direction is known."""
    within_s: float | None = None
    """Wall time of the whole command within which the change should be found."""
    kind: str = "other"
    """`equal`: a rule that finds a change is wrong; `slower`: one that finds none is; `other`: not about times."""
    family: Family = Family.RECURRENT
    change: str = ""
    """Rows of one change are counted together, over the families; empty: the row is counted alone."""
    lane: Lane = Lane.COST
    depth: Depth = Depth.EXECUTE
    """Lane and depth whose requests the other rules judge."""
    second_neighbour: bool = False
    """Whether another process uses one core, beginning half-way through the measuring."""
    neighbour: float | None = None
    """Share of a core that the first neighbour uses in this row; None: by `--busy`."""

    @property
    def scenario_file(self) -> Path:
        """Path of the scenario."""
        return SCENARIOS / f"{self.scenario_name}.toml"

    def scenario(self) -> Scenario:
        """Read the scenario; UsageError if it is invalid."""
        return load_scenario(str(self.scenario_file), ())

    def catch(self) -> float:
        """Return the regression to catch in the row's metric."""
        named, usual = self.scenario().gate.metrics.get(self.metric), metrics.BY_NAME[self.metric].catch
        return usual if named is None else named.catch or 2 * (named.tolerance or usual / 2)
