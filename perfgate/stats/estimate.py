"""The effect of the candidate on one metric, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp, expm1, inf, isfinite, log, nan, sqrt

import numpy as np

from perfgate.metrics import Estimator, Metric, Source
from perfgate.stats.capacities import Capacities
from perfgate.stats.contrast import Contrast, Sample, contrast, paired_contrast, sign_flip_p
from perfgate.stats.effect import Effect
from perfgate.stats.failures import Failures, failures_in
from perfgate.stats.per_trial import plausible, rows_of
from perfgate.stats.proportion import Counts
from perfgate.stats.replicate import Replicates, replicates, state_of
from perfgate.stats.summarise import failures_by_replica
from perfgate.stats.table import ARMS, Columns, Floats, TrialTable
from perfgate.stats.within_variance import within
from perfgate.trials import Arm, ReplicaFacts, State

_ROUNDING = 1e-12
"""Standard errors below this come from values without spread, whose differences are rounding errors."""
_DESCRIBED_ALPHA = 0.025


def estimate(metric: Metric, table: TrialTable, alpha: float, *, cross_check: bool = True) -> Effect | None:
    """Estimate the change of one metric, each bound at one-sided level alpha.

    None if this run cannot tell: no data, one arm only, fewer than two replicas an arm, values that are not positive,
    or too few requests for the percentile. The cross-check takes some 20 ms; without it its p is NaN.
    """
    if metric.estimator is Estimator.CONSTANT:
        return _constant(metric, table, alpha)
    if metric.estimator is Estimator.PROPORTION:
        return _proportion(metric, table.columns, alpha)
    if metric.estimator is Estimator.CAPACITY:
        return _capacity(metric, table.capacities, alpha)
    found = replicates(metric, table)
    if found is None or min(np.bincount(found.units.arm, minlength=2)) < 2:
        return None
    effect = _between(metric, found, _sample(found, table.replicas), alpha, cross_check=cross_check)
    return None if effect is None else replace(effect, lasting_se=_lasting_se(metric, found, effect, table))


def _lasting_se(metric: Metric, found: Replicates, effect: Effect, table: TrialTable) -> float:
    """Return the standard error without the requests' noise; NaN if the trials do not determine it."""
    if metric.estimator is not Estimator.BLOCK_RELATIVE or (noise := within(metric, found, table)) is None:
        return nan
    explained = noise.of_number * float((1 / np.bincount(found.units.arm)).sum())
    return sqrt(max(0.0, effect.log_se**2 - explained))


def _between(metric: Metric, found: Replicates, sample: Sample, alpha: float, *, cross_check: bool) -> Effect | None:
    result = paired_contrast(sample) if in_pairs(metric, found.source) else contrast(sample)
    if result.se < _ROUNDING:
        result = replace(result, se=0.0)
    result = result.with_part(*found.sampling)
    if found.resolution:
        result = result.no_surer(found.resolution, np.bincount(found.units.arm).tolist())
    baseline, candidate = ~sample.candidate, sample.candidate
    effect = effect_of(
        metric,
        result,
        alpha,
        (float(np.median(found.typical[baseline])), float(np.median(found.typical[candidate]))),
        (tuple(found.compared[baseline].tolist()), tuple(found.compared[candidate].tolist())),
        (found.state, found.source),
    )
    return replace(effect, sign_flip_p=sign_flip_p(sample)) if effect and cross_check else effect


def in_pairs(metric: Metric, source: str) -> bool:
    """Return whether the replicas of a pair were measured one right after the other: at their start, and under load."""
    steady = metric.estimator in {Estimator.REPLICA_VALUE, Estimator.REPLICA_SLOPE}  # memory: it has no noise in common
    return source == Source.START or (source == Source.LOAD and not steady)


def effect_of(  # noqa: PLR0913, PLR0917 - the parts of an effect
    metric: Metric,
    result: Contrast,
    alpha: float,
    values: tuple[float, float],
    replicas: tuple[tuple[float, ...], tuple[float, ...]],
    measured: tuple[State, str],
) -> Effect | None:
    """Convert a contrast to the metric's scale, without the cross-check; None if a bound is not a number.

    `values` and `replicas` are the baseline's and the candidate's, `measured` is the state and the source.
    """
    every = (result.difference, *result.bounds(alpha), *result.bounds(_DESCRIBED_ALPHA))
    ends = [metric.scale.change_of(end) for end in every]
    if not all(isfinite(end) for end in ends):
        return None
    return Effect(
        metric=metric.name,
        change=ends[0],
        lower=ends[1],
        upper=ends[2],
        alpha=alpha,
        log_change=result.difference,
        log_se=result.se,
        df=result.df,
        baseline_value=values[0],
        candidate_value=values[1],
        baseline_replicas=replicas[0],
        candidate_replicas=replicas[1],
        sign_flip_p=nan,
        state=measured[0],
        source=str(measured[1]),
        scale=metric.scale,
        ci95_lower=ends[3],
        ci95_upper=ends[4],
    )


def _sample(found: Replicates, facts: tuple[ReplicaFacts, ...]) -> Sample:
    """Join each replica with its position in the design; if unknown, one parent and no position."""
    place = {(ARMS.index(fact.arm), fact.replica): (fact.parent, float(fact.start_position)) for fact in facts}
    keys = zip(found.units.arm.tolist(), found.units.replica.tolist(), strict=True)
    places = [place.get(key, (-1, nan)) for key in keys]
    return Sample(
        value=found.compared,
        candidate=found.units.arm == ARMS.index(Arm.CANDIDATE),
        parent=np.array([parent for parent, _ in places], np.int64),
        position=np.array([position for _, position in places], np.float64),
    )


def _constant(metric: Metric, table: TrialTable, alpha: float) -> Effect | None:
    sizes = plausible(np.array([table.sizes_mb.get(arm, nan) for arm in ARMS])).tolist()
    if not all(size > 0 for size in sizes):
        return None
    logs = [log(size) for size in sizes]
    difference = logs[1] - logs[0]
    change = expm1(difference)
    return Effect(
        metric=metric.name,
        change=change,
        lower=change,
        upper=change,
        alpha=alpha,
        log_change=difference,
        log_se=0.0,
        df=inf,
        baseline_value=sizes[0],
        candidate_value=sizes[1],
        baseline_replicas=(logs[0],),
        candidate_replicas=(logs[1],),
        sign_flip_p=nan,
        state=State.COLD,
        source=Source.MODEL.value,
        ci95_lower=change,
        ci95_upper=change,
    )


def _proportion(metric: Metric, columns: Columns, alpha: float) -> Effect | None:
    """Compare the shares of failed requests in the first source in which both arms have two replicas."""
    for source in metric.sources:
        rows = rows_of(columns, source)
        of_arm = [rows & (columns.arm == number) for number in range(len(ARMS))]
        arms = [failures_by_replica(columns, mine) for mine in of_arm]
        if all(requests.size > 1 for _, requests in arms):
            counts = _counts(*(failures_in(columns, mine) for mine in of_arm))
            return _shares(metric, arms, counts, (state_of(columns, rows), source), alpha)
    return None


def _capacity(metric: Metric, found: Capacities | None, alpha: float) -> Effect | None:
    if found is None or found.change is None:
        return None
    before, after = (found.arms[arm] for arm in ARMS)
    result = Contrast(found.change.value, found.change.error, found.change.freedom)
    values = exp(before.spread.value), exp(after.spread.value)
    return effect_of(metric, result, alpha, values, (before.values, after.values), (State.UNDER_LOAD, Source.CAPACITY))


def _counts(baseline: Failures, candidate: Failures) -> Counts:
    return Counts(
        baseline.failed / baseline.effect,
        baseline.requests / baseline.effect,
        candidate.failed / candidate.effect,
        candidate.requests / candidate.effect,
        clusters=min(baseline.batches, candidate.batches),
        requests_each=max(baseline.effect, candidate.effect),
    )


def _shares(
    metric: Metric, arms: Sequence[tuple[Floats, Floats]], counts: Counts, measured: tuple[State, Source], alpha: float
) -> Effect:
    values = [float(failed.sum() / requests.sum()) for failed, requests in arms]
    each = [tuple((failed / requests).tolist()) for failed, requests in arms]
    return Effect(
        metric=metric.name,
        change=counts.difference,
        lower=counts.lower(alpha),
        upper=counts.upper(alpha),
        alpha=alpha,
        log_change=counts.difference,
        log_se=counts.se,
        df=inf,
        baseline_value=values[0],
        candidate_value=values[1],
        baseline_replicas=each[0],
        candidate_replicas=each[1],
        sign_flip_p=nan,
        state=measured[0],
        source=measured[1].value,
        ci95_lower=counts.lower(_DESCRIBED_ALPHA),
        ci95_upper=counts.upper(_DESCRIBED_ALPHA),
        scale=metric.scale,
        counts=counts,
    )
