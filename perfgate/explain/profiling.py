"""From traced executions of one version to where its time goes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from perfgate.explain.names import scope_of, shown_name
from perfgate.explain.plumbing import PLUMBING
from perfgate.explain.profile import GroupTime, OpTime, Profile
from perfgate.explain.replicas import CONFIDENCE, replica_rows
from perfgate.explain.steps import Floats
from perfgate.explain.traces import Traced
from perfgate.trials import Arm

_MOST_OPS, _MOST_GROUPS = 100, 30
_NEARLY_ALL = 0.9


def profile_of(traced: Traced, arm: Arm = Arm.CANDIDATE, peak_bytes: int = 0) -> Profile:
    """Divide an execution's time among operations; at least two replicas of the arm."""
    rows = replica_rows(traced.unit_ms, traced, arm)
    own = replica_rows(traced.own_ms[:, None], traced, arm)
    nodes = [traced.compared.node(unit) for unit in traced.compared.units]
    layers = layers_of([node.name for node in nodes], rows.mean(axis=0).tolist())
    calls = traced.calls[list(Arm).index(arm)]
    seen = np.flatnonzero(calls > 0)
    times = _intervals(rows)
    ops = [
        OpTime(nodes[n].op, shown_name(nodes[n].name), layers[n], *times[n], float(calls[n]))
        for n in seen
        if nodes[n].op not in PLUMBING or times[n][0] > 0
    ]
    execute_ms, low, high = _intervals(own)[0]
    overhead = float((replica_rows(traced.traced_ms[:, None], traced, arm) / own).mean() - 1)
    mine = traced.arm == (arm is Arm.CANDIDATE)
    return Profile(
        execute_ms=execute_ms,
        low=low,
        high=high,
        ops=tuple(sorted(ops, key=lambda op: -op.ms)[:_MOST_OPS]),
        by_type=_grouped(rows, [node.op for node in nodes]),
        by_layer=_grouped(rows, layers),
        rest_ms=execute_ms - float(rows.sum(axis=1).mean()),
        op_count=int(seen.size),
        tracing_overhead=overhead,
        executions=int(mine.sum()),
        replicas=len(rows),
        peak_bytes=peak_bytes,
        confidence=CONFIDENCE,
    )


def layers_of(names: Sequence[str], times_ms: Sequence[float]) -> list[str]:
    """Return the layer that each operation belongs to: the first part of its scope within the model's own name.

    The model's name is what is around nearly all of the time. Keras numbers layers by how often they were called: `_1`
    of all of them is left out.
    """
    scopes = [scope_of(name).split("/") for name in names]
    around = _around(scopes, times_ms)
    inside = [parts[1] if len(parts) > 1 and parts[0] == around else "" for parts in scopes]
    called = {name for name in inside if name}
    numbered = bool(called) and all(name.endswith("_1") for name in called)
    return [
        (name.removesuffix("_1") if numbered else name) if name else parts[0]
        for name, parts in zip(inside, scopes, strict=True)
    ]


def _around(scopes: Sequence[Sequence[str]], times_ms: Sequence[float]) -> str:
    """Return the first part that nearly all scopes with several parts have, by time; empty if there is none."""
    found: dict[str, float] = {}
    for parts, ms in zip(scopes, times_ms, strict=True):
        if len(parts) > 1:
            found[parts[0]] = found.get(parts[0], 0.0) + ms
    name = max(found, key=lambda each: found[each], default="")
    return name if name and found[name] >= _NEARLY_ALL * sum(found.values()) else ""


def _intervals(rows: Floats) -> list[tuple[float, float, float]]:
    """Return mean and two-sided interval of each column, by Student's t over replicas."""
    mean, count = rows.mean(axis=0), len(rows)
    half = -special.stdtrit(count - 1, (1 - CONFIDENCE) / 2) * rows.std(axis=0, ddof=1) / np.sqrt(count)
    columns = zip(mean.tolist(), (mean - half).tolist(), (mean + half).tolist(), strict=True)
    return [(value, max(low, 0.0), high) for value, low, high in columns]


def _grouped(rows: Floats, keys: Sequence[str]) -> tuple[GroupTime, ...]:
    names, group = np.unique(np.array(keys), return_inverse=True)
    sums = np.stack([rows[:, group == number].sum(axis=1) for number in range(names.size)], axis=1)
    groups = [GroupTime(str(name), *times) for name, times in zip(names, _intervals(sums), strict=True)]
    return tuple(sorted((each for each in groups if each.ms > 0), key=lambda each: -each.ms)[:_MOST_GROUPS])
