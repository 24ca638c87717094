"""A calibration on a terminal: where the spread comes from, what each budget catches, and what remains unknown."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, isfinite, isnan, nan

from rich.console import Console
from rich.table import Table
from rich.text import Text

from perfgate import formatting
from perfgate.baseline.calibration import Calibration
from perfgate.gate.power import Power, powers, slowest
from perfgate.gate.remedy import is_once_a_replica
from perfgate.metrics import BY_NAME
from perfgate.report.terminal.tables import add_row, plain_table, print_table, safe_text
from perfgate.results.advice import needs
from perfgate.results.calibration import BUDGETS_S, plan_for
from perfgate.scenario.schema import Scenario
from perfgate.stats.variance_components import Components

_ROOM_FOR_NEEDS = 80


def print_calibration(console: Console, calibration: Calibration, scenario: Scenario) -> None:
    """Print the gated metrics; fits 60 columns and more."""
    plan = plan_for(scenario, max((each.replicas for each in calibration.components), default=2))
    found = {each.metric: each for each in powers(calibration.components, scenario, plan)}
    shown = [each for each in calibration.components if each.metric in found]
    wide = console.width >= _ROOM_FOR_NEEDS
    gap = 2 if wide else 1
    if shown:
        console.print(Text("Variation between measurements of one model (standard deviations)", "bold"))
        print_table(console, _spread(shown, gap))
        console.print(Text("With 95 % intervals", "bold"))
        print_table(console, _intervals(shown, gap))
        console.print(Text("Smallest regression detected with 80 % power, by measuring time", "bold"))
        print_table(console, _detectable(calibration, found, gap, wide=wide))
    for sentence in sentences(calibration, found):
        console.print(safe_text(console, sentence))


def sentences(calibration: Calibration, found: dict[str, Power]) -> Iterator[str]:
    """Return how much time is needed, what the runs found for equal models, and what they cannot show."""
    if most := slowest(list(found.values())):
        words = needs(most, calibration.overhead_s)
        yield f"{words[0].upper()}{words[1:]}."
    yield _false_alarms(calibration)
    yield from _unknown(calibration, found)


def _false_alarms(calibration: Calibration) -> str:
    runs = calibration.runs
    alarms = [f"{', '.join(run.false_alarms)} in {run.run_id}" for run in runs if run.false_alarms]
    if alarms:
        return f"False alarms in {len(alarms)} of {_runs(len(runs))} of the model against itself: {'; '.join(alarms)}."
    undecided = sum(run.verdict == "inconclusive" for run in runs)
    rest = f"; {undecided} inconclusive" if undecided else ""
    return f"No false alarm in {_runs(len(runs))} of the model against itself{rest}."


def _unknown(calibration: Calibration, found: dict[str, Power]) -> Iterator[str]:
    count = len(calibration.runs)
    if count < 2:
        yield "Occasion: not known from one run; --runs 3 gives a first estimate."
    else:
        yield (
            f"Occasion: {count} consecutive runs give a rough number and do not cover other hours or days. No "
            "comparison depends on it: comparisons with stored numbers take the variation between days from several "
            "calibrations."
        )
    if calibration.parents < 2:
        yield "Fork server: not known from one; set budget.parents in the scenario to use more."
    unknown = [each.metric for each in calibration.components if each.metric in found and _has_no_request_sd(each)]
    if unknown:
        yield (
            f"Request: not separable from replica for {', '.join(unknown)}, so the effect of more measuring time is "
            "not known."
        )


def _has_no_request_sd(found: Components) -> bool:
    """Return whether the spread between requests is unknown for a metric with more than one value a server."""
    return not isfinite(found.request_sd) and not is_once_a_replica(BY_NAME[found.metric])


def _runs(count: int) -> str:
    return f"{count} run{'s' * (count != 1)}"


def _spread(shown: list[Components], gap: int) -> Table:
    table = plain_table("metric", ">request", ">replica", ">parent", ">occasion", gap=gap)
    for each in shown:
        parts = (each.request_sd, each.replica_sd, each.parent_sd, each.occasion_sd)
        add_row(table, each.metric, *(_size(part, each.metric) for part in parts))
    return table


def _intervals(shown: list[Components], gap: int) -> Table:
    table = plain_table("metric", ">first to last start", ">occasion", gap=gap)
    for each in shown:
        add_row(table, each.metric, _slope(each), _occasion(each))
    return table


def _detectable(calibration: Calibration, found: dict[str, Power], gap: int, *, wide: bool) -> Table:
    budgets = [f">{formatting.given(budget_s)} s" for budget_s in BUDGETS_S]
    table = plain_table("metric", *budgets, *([">asked", ">needs"] if wide else []), gap=gap)
    caught = {(each.metric, each.budget_s): each.share for each in calibration.detectable}
    for metric, power in found.items():
        cells = [_limit(caught.get((metric, budget_s), nan), metric) for budget_s in BUDGETS_S]
        needed = [_limit(power.catch, metric), _time(power.needs_s)] if wide else []
        add_row(table, metric, *cells, *needed)
    return table


def _limit(value: float, metric: str) -> str:
    return formatting.in_cell(formatting.limit(value, metric), metric)


def _size(sd: float, metric: str) -> str:
    return formatting.in_cell(formatting.size(sd, metric), metric)


def _slope(found: Components) -> str:
    if not isfinite(found.start_slope_lower):
        return formatting.MISSING
    change_of = BY_NAME[found.metric].scale.change_of
    interval = formatting.interval(change_of(found.start_slope_lower), change_of(found.start_slope_upper), found.metric)
    slope = formatting.in_cell(formatting.change(change_of(found.start_slope), found.metric), found.metric)
    return f"{slope} {interval}"


def _occasion(found: Components) -> str:
    if not isfinite(found.occasion_sd_lower):
        return formatting.MISSING
    lower, upper = (_size(end, found.metric) for end in (found.occasion_sd_lower, found.occasion_sd_upper))
    beyond = found.occasion_sd_upper > 1 and not formatting.is_difference(found.metric)
    return f"{lower} to {'>100%' if beyond else upper}"


def _time(seconds: float) -> str:
    if isnan(seconds):
        return formatting.MISSING
    return f"{ceil(seconds):,} s" if isfinite(seconds) else "never"
