"""Where the change of the execution time is: a sum of parts, each with its interval over replicas."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perfgate.explain.explanation import Attribution, ChangeKind, GroupChange, Interval, OpChange, Part
from perfgate.explain.names import scope_of
from perfgate.explain.nodes import detail_of
from perfgate.explain.replicas import ALPHA, CONFIDENCE, Differences, differences, holm, per_replica
from perfgate.explain.traces import Compared, Traced, Unit
from perfgate.trials import Arm

_MOST_OPS, _MOST_GROUPS = 100, 30
REST = "rest"
"""The part of an execution that no operation takes."""
_LEVEL_OF_OP, _LEVEL_OF_EXECUTION = 0.02, 0.005
"""What an operation that is alike in both versions may differ by for other reasons: placement of code and weights in
memory differs between two exports by 0.3 to 0.7% of the execution time (docs/explanation/method.md).
"""


def attribute(traced: Traced, seconds: float) -> Attribution:
    """Compare the arms; at least two replicas of each."""
    compared = traced.compared
    plain = differences(*per_replica(traced.own_ms[:, None], traced))
    ops = differences(*per_replica(traced.unit_ms, traced))
    nodes = [compared.node(unit) for unit in compared.units]
    kinds = [unit.kind.value for unit in compared.units]
    changes = _op_changes(traced, ops, float(plain.means[0, 0]))
    order = sorted(range(len(changes)), key=lambda number: -_weight(changes[number]))
    return Attribution(
        execute_ms=_pair(plain, 0),
        change_ms=plain.interval(0),
        parts=_parts(traced, kinds),
        ops=tuple(changes[number] for number in order[:_MOST_OPS]),
        op_count=_op_count(traced),
        op_calls=(float(traced.calls[0].sum()), float(traced.calls[1].sum())),
        by_type=_grouped(traced, [node.op for node in nodes]),
        by_scope=_grouped(traced, [scope_of(node.name) for node in nodes]),
        tracing_overhead=_overhead(traced),
        executions=int(traced.arm.size),
        replicas=len(np.unique(traced.replica[traced.arm])),
        seconds=seconds,
        confidence=CONFIDENCE,
    )


def _pair(found: Differences, number: int) -> tuple[float, float]:
    return float(found.means[0, number]), float(found.means[1, number])


def _weight(change: OpChange) -> float:
    """Significant and structural differences first, by their size."""
    size = abs(change.change_ms.estimate)
    return size + 1e6 * (change.significant or change.kind is not ChangeKind.SAME)


def _op_changes(traced: Traced, found: Differences, execute_ms: float) -> list[OpChange]:
    tested = found.means.max(axis=0) > 0
    significant = np.zeros(tested.size, np.bool_)
    significant[tested] = holm(found.p_values()[tested], ALPHA)
    changes = []
    for number, unit in enumerate(traced.compared.units):
        change_ms, level_ms = found.interval(number), _level_ms(float(found.means[0, number]), execute_ms)
        alike = unit.kind is ChangeKind.SAME and change_ms.low < level_ms and change_ms.high > -level_ms
        changes.append(_op_change(traced, number, found, significant=bool(significant[number]) and not alike))
    return changes


def _level_ms(op_ms: float, execute_ms: float) -> float:
    return max(_LEVEL_OF_OP * op_ms, _LEVEL_OF_EXECUTION * execute_ms)


def _op_change(traced: Traced, number: int, found: Differences, *, significant: bool) -> OpChange:
    compared, unit = traced.compared, traced.compared.units[number]
    (old, _), node = compared.nodes(unit), compared.node(unit)
    return OpChange(
        kind=unit.kind,
        op=node.op,
        name=node.name,
        baseline_name=old.name if old else "",
        calls=(float(traced.calls[0, number]), float(traced.calls[1, number])),
        times_ms=_pair(found, number),
        change_ms=found.interval(number),
        significant=significant,
        detail=detail_of_unit(compared, unit),
    )


def detail_of_unit(compared: Compared, unit: Unit) -> str:
    """Say what differs in an operation of both versions; empty if nothing does, or if only one has it."""
    if unit.kind is not ChangeKind.CHANGED or unit.baseline is None or unit.candidate is None:
        return ""
    graphs = compared.graphs[Arm.BASELINE], compared.graphs[Arm.CANDIDATE]
    return detail_of(graphs[0], unit.baseline, graphs[1], unit.candidate)


def _parts(traced: Traced, kinds: Sequence[str]) -> tuple[Part, ...]:
    """Add up each kind in each replica; the rest is what the execution without tracing takes beyond all operations."""
    names = [kind.value for kind in ChangeKind]
    sums = np.stack([traced.unit_ms[:, np.array(kinds) == name].sum(axis=1) for name in names], axis=1)
    arms = [
        np.column_stack([parts, plain - parts.sum(axis=1, keepdims=True)])
        for parts, plain in zip(per_replica(sums, traced), per_replica(traced.own_ms[:, None], traced), strict=True)
    ]
    found = differences(*arms)
    return tuple(Part(name, found.interval(number)) for number, name in enumerate((*names, REST)))


def _grouped(traced: Traced, keys: Sequence[str]) -> tuple[GroupChange, ...]:
    names, group = np.unique(np.array(keys), return_inverse=True)
    sums = np.stack([traced.unit_ms[:, group == number].sum(axis=1) for number in range(names.size)], axis=1)
    found = differences(*per_replica(sums, traced))
    groups = [GroupChange(str(name), _pair(found, n), found.interval(n)) for n, name in enumerate(names)]
    return tuple(sorted(groups, key=lambda each: -abs(each.change_ms.estimate))[:_MOST_GROUPS])


def _op_count(traced: Traced) -> tuple[int, int]:
    return int((traced.calls[0] > 0).sum()), int((traced.calls[1] > 0).sum())


def _overhead(traced: Traced) -> Interval:
    """Compare traced executions with the others of the same replicas, both arms together, as a share."""
    both = np.stack([traced.own_ms, traced.traced_ms], axis=1)
    rows = np.concatenate(per_replica(both, traced))
    shares = rows[:, 1:] / rows[:, :1] - 1
    found = differences(np.zeros_like(shares), shares)
    return found.interval(0)
