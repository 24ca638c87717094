"""The rows of the table: what is compared with what, how often, and what should come of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from perfgate import metrics
from perfgate.scenario.files import load_scenario
from perfgate.scenario.schema import Scenario
from perfgate.trials import Depth, Lane

SCENARIOS = Path(__file__).parent / "scenarios"


class Outcome(StrEnum):
    """What a run came to."""

    FAIL = "fail"
    PASS = "pass"  # noqa: S105 - a verdict
    INCONCLUSIVE = "inconclusive"
    FOUND = "found"  # failed within the time that the row allows
    METRIC_FAILS = "metric fails"  # the row's own metric is among those that failed
    ALONE = "alone"  # the row's own metric failed, and every other gated one passed


@dataclass(frozen=True, slots=True)
class Wanted:
    """A bound on how often an outcome may, or must, come."""

    outcome: Outcome
    at_most: float = 1.0
    at_least: float = 0.0

    def __str__(self) -> str:
        """Print as `fail <= 1 %`."""
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
    """The one that the row is about."""
    truth: float | None = None
    """True change of `metric`, a share; None where only its direction is known."""
    within_s: float | None = None
    """Wall time of the whole command in which the change should be found."""
    kind: str = "other"
    """`equal`: a rule that finds something is wrong; `slower`: one that finds nothing is; `other`: not about times."""
    lane: Lane = Lane.COST
    depth: Depth = Depth.EXECUTE
    """These two: whose requests the other rules judge."""
    second_neighbour: bool = False
    """Whether another process takes one core, beginning half-way through the measuring."""

    @property
    def scenario_file(self) -> Path:
        """Where the scenario is."""
        return SCENARIOS / f"{self.scenario_name}.toml"

    def scenario(self) -> Scenario:
        """Read the scenario; UsageError where it is wrong."""
        return load_scenario(str(self.scenario_file), ())

    def catch(self) -> float:
        """Give the regression to catch in the row's metric."""
        named, usual = self.scenario().gate.metrics.get(self.metric), metrics.BY_NAME[self.metric].catch
        return usual if named is None else named.catch or 2 * (named.tolerance or usual / 2)


_NO_ALARM = (Wanted(Outcome.FAIL, at_most=0.01), Wanted(Outcome.INCONCLUSIVE, at_most=0.05))
_UNDECIDED = (Wanted(Outcome.FAIL, at_most=0.01), Wanted(Outcome.PASS, at_most=0.01))
_ALONE = (Wanted(Outcome.ALONE, at_least=0.95),)


def _found(share: float) -> tuple[Wanted, ...]:
    return (Wanted(Outcome.FOUND, at_least=share),)


def _equal(name: str, title: str, candidate: str, baseline: str = "base") -> Row:
    return Row(name, title, candidate, "equal", 8, _NO_ALARM, baseline, truth=0.0, kind="equal")


ROWS: tuple[Row, ...] = (
    _equal("same", "the same model twice", "base"),
    _equal("again", "exported again", "again"),
    _equal("renamed", "signature renamed", "renamed"),
    _equal("weights", "other weights", "weights"),
    _equal("swapped", "exported again, slots swapped", "base", "again"),
    Row("tau", "+3.0 %, exactly τ", "plus_tau", "tau", 20, _UNDECIDED, truth=0.030),
    Row("plus_5", "+5 %", "plus_5", "equal", 20, _found(0.95), truth=0.05, within_s=45, kind="slower"),
    Row("plus_10", "+10 %", "plus_10", "ten", 20, _found(0.99), truth=0.10, within_s=30, kind="slower"),
    Row("plus_2", "+2 %", "plus_2", "two", 6, _found(0.95), truth=0.02, within_s=120, kind="slower"),
    Row("tail", "1 % of requests 5 times slower", "tail", "tail", 10, (Wanted(Outcome.METRIC_FAILS, at_least=0.95),),
        "even", "service_p99_ms", kind="slower", lane=Lane.LOAD, depth=Depth.REQUEST),
    Row("leak", "a leak of 1 KiB a request", "leak", "leak", 10, _ALONE, "brief", "rss_growth_mb_per_1k"),
    Row("plus_50mib", "+50 MiB at load", "plus_50mib", "memory", 10, _ALONE, metric="rss_peak_mb"),
    Row("slow_load", "load 2 times slower", "slow_load", "starts", 10, _ALONE, metric="load_time_s"),
    Row("slow_first", "first request 2 times slower", "slow_first", "starts", 10, _ALONE, "quick_first",
        "first_request_ms"),
    Row("background", "nothing, and a busy core from half-way on", "base", "equal", 10,
        (Wanted(Outcome.FAIL, at_most=0.01),), truth=0.0, kind="equal", second_neighbour=True),
    Row("plus_1", "+1 %", "plus_1", "one", 3, _found(0.90), truth=0.01, within_s=360, kind="slower"),
)  # fmt: skip
"""In the order of the table."""
BY_NAME: dict[str, Row] = {row.name: row for row in ROWS}
