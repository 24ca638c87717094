"""Causes in the graph: groups of operations that differ, tested, named, and added up by cause."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from perfgate.explain.attribution import detail_of_unit
from perfgate.explain.cause_table import BY_CODE
from perfgate.explain.classify import Group, code_of
from perfgate.explain.components import Component, components
from perfgate.explain.explanation import Cause, ChangeKind, Interval
from perfgate.explain.names import NO_SCOPE, scope_of, shown_name
from perfgate.explain.plumbing import PLUMBING
from perfgate.explain.replicas import ALPHA, differences, holm, per_replica
from perfgate.explain.tensors import Tensors
from perfgate.explain.traces import Traced
from perfgate.formatting import difference, difference_interval, number
from perfgate.trials import Arm

_LEAST_SHARE = 0.001
"""Of the execution time: smaller changes are not named as causes."""
_REPLACED_SHARE = 0.01
"""Of the execution time: operations of so much time that were replaced are named, even if the time is the same."""
_SAVES = BY_CODE["op removed"].remedy
_UNSURE = "; the time could be the same"
_EXCHANGED = ((0, ChangeKind.REMOVED), (1, ChangeKind.ADDED))
_MOST_NAMED, _MOST_EVIDENCE = 3, 3


def graph_causes(traced: Traced, tensors: Mapping[Arm, Tensors], execute_ms: float) -> tuple[tuple[Cause, float], ...]:
    """Return the causes in the graph, each with its share of the baseline's execution time.

    A group counts if its time differs with error control over all groups; groups of the same cause are added up.
    """
    found = [each for each in components(traced.compared) if _acts(traced, each)]
    if not found:
        return ()
    sums = np.stack([traced.unit_ms[:, list(each)].sum(axis=1) for each in found], axis=1)
    tested = differences(*per_replica(sums, traced))
    costs = holm(tested.p_values(), ALPHA) & (np.abs(tested.estimate) >= _LEAST_SHARE * execute_ms)
    by_code: dict[tuple[str, bool], list[Component]] = defaultdict(list)
    for component, is_sure in zip(found, costs.tolist(), strict=True):
        group = _group(traced, component, tensors)
        if is_sure or _replaces(group, _REPLACED_SHARE * execute_ms):
            by_code[code_of(group), is_sure].append(component)
    return tuple(_cause(traced, code, each, execute_ms, is_sure=sure) for (code, sure), each in by_code.items())


def _replaces(group: Group, least_ms: float) -> bool:
    """Return whether operations were exchanged for others, both of some weight."""
    gone, come = (sum(group.times_ms[n][side] for n in group.of(kind)) for side, kind in _EXCHANGED)
    return min(gone, come) >= least_ms


def _acts(traced: Traced, component: Component) -> bool:
    return any(_op(traced, number) not in PLUMBING for number in component)


def _op(traced: Traced, unit: int) -> str:
    return traced.compared.node(traced.compared.units[unit]).op


def _group(traced: Traced, component: Component, tensors: Mapping[Arm, Tensors]) -> Group:
    units = list(component)
    means = differences(*per_replica(traced.unit_ms[:, units], traced)).means
    times = {n: (float(means[0, place]), float(means[1, place])) for place, n in enumerate(units)}
    calls = {n: (float(traced.calls[0, n]), float(traced.calls[1, n])) for n in units}
    return Group(traced.compared, component, tensors, times, calls)


def _cause(
    traced: Traced, code: str, parts: Sequence[Component], execute_ms: float, *, is_sure: bool
) -> tuple[Cause, float]:
    units = [number for part in parts for number in part]
    found = differences(*per_replica(traced.unit_ms[:, units].sum(axis=1)[:, None], traced))
    each = differences(*per_replica(traced.unit_ms[:, units], traced))
    order = np.argsort(-np.abs(each.estimate))
    weighty = [units[place] for place in order if _op(traced, units[place]) not in PLUMBING]
    change = found.interval(0)
    cause = Cause(
        code=code,
        sentence=_sentence(traced, code, weighty) + ("" if is_sure else _UNSURE),
        remedy=_SAVES if is_sure and change.estimate < 0 else BY_CODE[code].remedy,
        evidence=tuple(_evidence(traced, n, each.interval(units.index(n))) for n in weighty[:_MOST_EVIDENCE]),
        change_ms=change,
        ops=tuple(traced.compared.node(traced.compared.units[n]).name for n in weighty),
    )
    return cause, change.estimate / execute_ms if is_sure else 0.0


def _sentence(traced: Traced, code: str, units: Sequence[int]) -> str:
    compared = traced.compared
    scopes = list(dict.fromkeys(scope_of(compared.node(compared.units[n]).name) for n in units))
    more = f" and {len(scopes) - _MOST_NAMED} more" if len(scopes) > _MOST_NAMED else ""
    where = f" in {', '.join(scopes[:_MOST_NAMED])}{more}" if scopes != [NO_SCOPE] else ""
    return f"{BY_CODE[code].meaning[:-1]}{where}"


def _evidence(traced: Traced, unit: int, change: Interval) -> str:
    compared = traced.compared
    found = compared.units[unit]
    node, calls = compared.node(found), traced.calls[:, unit].tolist()
    detail = detail_of_unit(compared, found)
    words = f" ({detail})" if detail else ""
    often = f", {number(calls[0])} -> {number(calls[1])} executions a request" if _often(found.kind, calls) else ""
    amount = f"{difference(change.estimate, 'ms')} {difference_interval(change.low, change.high, 'ms')}"
    return f"{found.kind.value} {node.op} {shown_name(node.name)}: {amount}{words}{often}"


def _often(kind: ChangeKind, calls: Sequence[float]) -> bool:
    return max(calls) > 1 or (kind is ChangeKind.CHANGED and calls[0] != calls[1])
