"""What a verdict leaves out by request, told beside it: failures that only warn, acceptances that nothing needs."""

from __future__ import annotations

from collections.abc import Iterator

from perfgate.cautions import CautionKind
from perfgate.formatting import limit, seen
from perfgate.gate.verdict import Judgement, MetricVerdict, Verdict
from perfgate.trials import Caution


def verdict_cautions(judgement: Judgement) -> tuple[Caution, ...]:
    """Return what must not be overlooked; nothing of an invalid run, which has decided nothing."""
    if judgement.verdict is Verdict.INVALID:
        return ()
    return (*_warnings(judgement), *_not_needed(judgement.metrics))


def _warnings(judgement: Judgement) -> Iterator[Caution]:
    for clause in judgement.warnings:
        yield CautionKind.WARNING.caution(clause=clause)


def _not_needed(metrics: tuple[MetricVerdict, ...]) -> Iterator[Caution]:
    for each in metrics:
        if each.gated and each.accepted and each.accepted.own_verdict is Verdict.PASS:
            own, effect = limit(each.accepted.own_tolerance, each.metric), each.effect
            found = seen(effect.change, effect.lower, effect.upper, each.metric)
            yield CautionKind.ACCEPTANCE_NOT_NEEDED.caution(metric=each.metric, seen=found, own=own)
