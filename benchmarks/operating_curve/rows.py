"""The rows of the table: what is compared, how often, and with which expected outcome."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from benchmarks.operating_curve.recipe import Family
from benchmarks.operating_curve.recipes import model_name
from benchmarks.operating_curve.row import Outcome, Row, Wanted
from perfgate.trials import Depth, Lane

_NO_ALARM = (Wanted(Outcome.FAIL, at_most=0.01), Wanted(Outcome.INCONCLUSIVE, at_most=0.05))
_COVERS = Wanted(Outcome.COVERS, at_least=0.90)
_UNDECIDED = (Wanted(Outcome.FAIL, at_most=0.01), Wanted(Outcome.PASS, at_most=0.01))
_ALONE = (Wanted(Outcome.ALONE, at_least=0.95),)
_METRIC_FAILS = (Wanted(Outcome.METRIC_FAILS, at_least=0.95),)
_MEANS = ("cpu_ms_per_request", "cpu_mean_ms_per_request", "service_mean_ms")
"""Any of these, like `execute_ms`, may detect that some requests take longer."""
_QUIET = (Wanted(Outcome.FAIL, at_most=0.01), Wanted(Outcome.PASS_IN_TIME, at_least=0.50))
"""At least half within the time, which means the median."""


def _found(share: float) -> tuple[Wanted, ...]:
    return (Wanted(Outcome.FOUND, at_least=share),)


def _of_family(family: Family, change: str, title: str, row: Row) -> Row:
    """Convert a recurrent row to another family: its models, its scenario."""
    return replace(
        row,
        name=model_name(family, row.name),
        title=f"{family}: {title}",
        baseline=model_name(family, row.baseline),
        candidate=model_name(family, row.candidate),
        scenario_name=row.scenario_name if family is Family.RECURRENT else f"{family}/{row.scenario_name}",
        family=family,
        change=change,
    )


def _equal(name: str, runs: int, candidate: str, baseline: str = "base", more: tuple[Wanted, ...] = ()) -> Row:
    return Row(name, "", candidate, "equal", runs, _NO_ALARM + more, baseline, truth=0.0, kind="equal")


def _slower(name: str, scenario: str, runs: int, wanted: tuple[Wanted, ...], truth: float, within_s: float) -> Row:  # noqa: PLR0913, PLR0917 - a line of the table
    return Row(name, "", name, scenario, runs, wanted, truth=truth, within_s=within_s, kind="slower")


def _alike(family: Family) -> Iterator[Row]:
    """Return the rows that every family has."""
    for title, row in (
        ("the same model twice", _equal("same", 2, "base")),
        ("exported again", _equal("again", 4, "again", more=(_COVERS,))),
        ("signature renamed", _equal("renamed", 4, "renamed", more=(_COVERS,))),
        ("other weights", _equal("weights", 2, "weights")),
        ("+5 %", _slower("plus_5", "equal", 5, _found(0.95), 0.05, 45)),
        ("+10 %", _slower("plus_10", "ten", 5, _found(0.99), 0.10, 30)),
        ("+2 %", _slower("plus_2", "two", 3, _found(0.90), 0.02, 120)),
        ("no change, no neighbour", Row("quiet", "", "again", "equal", 5, _QUIET, truth=0.0, within_s=20, kind="equal",
                                      neighbour=0.0)),
    ):  # fmt: skip
        yield _of_family(family, row.name, title, row)


_OF_FAMILIES = tuple(row for family in Family for row in _alike(family))
_CONVOLUTIONAL = Family.CONVOLUTIONAL
_THREADS = f"{_CONVOLUTIONAL}/threads"

ROWS: tuple[Row, ...] = (
    *_OF_FAMILIES,
    Row("swapped", "recurrent: exported again, slots swapped", "base", "equal", 4, _NO_ALARM, "again", truth=0.0,
        kind="equal", change="swapped"),
    Row("threads_again", "two intra-op threads: exported again", model_name(_CONVOLUTIONAL, "again"), _THREADS, 5,
        _NO_ALARM, model_name(_CONVOLUTIONAL, "base"), truth=0.0, kind="equal", family=_CONVOLUTIONAL),
    Row("threads_plus_5", "two intra-op threads: +5 %", model_name(_CONVOLUTIONAL, "plus_5"), _THREADS, 5,
        _found(0.95), model_name(_CONVOLUTIONAL, "base"), truth=0.05, within_s=45, kind="slower",
        family=_CONVOLUTIONAL),
    Row("uneven", "no change; payload costs differ up to 50 times", "uneven_again", "uneven", 20, _NO_ALARM, "uneven",
        truth=0.0, kind="equal"),
    Row("two_of_16", "2 of 16 payloads take 2.5 times as long", "heavy", "two_of_16", 20, _METRIC_FAILS, "even",
        also=_MEANS, truth=2 * 1.5 / 16, kind="slower"),
    Row("one_of_16", "1 of 16 payloads takes 5 times as long", "tail", "one_of_16", 20, _METRIC_FAILS, "even",
        also=_MEANS, truth=4 / 16, kind="slower"),
    Row("random_tenth", "a random 10 % of executions take 3 times as long", "random_tenth", "usual", 20, _METRIC_FAILS,
        "even_by_chance", "cpu_mean_ms_per_request", also=("execute_ms", *_MEANS), truth=0.20, kind="slower"),
    Row("one_in_60", "one request in 60 takes 5 times as long", "tail", "one_in_60", 20, _METRIC_FAILS, "even",
        "latency_p99_ms", kind="slower", lane=Lane.LOAD, depth=Depth.REQUEST),
    Row("tau", "+3.0 %, exactly τ", "plus_tau", "tau", 20, _UNDECIDED, truth=0.030),
    Row("tail", "1 % of requests take 5 times as long", "tail", "tail", 10, _METRIC_FAILS, "even", "service_p99_ms",
        kind="slower", lane=Lane.LOAD, depth=Depth.REQUEST),
    Row("leak", "leak of 1 KiB per request", "leak", "leak", 10, _ALONE, "brief", "rss_growth_mb_per_1k"),
    Row("plus_50mib", "+50 MiB at load", "plus_50mib", "usual", 10, _ALONE, metric="rss_peak_mb"),
    Row("slow_load", "load takes twice as long", "slow_load", "starts", 10, _ALONE, metric="load_time_s"),
    Row("slow_first", "first request takes twice as long", "slow_first", "starts", 10, _ALONE, "quick_first",
        "first_request_ms"),
    Row("background", "no change, one core busy from half-way on", "base", "equal", 10,
        (Wanted(Outcome.FAIL, at_most=0.01),), truth=0.0, kind="equal", second_neighbour=True),
    _of_family(_CONVOLUTIONAL, "plus_1", "+1 %", _slower("plus_1", "one", 10, _found(0.90), 0.01, 360)),
)  # fmt: skip
"""In the order of the table."""
BY_NAME: dict[str, Row] = {row.name: row for row in ROWS}
_EQUAL = ("same", "again", "renamed", "weights", "swapped")


@dataclass(frozen=True, slots=True)
class Pool:
    """Rows that are also counted together."""

    title: str
    rows: tuple[Row, ...]
    wanted: tuple[Wanted, ...]

    @property
    def row(self) -> Row:
        """Make a row with the expectations for all of them together; metric, truth and time are those of the first."""
        return replace(self.rows[0], wanted=self.wanted)


def _changed(*changes: str, families: Sequence[Family] = tuple(Family)) -> tuple[Row, ...]:
    return tuple(row for row in ROWS if row.change in changes and row.family in families)


POOLS: tuple[Pool, ...] = (
    *(Pool(f"{family}: all equal", _changed(*_EQUAL, families=(family,)), _NO_ALARM) for family in Family),
    Pool("all equal, four families", _changed(*_EQUAL), _NO_ALARM),
    Pool("exported again or renamed, four families", _changed("again", "renamed"), (_COVERS,)),
    Pool("no change, no neighbour, four families", _changed("quiet"), _QUIET),
    Pool("+5 %, four families", _changed("plus_5"), _found(0.95)),
    Pool("+10 %, four families", _changed("plus_10"), _found(0.99)),
    Pool("+2 %, four families", _changed("plus_2"), _found(0.90)),
)
"""Explanations below the rows."""
