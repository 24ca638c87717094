"""Results of gates, made by hand: what judging reads of them."""

from __future__ import annotations

from dataclasses import replace
from math import expm1

from scipy import special

from perfgate.gate.decide import decide
from perfgate.gate.interim import Look, Seen
from perfgate.gate.verdict import Judgement, MetricVerdict, ObjectiveVerdict, Verdict
from perfgate.metrics import Source
from perfgate.results.result import ComparisonKind, Outcome, Result
from perfgate.scenario.severity import Severity
from perfgate.trials import Arm, ReplicaFacts
from tests.gate.effects import case

BARE = Result(
    run_id="run",
    created_utc="2026-03-01T10:15:00+00:00",
    perfgate_version="0",
    status=Outcome.COMPLETE,
    command=(),
    comparison=ComparisonKind.SIDE_BY_SIDE,
    baseline_name=None,
    scenario={},
    scenario_digest="",
    payload_digest="",
    models={},
    plan={},
    environment={},
    fingerprint="",
    judgement=None,
)


def result(
    changes: dict[str, tuple[float, float]],
    *,
    alpha: float = 0.01,
    gates: int = 1,
    objectives: tuple[ObjectiveVerdict, ...] = (),
    cold: bool = False,
    warned: tuple[str, ...] = (),
) -> Result:
    """Return a run judged in one look: (change, standard error) by metric, 22 degrees of freedom."""
    seen = tuple(Seen.of(case(name, *value).effect) for name, value in changes.items())
    looks = (Look(Source.EXECUTE, 1.0, 1.0, seen),)
    cases = [
        replace(case(name, *value, severity=Severity.WARN if name in warned else Severity.ERROR), looks=looks)
        for name, value in changes.items()
    ]
    metrics = decide(cases, alpha, objectives=[each.severity for each in objectives], gates=gates)
    facts = ReplicaFacts(0, Arm.BASELINE, 0, 0, 100, 0.5, 20.0, 10, 0.1, warm=True, cold_requests=3 if cold else 0)
    return replace(BARE, judgement=judgement(metrics, objectives), looks=looks, replicas=(facts,))


def judgement(metrics: tuple[MetricVerdict, ...], objectives: tuple[ObjectiveVerdict, ...] = ()) -> Judgement:
    """Combine verdicts as the gate does."""
    verdicts = [each.verdict for each in metrics if each.counts] + [each.verdict for each in objectives if each.counts]
    verdict = Verdict.FAIL if Verdict.FAIL in verdicts else Verdict.PASS
    if verdict is Verdict.PASS and any(each is not Verdict.PASS for each in verdicts):
        verdict = Verdict.INCONCLUSIVE
    return Judgement(verdict, f"own headline: {verdict}", metrics, objectives, ("reason",))


def objective(verdict: Verdict) -> ObjectiveVerdict:
    """Return a decided objective."""
    return ObjectiveVerdict(
        metric="latency_p99_ms", verdict=verdict, bound=20.0, is_maximum=True, value=25.0, lower=22.0, upper=28.0,
        reason="25.0 ms is above 20 ms", more="",
    )  # fmt: skip


def invalid(problem: str = "the server died") -> Result:
    """Return a run that could not be judged."""
    return replace(BARE, judgement=Judgement(Verdict.INVALID, problem, (), (), (problem,)))


def at_p(p: float, tolerance_log: float, df: float = 22.0, se: float = 0.004) -> float:
    """Return the change whose one-sided p-value against the tolerance is p."""
    return expm1(tolerance_log - float(special.stdtrit(df, p)) * se)
