"""Pairs of models of 2 ms, matched by perfgate, with known times of all operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from perfgate.experiment.tracing import ExecutedGraph
from perfgate.explain.steps import Floats
from perfgate.explain.traces import Compared, compare_graphs
from perfgate.model.messages import RunMetadata
from perfgate.serving.interface import TracedGraph
from perfgate.trials import Arm
from tests.explain.graphs import Spec, graph_of, spec

EXECUTE_MS = 2.0
OUTSIDE_MS = 0.1
"""Of an execution, not in any operation."""
_KINDS = ("MatMul", "BiasAdd", "Relu", "Mul", "Sum")


@dataclass(frozen=True, slots=True)
class Pair:
    """What the candidate does differently; shares are of 2 ms, spread over places of the graph."""

    name: str
    added: float = 0.0
    removed: float = 0.0
    touched: float = 0.0
    """Time of operations that have other attributes in the candidate."""
    touched_by: float = 0.0
    """What these take longer."""
    places: int = 1
    """Each is a change of its own, with as much of each kind of difference."""
    slow: tuple[float, float] = (1.0, 1.0)
    """Factor on the largest operation that both have in 2 of 16 requests, baseline and candidate."""
    uneven: float = 0.0
    """Share of executions, at random, in which operations that differ take three times as long as in the others."""
    ops: int = 170
    """Operations that both have."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A pair, matched."""

    compared: Compared
    times_ms: Floats
    """Arms x units; 0 where the arm does not have the operation."""
    slow_unit: int


@dataclass(frozen=True, slots=True)
class _Op:
    name: str
    kind: str
    times_ms: tuple[float, float]
    attributes: tuple[int, int]


def _ops(pair: Pair) -> list[_Op]:
    """Return all operations in order; lengths of those that both have are lognormal, as in the examples' models."""
    found: list[_Op] = []
    every = pair.ops // pair.places
    lengths = np.exp(1.5 * np.random.default_rng(7).standard_normal(pair.ops))
    alike = EXECUTE_MS * (1 - pair.removed - pair.touched) - OUTSIDE_MS
    for number, share in enumerate((lengths / lengths.sum()).tolist()):
        found.append(_Op(f"op{number}", _KINDS[number % 5], (alike * share,) * 2, (number, number)))
        if number % every == every // 2 and number // every < pair.places:
            found += _different(pair, number)
    return found


def _different(pair: Pair, at: int) -> list[_Op]:
    of = EXECUTE_MS / pair.places
    found = [_Op(f"old{at}", "Tanh", (of * pair.removed, 0.0), (at, at))] * bool(pair.removed)
    found += [_Op(f"new{at}", "Mul", (0.0, of * pair.added), (1000 + at,) * 2)] * bool(pair.added)
    touched = of * pair.touched
    found += [_Op(f"wide{at}", "Conv2D", (touched, touched + of * pair.touched_by), (at, 2000 + at))] * bool(touched)
    return found


@cache
def matched(pair: Pair) -> Model:
    """Return the pair's operations as perfgate matches them."""
    ops = _ops(pair)
    compared = compare_graphs({arm: _executed(ops, side) for side, arm in enumerate(Arm)})
    times: Floats = np.zeros((2, len(compared.units)))
    for side, arm in enumerate(Arm):
        for op in ops:
            if op.times_ms[side]:
                times[side, compared.columns[arm][op.name]] = op.times_ms[side]
    both = np.where(compared.differs, 0.0, times.min(axis=0))
    return Model(compared, times, int(both.argmax()))


def _executed(ops: Sequence[_Op], side: int) -> ExecutedGraph:
    """Chain the operations that a side has."""
    specs: list[Spec] = [spec("x", "_Arg")]
    for op in ops:
        if op.times_ms[side]:
            specs.append(spec(op.name, op.kind, specs[-1].name, units=op.attributes[side]))
    ran = RunMetadata()
    ran.partition_graphs.add().CopyFrom(graph_of(specs, spec("y", "_Retval", specs[-1].name)))
    return ExecutedGraph(TracedGraph(("x",), ("y",), (), 0), ran.SerializeToString())


def slow_requests(requests: int) -> NDArray[np.bool_]:
    """Return which requests are slow: one in eight."""
    return np.asarray(np.arange(requests) % 8 == 3, np.bool_)


def truths(pair: Pair, requests: int) -> dict[str, float]:
    """Return the true change of each part, and of the execution, in ms, over all requests alike."""
    model = matched(pair)
    units = model.compared.units
    share = float(slow_requests(requests).mean())
    base, candidate = share * (np.array(pair.slow) - 1) * model.times_ms[:, model.slow_unit]
    change = model.times_ms[1] - model.times_ms[0]
    parts = {
        kind: float(sum(ms for ms, unit in zip(change, units, strict=True) if unit.kind == kind))
        for kind in ("added", "removed", "changed", "same")
    }
    parts["same"] += float(candidate - base)
    return {**parts, "rest": 0.0, "sum": sum(parts.values())}
