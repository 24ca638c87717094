"""How similar a machine's occasions are, from all calibrations and records of a scenario in a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf, isinf, isnan

from rich.console import Console
from rich.table import Table
from rich.text import Text

from perfgate import formatting
from perfgate.baseline.calibration import Calibration
from perfgate.baseline.levels import calibrated_levels, recorded_levels
from perfgate.baseline.record import Record
from perfgate.gate.tolerance import gated_metrics
from perfgate.metrics import BY_NAME
from perfgate.report.terminal.tables import add_row, plain_table, print_table, safe_text
from perfgate.scenario.schema import Gate
from perfgate.stats.variogram import LEAST_DAYS, Variogram, variogram


def variograms(
    newest: Calibration, calibrations: Sequence[Calibration], records: Sequence[Record], gate: Gate
) -> dict[str, Variogram]:
    """Compute the variogram of each gated metric, from runs and records of the same scenario and fingerprint."""
    of = newest.scenario_digest, newest.fingerprint
    ran = {each.created_utc: each for each in (*calibrations, newest)}.values()
    ran_here = [each for each in ran if (each.scenario_digest, each.fingerprint) == of]
    kept_here = [each for each in records if (each.scenario_digest, each.fingerprint) == of]
    gated = {metric.name for metric in gated_metrics(gate)}
    return {
        each.metric: variogram(
            [
                *calibrated_levels(BY_NAME[each.metric], ran_here, each.source),
                *recorded_levels(BY_NAME[each.metric], kept_here, each.source),
            ]
        )
        for each in newest.components
        if each.metric in gated
    }


def print_variograms(console: Console, found: Mapping[str, Variogram]) -> None:
    """Print how much occasions differ by the time between them, or what is missing; fits 60 columns and more."""
    if any(each.classes for each in found.values()):
        console.print(Text("Variation between occasions of one model, by the time between them", "bold"))
        print_table(console, _table(found))
    for sentence in sentences(found):
        console.print(safe_text(console, sentence))


def sentences(found: Mapping[str, Variogram]) -> Iterator[str]:
    """Return for each metric how long occasions resemble each other, or how many days are missing."""
    most = max((each.days for each in found.values()), default=0)
    if not found:
        return
    if most < LEAST_DAYS:
        seen = f"{most} day{'s' * (most != 1)} so far" if most else "one occasion of each model so far"
        yield (
            f"Days: how long occasions stay correlated is not known ({seen}); calibrate or record the same model on "
            f"at least {LEAST_DAYS} days."
        )
        return
    known = [f"{metric} {_length(each)}" for metric, each in found.items() if not isnan(each.length_h)]
    if known:
        yield (
            f"Days: occasions stay correlated for about {'; '.join(known)} (correlation exp(-hours / length), from "
            f"{most} days)."
        )


def _table(found: Mapping[str, Variogram]) -> Table:
    table = plain_table("metric", ">apart", ">sd", ">pairs")
    for metric, each in found.items():
        for number, lag in enumerate(each.classes):
            sd = formatting.in_cell(formatting.size(lag.sd, metric), metric)
            add_row(table, "" if number else metric, _apart(lag.least_h, lag.most_h), sd, f"{lag.pairs}")
    return table


def _apart(least_h: float, most_h: float) -> str:
    if most_h == inf:
        return f"over {formatting.given(least_h / 24)} d"
    return f"{formatting.given(least_h)} to {formatting.given(most_h)} h"


def _length(found: Variogram) -> str:
    upper = "more than a month" if isinf(found.length_upper_h) else formatting.with_unit(found.length_upper_h, "h")
    if isinf(found.length_upper_h) and not found.length_lower_h:
        return "an unknown time"
    length, lower = formatting.with_unit(found.length_h, "h"), formatting.with_unit(found.length_lower_h, "h")
    return f"{length} (95% interval {lower} to {upper})"
