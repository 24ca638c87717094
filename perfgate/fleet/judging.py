"""The verdict on each gate of a fleet, from the results of its rounds, at one error level for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf, isfinite, isnan

from perfgate.fleet.answer import MetricMove
from perfgate.fleet.family import SHARES, Test, failed, milder_level
from perfgate.fleet.schema import Correction, Family
from perfgate.gate.case import Case
from perfgate.gate.headline import headline
from perfgate.gate.tolerance import Tolerance
from perfgate.gate.verdict import MetricVerdict, Verdict
from perfgate.metrics import BY_NAME, Direction
from perfgate.results.result import Result


@dataclass(frozen=True, slots=True)
class Levels:
    """How the error level is divided."""

    alpha: float
    family: Family
    correction: Correction
    rounds: int
    gates: int
    """Number of gates in the fleet, whether they were measured or not."""

    @property
    def sharing(self) -> int:
        """How many gates share the level."""
        return self.gates if self.family is Family.FLEET else 1

    def of_round(self, round_number: int) -> float:
        """Return the level that a round may spend on one gate alone."""
        return self.alpha * _share(round_number, self)


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """The verdict on one gate within the fleet."""

    verdict: Verdict
    headline: str
    moves: tuple[MetricMove, ...]
    round_number: int = 0
    """Round that decided, whose numbers these are; 0 if there is none."""


def verdicts(rounds: Mapping[str, Mapping[int, Result]], levels: Levels) -> dict[str, GateVerdict]:
    """Judge all gates together. `rounds`: the results of each gate by round; without any, it is undecided."""
    tests = {name: _test(found, levels) for name, found in rounds.items()}
    padded = tests | {f"unmeasured {number}": _never for number in range(levels.gates - len(tests))}
    if levels.family is Family.FLEET:
        failing = failed(padded, levels.alpha, levels.correction)
        mildest = milder_level(levels.alpha, len(failing), len(padded), levels.correction)
    else:
        failing, mildest = frozenset(name for name, test in tests.items() if test(levels.alpha)), levels.alpha
    return {name: _verdict(found, levels, mildest if name in failing else None) for name, found in rounds.items()}


def _never(_: float) -> bool:
    return False


def _valid(rounds: Mapping[int, Result]) -> dict[int, Result]:
    return {
        number: result
        for number, result in sorted(rounds.items())
        if result.judgement is not None and result.judgement.verdict is not Verdict.INVALID
    }


def _test(rounds: Mapping[int, Result], levels: Levels) -> Test:
    """Return whether a gate fails at a level: one of its rounds does, at that round's share of it."""
    valid = _valid(rounds)

    def fails(level: float) -> bool:
        return any(fails_alone(result, level * _share(number, levels)) for number, result in valid.items())

    return fails


def fails_alone(result: Result, level: float) -> bool:
    """Return whether any gated metric is worse at its part of the level (Bonferroni), or an objective failed."""
    objectives = result.judgement.objectives if result.judgement else ()
    if any(each.counts and each.verdict is Verdict.FAIL for each in objectives):
        return True
    return any(case.is_worse(level / _family(result)) for _, case in _cases(result))


def _family(result: Result) -> int:
    """Return how many metrics and objectives of a gate share its level."""
    if (judged := result.judgement) is None:
        return 1
    return max(1, sum(each.counts for each in judged.metrics) + sum(each.counts for each in judged.objectives))


def _cases(result: Result) -> Iterator[tuple[MetricVerdict, Case]]:
    """Yield the gated metrics as the gate saw them; without those that cold servers leave undecided."""
    cold = any(fact.cold_requests for fact in result.replicas)
    for each in result.judgement.metrics if result.judgement else ():
        metric = BY_NAME[each.metric]
        if each.counts and not (cold and metric.is_steady_time):
            tolerance = Tolerance(each.tolerance, scale=metric.scale)
            yield each, Case(metric, each.effect, tolerance, each.severity, looks=result.looks, required=each.required)


def _verdict(rounds: Mapping[int, Result], levels: Levels, fails_at: float | None) -> GateVerdict:
    """Judge one gate. `fails_at`: a level at which it fails among all; None if it does not."""
    valid = _valid(rounds)
    if not valid:
        said = [result.judgement.headline for result in rounds.values() if result.judgement]
        return GateVerdict(
            Verdict.INVALID if rounds else Verdict.INCONCLUSIVE, said[-1] if said else "not measured", ()
        )
    number, level = max(valid), levels.alpha
    if fails_at is not None:
        number, level = _failing_round(valid, levels, fails_at)
    result = valid[number]
    moves = tuple(sorted(_moves(number, result, levels), key=_unlike_worse))
    own = {each.judgement.verdict for each in valid.values() if each.judgement}
    failing = fails_at is not None
    verdict = Verdict.FAIL if failing else Verdict.PASS if Verdict.PASS in own else Verdict.INCONCLUSIVE
    return GateVerdict(verdict, _headline(result, verdict, level * _share(number, levels)), moves, number)


def _share(number: int, levels: Levels) -> float:
    return SHARES[levels.rounds][number - 1]


def _failing_round(valid: Mapping[int, Result], levels: Levels, fails_at: float) -> tuple[int, float]:
    """Return the first round that fails, and at which level: at that of all gates, or else at a milder one."""
    tried = [(number, level) for level in (levels.alpha / levels.sharing, fails_at) for number in valid]
    return next(each for each in tried if fails_alone(valid[each[0]], each[1] * _share(each[0], levels)))


def _headline(result: Result, verdict: Verdict, level: float) -> str:
    """Return what decided; where that is not the gate's own verdict, by the metrics that are worse at a level."""
    judged = result.judgement
    if judged is None or judged.verdict is verdict:
        return in_file_words(judged.headline) if judged else ""
    if verdict is Verdict.FAIL:
        worst = {found.metric for found, case in _cases(result) if case.is_worse(level / _family(result))}
        failing = [each for each in judged.metrics if each.metric in worst]
        return headline(
            verdict, [replace(each, verdict=Verdict.FAIL) for each in failing], judged.objectives, judged.reasons
        )
    return f"{judged.headline}: not significant with all gates taken together"


def in_file_words(text: str) -> str:
    """Return a remedy with keys of the fleet file instead of options of `perfgate run`."""
    return re.sub(r"\(--budget (\S+)\)", r"(budget_s = \1)", text.replace("(--replicas)", "(replicas)"))


def _moves(number: int, result: Result, levels: Levels) -> Iterator[MetricMove]:
    """Yield the gated metrics with intervals of one level for all of them in all gates (Bonferroni)."""
    each_level = levels.of_round(number) / levels.sharing / _family(result)
    for verdict, case in _cases(result):
        effect, metric = case.bounded(each_level), case.metric
        sign = 1 if metric.direction is Direction.LOWER else -1
        ends = [_worse(sign, end, case) for end in (effect.lower, effect.upper)]
        yield MetricMove(
            metric=verdict.metric,
            change=effect.change,
            lower=effect.lower,
            upper=effect.upper,
            tolerance=verdict.tolerance,
            verdict=Verdict.FAIL if case.is_worse(each_level) else verdict.verdict,
            moved=effect.lower > 0 or effect.upper < 0,
            worse_by=_worse(sign, effect.change, case),
            worse_lower=min(ends),
            worse_upper=max(ends),
        )


def _unlike_worse(move: MetricMove) -> float:
    """Return what sorts the worst first, and a change that is not known last: NaN would leave any order."""
    return inf if isnan(move.worse_by) else -move.worse_by


def _worse(sign: int, change: float, case: Case) -> float:
    """Return a change in tolerances, positive for the worse; an end that an interval does not have is infinite."""
    if not isfinite(change):
        return sign * change
    return sign * case.metric.scale.of_change(change) / case.tolerance.log if case.tolerance.log else 0.0
